"""Gateway: from an approved intent to bytes on the socket, and from the venue's word to books that would survive.

The way out ends when the request has been written to the socket: the session begins a call before anybody waits for it,
and where it cannot, a coroutine that asks first waits when its bytes have left. The way in is measured whole, through
real sockets and with the venue's own work, which runs in the same process; and from where the news is ours. What
the disk takes is stated apart, since it is the machine's and not ours. Orders come one after another, and 50 ms apart,
as in life: the second is the same work by a processor that has forgotten it meanwhile. The parts are measured warm.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
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
from qt_ray.adapters.binance.signing import Signer, encoded
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
HALF, TAIL = 0.5, 0.99
START_MS: Final = 1_700_000_000_000
RECORD_BYTES: Final = 500
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

    def start(self, call: Call) -> Awaitable[Answer[Any]]:
        """Begin a call, and note the departure of an order that has left with that."""
        has_left = self._session.is_prompt
        begun = self._session.start(call)
        return self._followed(call, begun, perf_counter() if has_left else None)

    async def ask(self, call: Call) -> Answer[Any]:
        """Ask."""
        return await self.start(call)

    async def _followed(self, call: Call, begun: Awaitable[Answer[Any]], left_s: float | None) -> Answer[Any]:
        async def rest() -> Answer[Any]:
            return await begun

        departure = Departure(rest())
        answer: Answer[Any] = await departure
        if isinstance(call, Place):
            self.left_s.append(departure.left_s if left_s is None else left_s)
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


async def outwards(count: int, disk: RealDisk, folder: Path, pace_s: float = PACE_S) -> list[float]:
    """Return the seconds from each approved intent until the bytes of its order have left.

    By the gateway's own clock orders are as far apart as they may be, however fast they follow each other.
    """
    step_ms, orders = int(PACE_S * 1_000), 0
    async with trivial() as url:
        session = Watched(await BinanceSession.open(Endpoints(url, url), Signer("key", "secret")))
        journal = JournalFile(folder, disk=disk)
        loop = GatewayLoop(Gateway(FREE), journal, session, clock=lambda: START_MS + orders * step_ms)
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(PACE_S)
        loop.take(partial(loop.engine.fenced, OPEN))
        times = []
        for orders in range(1, count + 1):
            session.answered.clear()
            wanted = intent(orders)
            started = perf_counter()
            loop.take(partial(loop.engine.want, wanted))
            await session.answered.wait()
            times.append(session.left_s[-1] - started)
            await asyncio.sleep(pace_s)
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


@dataclass(slots=True)
class Parts:
    """The seconds of each part of an order's way out, one after another in one thread."""

    decision: list[float] = field(default_factory=list)
    request: list[float] = field(default_factory=list)
    append: list[float] = field(default_factory=list)


def decided(count: int, folder: Path) -> Parts:
    """Time how the engine decides on intents, their requests are built and signed, and their records forced."""
    gateway, journal, signer, parts = Gateway(FREE), JournalFile(folder), Signer("key", "secret"), Parts()
    gateway.fenced(OPEN, 0)
    for number in range(count):
        wanted, at_ms = intent(number), number * 60
        started = perf_counter()
        effects = gateway.want(wanted, at_ms)
        settled = perf_counter()
        journal.append_many([canonical(effect.record) for effect in effects if isinstance(effect, Write)])
        forced = perf_counter()
        [send] = [effect for effect in effects if isinstance(effect, Send)]
        [step] = plan_of(send.call, False).steps
        signer.sign(encoded((*step.pairs, ("recvWindow", "2000"), ("timestamp", str(at_ms)))))
        parts.request.append(perf_counter() - forced)
        parts.append.append(forced - settled)
        parts.decision.append(settled - started)
        gateway.answered(send.call_id, step.read({**ENDED, "clientOrderId": wanted.client_id}), at_ms)
    journal.close()
    return parts


def bare(count: int, path: Path) -> tuple[list[float], list[float]]:
    """Return the seconds of one write and fdatasync, appended to a file, and over bytes that it has already."""
    growing, sized = (os.open(path.with_suffix(end), os.O_RDWR | os.O_CREAT) for end in (".growing", ".sized"))
    os.pwrite(sized, bytes(RECORD_BYTES * count), 0)
    os.fsync(sized)
    found: tuple[list[float], list[float]] = [], []
    for number in range(count):
        for handle, times in zip((growing, sized), found, strict=True):
            started = perf_counter()
            os.pwrite(handle, b"r" * RECORD_BYTES, number * RECORD_BYTES)
            os.fdatasync(handle)
            times.append(perf_counter() - started)
    os.close(growing)
    os.close(sized)
    return found


async def inwards(count: int, disk: RealDisk, folder: Path) -> tuple[list[float], list[float]]:
    """Return the seconds until the books' entry is on the disk: from the venue's deed, and from the news of it."""
    venue = PaperVenue(PaperSettings(symbols=(SYMBOL,), step_ms=0, balance=Decimal(10_000_000), weight_minute=10**9))
    await venue.start()
    session = await BinanceSession.open(Endpoints(venue.base_url, venue.ws_url), Signer(PAPER_KEY, PAPER_SECRET))
    posted, heard_s, posted_s = asyncio.Event(), 0.0, 0.0

    def mark(point: str, about: object) -> None:
        nonlocal heard_s, posted_s
        if point == "heard":
            heard_s = perf_counter()
        if point == "posted":
            posted_s = perf_counter()
            posted.set()

    rules = Rules(allowance=Allowance(weight_minute=10**6))
    account = await AccountLoop.open(folder, session, (SYMBOL,), rules, Keeping(), mark=mark, disk=disk)
    task = asyncio.create_task(account.run())
    while account.custody.why_closed(now_ms()) is not None:
        await asyncio.sleep(PACE_S)
    whole, ours = [], []
    for number in range(count):
        posted.clear()
        venue.control.do("order", {"symbol": SYMBOL, "side": SIDES[number % 2], "type": "MARKET", "quantity": "0.01"})
        started = perf_counter()
        await posted.wait()
        whole.append(posted_s - started)
        ours.append(posted_s - heard_s)
        await asyncio.sleep(PACE_S)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await session.close()
    await venue.stop()
    return whole, ours


def measure(quick: bool) -> list[Row]:
    """Time the way out, the way in and the round trip."""
    count = 20 if quick else 300
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        trip = asyncio.run(round_trips(count))
        parts = decided(count, folder / "forced")
        growing, sized = bare(count, folder / "bare")
        way = asyncio.run(outwards(count, Unforced(), folder / "way"))
        close = asyncio.run(outwards(count, Unforced(), folder / "close", pace_s=0.0))
        whole = asyncio.run(outwards(count, RealDisk(), folder / "whole"))
        _, news = asyncio.run(inwards(count // 2, Unforced(), folder / "news"))
        told, heard = asyncio.run(inwards(count // 2, RealDisk(), folder / "told"))
    return [
        _against("order by the adapter vs bare request to the same handler, p50", trip[0], trip[1], 3.0),
        _within("engine decides on an intent, p50", parts.decision, HALF, 150.0),
        _within("its request built and signed, p50", parts.request, HALF, 50.0),
        _against("its records forced to the disk vs one bare write and fdatasync, p50", parts.append, growing, 2.0),
        _against("bare write and fdatasync over bytes there already vs appended, p50", sized, growing, 1.5),
        _within("intent to bytes on the socket, disk apart, one after another, p50", close, HALF, 150.0),
        _within("intent to bytes on the socket, disk apart, one after another, p99", close, TAIL, 500.0),
        _within("intent to bytes on the socket, disk apart, 50 ms apart, p50", way, HALF, 150.0),
        _within("intent to bytes on the socket, disk apart, 50 ms apart, p99", way, TAIL, 500.0),
        _within("intent to bytes on the socket, all of it, p50", whole, HALF, 1_000.0),
        _within("intent to bytes on the socket, all of it, p99", whole, TAIL, 2_000.0),
        _within("news of a trade to the books, disk apart, p50", news, HALF, 200.0),
        _within("news of a trade to the books on the disk, p50", heard, HALF, 1_000.0),
        at_most("told trade to books on the disk, p50", "ms", share(told, HALF).scaled(MS), 5.0),
        at_most("told trade to books on the disk, p99", "ms", share(told, TAIL).scaled(MS), 5.0),
    ]


def _within(row: str, times: list[float], part: float, target_us: float) -> Row:
    return at_most(row, "us", share(times, part).scaled(US), target_us)


def _against(row: str, ours: list[float], theirs: list[float], target: float) -> Row:
    return less_is_better(row, "us", share(ours, HALF).scaled(US), share(theirs, HALF).value * US, target)


if __name__ == "__main__":
    main(measure)
