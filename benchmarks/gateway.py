"""Gateway: from an approved intent to bytes on the socket, and from the venue's word to books that would survive.

A coroutine that asks first waits when its bytes have left, so that moment is the end of the way out. The way in is
measured whole, through real sockets: from the venue's deed to the ledger's entry on the disk. What the disk takes is
stated apart, since it is the machine's and not ours.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import orjson
from aiohttp import ClientSession, web

from benchmarks.form import Row, Sample, at_most, less_is_better, main
from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.requests import plan_of
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.disk import RealDisk
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.adapters.trading.gateway_loop import GatewayLoop
from qt_ray.core.codec import canonical
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.gateway.effects import Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.rules import Allowance, Rules
from qt_ray.execution.venue.calls import Answer, Call, Place
from qt_ray.execution.venue.news import News, StreamUp

US, MS = 1e6, 1e3
SYMBOL: Final = "BTCUSDT"
OPEN: Final = Fence(1, 2**53)
# Limits that would make a quick run wait are lifted: what is measured is the way, not the toll.
FREE: Final = Rules(
    Limits(
        orders_per_second_max=30,
        orders_per_10s_account_max=300,
        orders_per_minute_symbol_max=1_200,
        duplicate_window_ms=0,
    ),
    Allowance(weight_minute=10**6, orders_ten_seconds=10**6, orders_minute=10**6),
)
PACE_S: Final = 0.05
SIDES: Final = ("BUY", "SELL")
# Every order of the way out ends at once, as in a program that keeps no doubt and no order open.
ENDED: Final = {
    "orderId": 1,
    "symbol": SYMBOL,
    "status": "CANCELED",
    "price": "0",
    "avgPrice": "0",
    "origQty": "0.010",
    "executedQty": "0",
    "timeInForce": "GTC",
    "type": "MARKET",
    "reduceOnly": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "updateTime": 1_566_818_724_722,
}


class Unforced(RealDisk):
    """A disk that forces nothing, to see what is left of a way when the disk costs nothing."""

    def sync(self, handle: int) -> None:
        """Leave it to the system."""


class Departure:
    """An awaitable that remembers when its work first had to wait."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self.left_s = 0.0

    def __await__(self) -> Generator[Any, Any, Any]:
        """Work as before, with a look at the clock at the first wait."""
        try:
            waited = self._work.send(None)
        except StopIteration as done:
            return done.value
        self.left_s = perf_counter()
        while True:
            told = yield waited
            try:
                waited = self._work.send(told)
            except StopIteration as done:
                return done.value


class Watched:
    """A session that notes when the bytes of each order have left, and hears of nothing but that it may."""

    def __init__(self, session: BinanceSession) -> None:
        self._session = session
        self.left_s: list[float] = []
        self.answered = asyncio.Event()

    async def ask(self, call: Call) -> Answer[Any]:
        """Ask, and note the departure of an order."""
        departure = Departure(self._session.ask(call))
        answer: Answer[Any] = await departure
        if isinstance(call, Place):
            self.left_s.append(departure.left_s)
            self.answered.set()
        return answer

    async def news(self) -> AsyncIterator[News]:
        """Yield that the stream is up, and then nothing."""
        yield StreamUp(now_ms())
        await asyncio.Event().wait()

    async def close(self) -> None:
        """End the conversation."""
        await self._session.close()


def intent(number: int) -> Intent:
    """Return an entry like no other."""
    decision = f"bench{number}"
    name = str(ClientOrderId("bench", intent_id(decision, "entry")))
    return Intent(name, SYMBOL, Side.BUY, OrderType.MARKET, Decimal("0.01"), decision, 1, 1)


def share(times: list[float], part: float) -> Sample:
    """Return a quantile of times, with their extremes."""
    ordered = sorted(times)
    return Sample(ordered[min(int(len(ordered) * part), len(ordered) - 1)], len(ordered), (ordered[0], ordered[-1]))


@asynccontextmanager
async def trivial() -> AsyncIterator[str]:
    """Yield the address of a server that says of every order that it has ended, without looking."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        name = request.query.get("newClientOrderId", "")
        return web.Response(body=orjson.dumps({**ENDED, "clientOrderId": name}), content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def outwards(count: int, disk: RealDisk, folder: Path) -> list[float]:
    """Return the seconds from each approved intent until the bytes of its order have left."""
    async with trivial() as url:
        session = Watched(await BinanceSession.open(Endpoints(url, url), Signer("key", "secret")))
        journal = JournalFile(folder, disk=disk)
        loop = GatewayLoop(Gateway(FREE), journal, session)
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(PACE_S)
        loop.take(partial(loop.engine.fenced, OPEN))
        times = []
        for number in range(count):
            session.answered.clear()
            started = perf_counter()
            loop.take(partial(loop.engine.want, intent(number)))
            await session.answered.wait()
            times.append(session.left_s[-1] - started)
            await asyncio.sleep(PACE_S)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        journal.close()
        await session.close()
        return times


async def round_trips(count: int) -> tuple[list[float], list[float]]:
    """Return the seconds of an order by the adapter, and of a bare request of the same size to the same handler."""
    async with trivial() as url, ClientSession() as http:
        session = await BinanceSession.open(Endpoints(url, url), Signer("key", "secret"))
        name = "a" * 300

        async def bare() -> None:
            async with http.post(f"{url}/fapi/v1/order?q={name}") as response:
                await response.read()

        ours, theirs = [], []
        for number in range(count):
            ours.append(await _timed(session.ask(Place(intent(number)))))
            theirs.append(await _timed(bare()))
        await session.close()
        return ours, theirs


async def _timed(work: Coroutine[Any, Any, Any]) -> float:
    started = perf_counter()
    await work
    return perf_counter() - started


def decided(count: int, folder: Path) -> tuple[list[float], list[float]]:
    """Return the seconds in which the engine decides on an intent, and in which its records are on the disk."""
    gateway, journal = Gateway(FREE), JournalFile(folder)
    gateway.fenced(OPEN, 0)
    decisions, appends = [], []
    for number in range(count):
        wanted, at_ms = intent(number), number * 60
        started = perf_counter()
        effects = gateway.want(wanted, at_ms)
        settled = perf_counter()
        journal.append_many([canonical(effect.record) for effect in effects if isinstance(effect, Write)])
        appends.append(perf_counter() - settled)
        decisions.append(settled - started)
        [send] = [effect for effect in effects if isinstance(effect, Send)]
        [step] = plan_of(send.call, False).steps
        gateway.answered(send.call_id, step.read({**ENDED, "clientOrderId": wanted.client_id}), at_ms)
    journal.close()
    return decisions, appends


async def inwards(count: int, folder: Path) -> list[float]:
    """Return the seconds from a trade that the venue tells of until the books' entry is on the disk."""
    venue = PaperVenue(PaperSettings(symbols=(SYMBOL,), step_ms=0, balance=Decimal(10_000_000), weight_minute=10**9))
    await venue.start()
    session = await BinanceSession.open(Endpoints(venue.base_url, venue.ws_url), Signer(PAPER_KEY, PAPER_SECRET))
    posted = asyncio.Event()

    def mark(point: str, about: object) -> None:
        if point == "posted":
            posted.set()

    rules = Rules(allowance=Allowance(weight_minute=10**6))
    account = await AccountLoop.open(folder, session, (SYMBOL,), rules, Keeping(), mark=mark)
    task = asyncio.create_task(account.run())
    while account.custody.why_closed(now_ms()) is not None:
        await asyncio.sleep(PACE_S)
    times = []
    for number in range(count):
        posted.clear()
        venue.control.do("order", {"symbol": SYMBOL, "side": SIDES[number % 2], "type": "MARKET", "quantity": "0.01"})
        started = perf_counter()
        await posted.wait()
        times.append(perf_counter() - started)
        await asyncio.sleep(PACE_S)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await session.close()
    await venue.stop()
    return times


def measure(quick: bool) -> list[Row]:
    """Time the way out, the way in and the round trip."""
    count = 20 if quick else 300
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        ours, bare = asyncio.run(round_trips(count))
        engine, forced = decided(count, folder / "forced")
        way = asyncio.run(outwards(count, Unforced(), folder / "way"))
        whole = asyncio.run(outwards(count, RealDisk(), folder / "whole"))
        told = asyncio.run(inwards(count // 2, folder / "told"))
    half, tail = 0.5, 0.99
    return [
        less_is_better(
            "order by the adapter vs bare request to the same handler, p50",
            "us",
            share(ours, half).scaled(US),
            share(bare, half).value * US,
            3.0,
        ),
        at_most("engine decides on an intent, p50", "us", share(engine, half).scaled(US), 150.0),
        at_most("its records forced to the disk, p50", "us", share(forced, half).scaled(US), 1_000.0),
        at_most("intent to bytes on the socket, disk apart, p50", "us", share(way, half).scaled(US), 150.0),
        at_most("intent to bytes on the socket, disk apart, p99", "us", share(way, tail).scaled(US), 500.0),
        at_most("intent to bytes on the socket, all of it, p50", "us", share(whole, half).scaled(US), 1_000.0),
        at_most("told trade to books on the disk, p50", "ms", share(told, half).scaled(MS), 5.0),
        at_most("told trade to books on the disk, p99", "ms", share(told, tail).scaled(MS), 5.0),
    ]


if __name__ == "__main__":
    main(measure)
