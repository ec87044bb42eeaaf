"""Front: HTTP and WebSockets of the venue on one port, as thin as they can be.

It moves bytes between sockets and values: a request to the door, a stream socket to the hub. Nothing is routed but by
the tables that the door and the streams already have.
"""

from collections.abc import Callable

from aiohttp import WSMsgType, web

from qt_ray.adapters.paper.carriage import carry
from qt_ray.adapters.paper.door import Door, Reply, http_request, refused
from qt_ray.adapters.paper.frames import PONG, closing, frame
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.hub import Line, Listener
from qt_ray.adapters.paper.sockets import Address, Guest, Manners, address_of, is_farewell
from qt_ray.adapters.paper.stream_commands import obey
from qt_ray.adapters.paper.stream_names import Road, stream_of
from qt_ray.adapters.paper.ws_api import answer
from qt_ray.execution.exchange.values import Refusal

WS_API_PATH = "/ws-fapi/v1"
KEY_HEADER = "X-MBX-APIKEY"
MESSAGE_BYTES_MAX = 65_536
TOO_MUCH = closing(1008, "Too many requests")


class Front:
    """The venue's face to its clients."""

    def __init__(self, hall: Hall, door: Door, manners: Manners) -> None:
        self._hall, self._door, self._manners = hall, door, manners
        self._guests: set[Guest] = set()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it turns out to be."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            path = request.path.rstrip("/")
            if path == WS_API_PATH:
                return await self._api(request)
            if (address := address_of(path, request.query_string)) is not None:
                return await self._stream(request, address)
        return await self._rest(request)

    def keep_house(self, now_ms: int) -> None:
        """Ping who is due, and show out whose time is over."""
        for guest in tuple(self._guests):
            if (blob := guest.due(self._manners, now_ms)) is not None:
                guest.listener.line.write(blob)
                if is_farewell(blob):
                    guest.listener.line.close()

    def close(self, wanted: Callable[[Listener], bool]) -> int:
        """Close the sockets that are meant; return how many."""
        meant = [guest for guest in self._guests if wanted(guest.listener)]
        for guest in meant:
            guest.listener.line.close()
        return len(meant)

    def stall(self, wanted: Callable[[Listener], bool], is_stalled: bool) -> int:
        """Let sockets fall silent while their pings are answered, or speak again; return how many."""
        meant = [guest for guest in self._guests if wanted(guest.listener)]
        for guest in meant:
            guest.listener.is_stalled = is_stalled
        return len(meant)

    def announce(self, payload: bytes) -> int:
        """Tell every socket, whatever it listens to; return how many."""
        for guest in self._guests:
            guest.listener.send(frame(payload))
        return len(self._guests)

    async def _rest(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        body = await request.read() if request.body_exists else b""
        try:
            asked = http_request(
                request.method, path, query.encode(), body, request.headers.get(KEY_HEADER), request.remote or ""
            )
        except Refusal as refusal:
            return _response(refused(refusal, {}))
        reply = await carry(self._door, self._hall.faults, asked)
        if reply is None or reply.is_cut:
            return _cut(request, reply)
        return _response(reply)

    async def _stream(self, request: web.BaseRequest, address: Address) -> web.StreamResponse:
        socket, line = await _opened(request)
        listener = Listener(line, address.road, address.is_wrapped, address.events)
        now_ms = self._hall.now()
        guest = Guest(listener, now_ms, now_ms, now_ms)
        self._guests.add(guest)
        self._hall.hub.join(listener, self._heard(address))
        try:
            await self._listen(socket, guest)
        finally:
            self._guests.discard(guest)
            self._hall.hub.leave(listener)
        return socket

    def _heard(self, address: Address) -> list[str]:
        """Return the streams that an address names; what is neither a stream nor a listen key is junk."""
        names = [name for name in address.names if stream_of(name) or self._is_key(name)]
        return names if address.listen_key is None else [*names, address.listen_key]

    def _is_key(self, name: str) -> bool:
        return self._hall.listen_keys.account_of(name, self._hall.now()) is not None

    async def _listen(self, socket: web.WebSocketResponse, guest: Guest) -> None:
        """Hear a client until it leaves or says too much."""
        async for message in socket:
            now_ms = self._hall.now()
            if not guest.says(now_ms):
                guest.listener.line.write(TOO_MUCH)
                guest.listener.line.close()
                return
            if message.type is WSMsgType.PING:
                guest.listener.line.write(frame(message.data, PONG))
            elif message.type is WSMsgType.PONG:
                guest.ponged_ms = now_ms
            elif message.type is WSMsgType.TEXT:
                guest.listener.send(frame(obey(self._hall.hub, guest.listener, message.data.encode())))

    async def _api(self, request: web.BaseRequest) -> web.StreamResponse:
        socket, line = await _opened(request)
        now_ms = self._hall.now()
        guest = Guest(Listener(line, Road.ANY, False), now_ms, now_ms, now_ms)
        self._guests.add(guest)
        try:
            async for message in socket:
                if message.type is WSMsgType.PING:
                    line.write(frame(message.data, PONG))
                elif message.type is WSMsgType.PONG:
                    guest.ponged_ms = self._hall.now()
                elif message.type is WSMsgType.TEXT and not await self._answer(line, message.data, request.remote):
                    line.abort()
        finally:
            self._guests.discard(guest)
        return socket

    async def _answer(self, line: Line, said: str, remote: str | None) -> bool:
        """Answer one request of the WS API; False when the connection is cut instead."""
        blob = await answer(self._door, self._hall, said.encode(), remote or "")
        if blob is not None:
            line.write(frame(blob))
        return blob is not None


async def _opened(request: web.BaseRequest) -> tuple[web.WebSocketResponse, Line]:
    """Return a socket, and the line below it to which whole frames are written."""
    socket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=MESSAGE_BYTES_MAX)
    await socket.prepare(request)
    line = request.transport
    if line is None:
        raise ConnectionResetError("a socket has a transport, this one is gone")
    return socket, line


def _response(reply: Reply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, headers=reply.headers, content_type=reply.content_type)


def _cut(request: web.BaseRequest, reply: Reply | None) -> web.Response:
    """End the connection: at once, or in the middle of the reply."""
    line = request.transport
    if line is not None and reply is None:
        line.abort()
    elif line is not None and reply is not None:
        head = f"HTTP/1.1 {reply.status} OK\r\nContent-Length: {len(reply.body)}\r\n"
        half = reply.body[: len(reply.body) // 2]
        line.write(f"{head}Content-Type: {reply.content_type}\r\n\r\n".encode() + half)
        line.close()
    return web.Response()
