"""Connection: one web socket that proves it lives, or ends and says why.

Silence is broken by our own ping; a socket that then stays silent is dead, however open it looks. Time is counted only
while we listen, so a slow consumer, which simply is not read for, never makes a living socket look dead.
"""

from math import inf
from typing import Self

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, ClientWSTimeout, WSMessage, WSMsgType
from yarl import URL

from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.core.errors import Retryable

MESSAGE_MAX = 8 * 2**20
# A dead socket says no farewell, and nobody should wait for one.
FAREWELL = ClientWSTimeout(ws_close=0.5)


class Connection:
    """An open socket; `ended` says why it is no more."""

    def __init__(self, socket: ClientWebSocketResponse, pace: Pace) -> None:
        self._socket = socket
        self._pace = pace
        self.ended = ""

    @classmethod
    async def open(cls, http: ClientSession, url: URL, pace: Pace) -> Self:
        """Return an open connection; an address may hold a key, so no error repeats it."""
        try:
            socket = await http.ws_connect(url, autoping=False, max_msg_size=MESSAGE_MAX, timeout=FAREWELL)
        except (ClientError, TimeoutError, OSError) as error:
            raise Retryable(f"a stream opens, it did not: {type(error).__name__}") from None
        return cls(socket, pace)

    async def hear(self, quiet_s: float = inf) -> str | bytes | None:
        """Return the next message, or nothing when the connection has ended; `quiet_s` without one ends it as well."""
        began_ns = monotonic_ns()
        while not self.ended:
            try:
                frame = await self._frame()
                if frame is not None and frame.type is WSMsgType.PING:
                    await self._socket.pong(frame.data)
            except (ClientError, OSError) as error:
                self.ended = type(error).__name__
                return None
            if frame is None:
                self.ended = f"silent for {self._pace.ping_s + self._pace.pong_s:g} s, even when pinged"
            elif frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data: str | bytes = frame.data
                return data
            elif frame.type not in (WSMsgType.PING, WSMsgType.PONG):
                self.ended = f"closed with {self._socket.close_code}"
            elif monotonic_ns() - began_ns >= quiet_s * 1e9:
                self.ended = f"nothing but pongs for {quiet_s:g} s"
        return None

    async def say(self, text: str) -> None:
        """Send a message; a connection that cannot ends, and whoever hears it learns so."""
        try:
            await self._socket.send_str(text)
        except (ClientError, OSError) as error:
            self.ended = self.ended or type(error).__name__

    async def close(self) -> None:
        """Close the socket, politely and briefly."""
        self.ended = self.ended or "closed by us"
        await self._socket.close()

    async def _frame(self) -> WSMessage | None:
        try:
            return await self._socket.receive(self._pace.ping_s)
        except TimeoutError:
            await self._socket.ping()
        try:
            return await self._socket.receive(self._pace.pong_s)
        except TimeoutError:
            return None
