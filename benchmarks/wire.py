"""Wire: a gateway at work whose orders arrive at a server that ends them all, to see when the last of a bar is there.

The gateway is the real loop with its journal on the disk and its lines, in a process of its own; its clock is the
market's, which moves a bar at a time, so no limit of ours makes it wait. The server notes when it has read each order's
request: the way through the socket is in the time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import orjson
from aiohttp import web

from benchmarks.gateway import ENDED, FREE, OPEN, Watched
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.trading.gateway_loop import GatewayLoop
from qt_ray.core.orders import Intent
from qt_ray.execution.gateway.engine import Gateway

PATIENCE_S: Final = 30.0
NOT_TRIED_AGAIN: Final = replace(FREE, retry_ms=())


class Counter:
    """A server that says of every order that it has ended, and knows when it read each."""

    def __init__(self) -> None:
        """Listen nowhere yet."""
        self._read_s: dict[str, float] = {}
        self._news = asyncio.Event()
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None))

    async def opened(self) -> str:
        """Return where it listens from now on."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def last_s(self, names: Sequence[str]) -> float:
        """Return when the last of these orders had been read, once all are; they are forgotten by that."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._read_s.keys() >= set(names):
                self._news.clear()
                await self._news.wait()
        return max(self._read_s.pop(name) for name in names)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        at_s, many = perf_counter(), request.query.get("batchOrders")
        orders = [request.query] if many is None else orjson.loads(many)
        names = [order.get("newClientOrderId", "") for order in orders]
        self._read_s.update(dict.fromkeys(names, at_s))
        self._news.set()
        told: list[dict[str, Any]] = [{**ENDED, "clientOrderId": name} for name in names]
        return web.Response(body=orjson.dumps(told[0] if many is None else told), content_type="application/json")


class Wire:
    """A gateway that carries intents out, for as long as its process lives."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty journal in a folder."""
        self._journal, self._at_ms = JournalFile(folder), 0

    async def begin(self, url: str) -> None:
        """Begin to work for the server at an address."""
        session = Watched(await BinanceSession.open(Endpoints(url, url), Signer("key", "secret")))
        self._loop = GatewayLoop(Gateway(NOT_TRIED_AGAIN), self._journal, session, clock=lambda: self._at_ms)
        self._work = asyncio.create_task(self._loop.run())
        await asyncio.sleep(0)
        self._loop.take(partial(self._loop.engine.fenced, OPEN))

    async def carry(self, intents: tuple[Intent, ...], at_ms: int) -> None:
        """Carry intents out at a time of the market's."""
        self._at_ms = at_ms
        self._loop.take(partial(self._loop.engine.want_all, intents))
