"""A tiny honest venue on loopback: it checks every signature over the raw bytes, keeps what it was sent, and misbehaves
exactly as a test says."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.clock import now_ms

KEY, SECRET = "canary-key-4711", "canary-secret-4712"
QUICK = Pace(
    ping_s=0.1,
    pong_s=0.1,
    keep_key_s=0.2,
    keep_key_again_s=0.05,
    overlap_s=0.05,
    steady_s=0.0,
    retry_first_s=0.01,
    retry_max_s=0.05,
    repair_s=0.01,
)

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(body: Any, status: int = 200, **headers: str) -> Behaviour:
    """Answer with a body."""

    async def answer(_: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return web.Response(body=raw, status=status, headers=headers)

    return answer


def refuses(status: int, code: int, message: str = "no", **headers: str) -> Behaviour:
    """Answer with the venue's form of a no."""
    return says({"code": code, "msg": message}, status, **headers)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Take the request and cut the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cuts_short(request: web.Request) -> web.StreamResponse:
    """Promise a long answer and stop in the middle of it."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"orderId": 1')
    assert request.transport is not None
    request.transport.close()
    return response


async def never_answers(_: web.Request) -> web.StreamResponse:
    """Take the request and keep still."""
    await asyncio.sleep(30)
    return web.Response()


class Venue:
    """The fake; `plans` holds what to do with the next requests of a path, and afterwards with all of them."""

    def __init__(self) -> None:
        self.plans: dict[tuple[str, str], list[Behaviour]] = {}
        self.heard: list[web.Request] = []
        self.callers: set[object] = set()
        self.sockets: list[web.WebSocketResponse] = []
        self.doors: dict[str, web.WebSocketResponse] = {}
        self.opened = asyncio.Condition()
        self.said: list[Any] = []
        self.pongs = True
        self.refused_sockets = 0
        self.skew_ms = 0
        self.keys = 0
        self.url = ""

    def plan(self, method: str, path: str, *behaviours: Behaviour) -> None:
        self.plans[method, path] = list(behaviours)

    def asked(self, method: str, path: str) -> list[web.Request]:
        return [request for request in self.heard if (request.method, request.path) == (method, path)]

    def calls(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.heard if r.path not in ("/fapi/v1/time", "/fapi/v1/listenKey")]

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.url, self.url.replace("http", "ws"))

    async def rest(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.heard.append(request)
        assert request.transport is not None
        self.callers.add(request.transport.get_extra_info("peername"))
        assert request.headers["X-MBX-APIKEY"] == KEY
        if not signed_rightly(request):
            return web.json_response({"code": -1022, "msg": "Signature for this request is not valid."}, status=400)
        planned = self.plans.get((request.method, request.path))
        if planned:
            return await (planned.pop(0) if len(planned) > 1 else planned[0])(request)
        return self.usual(request)

    def usual(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/fapi/v1/time":
            return web.json_response({"serverTime": now_ms() + self.skew_ms})
        if request.path == "/fapi/v1/listenKey":
            self.keys += request.method == "POST"
            return web.json_response({"listenKey": f"key-{self.keys}"} if request.method == "POST" else {})
        return web.json_response({"code": -5000, "msg": f"Path {request.path} is invalid."}, status=404)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        if self.refused_sockets:
            self.refused_sockets -= 1
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        async with self.opened:
            self.sockets.append(socket)
            self.doors[request.match_info["route"]] = socket
            self.opened.notify_all()
        async for message in socket:
            if message.type is WSMsgType.PING and self.pongs:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self.said.append(orjson.loads(message.data))
                async with self.opened:
                    self.opened.notify_all()
        return socket

    async def connected(self, count: int) -> web.WebSocketResponse:
        """Return the `count`-th socket once it is open."""
        async with self.opened:
            await self.opened.wait_for(lambda: len(self.sockets) >= count)
        return self.sockets[count - 1]

    async def told(self, count: int) -> None:
        """Return once so many messages came in over sockets."""
        async with self.opened:
            await self.opened.wait_for(lambda: len(self.said) >= count)


def signed_rightly(request: web.Request) -> bool:
    query, found, signature = request.raw_path.partition("?")[2].partition("&signature=")
    return not found or hmac.new(SECRET.encode(), query.encode(), sha256).hexdigest() == signature


@asynccontextmanager
async def venue() -> AsyncIterator[Venue]:
    """Yield a venue that listens."""
    fake = Venue()
    app = web.Application()
    app.router.add_route("*", "/fapi/{rest:.*}", fake.rest)
    app.router.add_route("*", "/sapi/{rest:.*}", fake.rest)
    app.router.add_get("/{route}/{form}", fake.stream)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        for socket in fake.sockets:
            await socket.close(code=WSCloseCode.GOING_AWAY)
        await runner.cleanup()


@asynccontextmanager
async def session_at(
    fake: Venue, pace: Pace = QUICK, patience: Patience | None = None
) -> AsyncIterator[BinanceSession]:
    """Yield a session with a venue."""
    wait = patience or Patience(connect_ms=500, answer_ms=300)
    session = await BinanceSession.open(fake.endpoints, Signer(KEY, SECRET), wait, pace)
    try:
        yield session
    finally:
        await session.close()
