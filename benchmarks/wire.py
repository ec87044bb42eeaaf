"""Wire: a gateway in a process of its own, from errands to bytes on the socket, for whoever times the whole way there.

Its venue is a handler in the same process that ends every order at once. Its journal is on the disk and forced, as in
life. By its own clock one cycle is long after the other, so that what is measured is the way and not the toll.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import orjson
from aiohttp import web

from benchmarks.gateway import ENDED, FREE, OPEN, PACE_S, START_MS, Watched
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.trading.gateway_loop import GatewayLoop
from qt_ray.core.errors import Invariant
from qt_ray.core.orders import Intent
from qt_ray.execution.gateway.effects import Declined, Effect
from qt_ray.execution.gateway.engine import Gateway

CYCLE_MS: Final = 20_000


def ended(order: dict[str, str]) -> dict[str, object]:
    """Return that an order has ended."""
    return {**ENDED, "symbol": order["symbol"], "side": order["side"], "clientOrderId": order["newClientOrderId"]}


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """Say of every order, alone or among others, that it has ended."""
    asked = dict(request.query)
    many = asked.get("batchOrders")
    found = ended(asked) if many is None else list(map(ended, orjson.loads(many)))
    return web.Response(body=orjson.dumps(found), content_type="application/json")


class Wire:
    """The gateway; each cycle is carried out before the next is taken."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._cycles, self._parts = folder, 0, AsyncExitStack()
        self._session: Watched | None = None
        self._loop: GatewayLoop | None = None

    async def open(self) -> None:
        """Open the venue, a session with it, and the gateway."""
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        self._parts.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._session = Watched(await BinanceSession.open(Endpoints(url, url), Signer("key", "secret")))
        self._parts.push_async_callback(self._session.close)
        journal = JournalFile(self._folder)
        self._loop = GatewayLoop(Gateway(FREE), journal, self._session, clock=self._now_ms)
        self._work = asyncio.create_task(self._loop.run())
        await asyncio.sleep(PACE_S)
        self._loop.take(partial(self._loop.engine.fenced, OPEN))

    async def carry(self, intents: tuple[Intent, ...]) -> Sequence[float]:
        """Place orders, and return when the bytes of each have left, by this machine's steady clock."""
        session, loop = self._opened()
        self._cycles += 1
        session.left_s.clear()
        loop.take(partial(self._wanted, intents))
        while len(session.left_s) < len(intents):
            session.answered.clear()
            await session.answered.wait()
        return tuple(session.left_s)

    async def close(self) -> None:
        """End everything that was opened."""
        self._work.cancel()
        await asyncio.wait((self._work,))
        await self._parts.aclose()

    def _opened(self) -> tuple[Watched, GatewayLoop]:
        if self._session is None or self._loop is None:
            raise Invariant("wire: it was opened")
        return self._session, self._loop

    def _wanted(self, intents: tuple[Intent, ...], at_ms: int) -> list[Effect]:
        _, loop = self._opened()
        effects = loop.engine.want_all(intents, at_ms)
        for effect in effects:
            if isinstance(effect, Declined):
                raise Invariant(f"wire: every order leaves, one was declined: {effect.reason}")
        return effects

    def _now_ms(self) -> int:
        return START_MS + self._cycles * CYCLE_MS
