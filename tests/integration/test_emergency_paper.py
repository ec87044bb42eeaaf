"""Emergencies and reconciliation against the paper venue, over real sockets, in fair weather and in foul."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.flattener import Means, RealClock, flatten
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.core.orders import Intent, OrderType, PositionSide, Side
from qt_ray.execution.books import Books
from qt_ray.execution.comparison import Known
from qt_ray.execution.entries import Opening, traded_in
from qt_ray.execution.findings import Finding, MissingFill
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.reconcile import Reconciler
from qt_ray.execution.venue.calls import (
    AskAccount,
    AskMarks,
    AskOpenOrders,
    AskPositions,
    Call,
    Done,
    Place,
    SetHedgeMode,
)
from qt_ray.execution.venue.news import OrderNews
from qt_ray.risk.ess import EssSignal

pytestmark = pytest.mark.integration

KEY, SECRET = "a key of this test", "and its secret"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
QUANTITIES = {"BTCUSDT": Decimal("0.01"), "ETHUSDT": Decimal("0.1")}
Story = Callable[[PaperVenue, BinanceSession], Awaitable[None]]


@asynccontextmanager
async def paper() -> AsyncIterator[tuple[PaperVenue, BinanceSession]]:
    venue = PaperVenue(PaperSettings(symbols=SYMBOLS, step_ms=20, key=KEY, secret=SECRET))
    await venue.start()
    session = await BinanceSession.open(Endpoints(venue.base_url, venue.ws_url, venue.base_url), Signer(KEY, SECRET))
    try:
        yield venue, session
    finally:
        await session.close()
        await venue.stop()


def play(story: Story) -> None:
    async def whole() -> None:
        async with paper() as (venue, session):
            await asyncio.wait_for(story(venue, session), 60)

    asyncio.run(whole())


async def value(session: BinanceSession, call: Call) -> Any:
    answer = await session.ask(call)
    assert isinstance(answer, Done), answer
    return answer.value


def named(number: int) -> str:
    return f"qt-trend-00000000000000000000-{number}"


async def open_all(session: BinanceSession, side: PositionSide = PositionSide.BOTH) -> None:
    """Hold a position, a resting entry and a stop in each symbol."""
    marks = await value(session, AskMarks())
    for at, symbol in enumerate(SYMBOLS):
        near = marks[symbol].mark * Decimal("0.97") // 1
        quantity = QUANTITIES[symbol]
        common = {"decision_id": "d", "policy_version": 1, "epoch": 1, "position_side": side}
        wanted = (
            Intent(named(3 * at), symbol, Side.BUY, OrderType.MARKET, quantity, **common),
            Intent(named(3 * at + 1), symbol, Side.BUY, OrderType.LIMIT, quantity, limit_price=near, **common),
            Intent(
                named(3 * at + 2), symbol, Side.SELL, OrderType.STOP_MARKET, quantity, reduce_only=True,
                trigger_price=near, **common,
            ),
        )  # fmt: skip
        for intent in wanted:
            await value(session, Place(intent))


async def stop_all(session: BinanceSession, folder: Path, signals: list[EssSignal]) -> Report:
    means = Means(Latch(folder / "latch.json"), RealClock(), lambda signal, at_ms: signals.append(signal))
    flattening = Flattening("fund", 7, 1, ("BTCUSDT",), {}, now_ms())
    return await flatten(session, flattening, means, "drill", "ann")


async def is_flat(session: BinanceSession) -> bool:
    looks = (AskPositions(), AskOpenOrders(), AskOpenOrders(conditional=True))
    held, plain, algos = [await value(session, call) for call in looks]
    return not plain and not algos and not any(view.quantity for view in held)


@pytest.mark.parametrize("hedge", [False, True])
def test_an_emergency_ends_flat_and_clear_in_either_mode(tmp_path: Path, hedge: bool) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        if hedge:
            await value(session, SetHedgeMode(hedge=True))
        await open_all(session, PositionSide.LONG if hedge else PositionSide.BOTH)
        signals: list[EssSignal] = []
        report = await stop_all(session, tmp_path, signals)
        assert await is_flat(session)
        assert signals == [EssSignal.FLATTENED, EssSignal.SETTLED]
        assert (report.attempts, report.closes) == (1, 2)
        assert (report.first_cancel_ms or 0) - report.tripped_ms < 1_000
        assert (report.flat_ms or 0) - report.tripped_ms < 5_000

    play(story)


def test_an_emergency_in_foul_weather_goes_on_until_all_is_flat(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        venue.faults.add(Rule(Deed.ANSWER_BEFORE, path="/fapi/*", probability=0.25, answer="unavailable"))
        venue.faults.add(Rule(Deed.ANSWER_AFTER, path="/fapi/*", probability=0.25, answer="timeout"))
        report = await stop_all(session, tmp_path, [])
        assert report.is_settled
        venue.faults.remove()
        assert await is_flat(session)
        assert (report.flat_ms or 0) - report.tripped_ms < 30_000

    play(story)


class Bookkeeper:
    """The smallest shell of a reconciler: asks what is due, posts what is missing, keeps what was found."""

    def __init__(self, session: BinanceSession, opening: Opening) -> None:
        self.session = session
        self.books = Books(opening, dict.fromkeys(SYMBOLS, "USDT"))
        self.reconciler = Reconciler(self.books)
        self.found: list[Finding] = []

    async def until_open(self) -> None:
        while self.reconciler.why_closed(now_ms()) is not None:
            for call in self.reconciler.due(now_ms()):
                asked_ms = now_ms()
                answer = await self.session.ask(call)
                outcome = self.reconciler.answered(call, answer, asked_ms, now_ms(), Known({}, {}))
                self.found += [finding for finding in outcome.findings if isinstance(finding, MissingFill)]
                for entry in outcome.entries:
                    self.books.post(entry)
            await asyncio.sleep(0.02)


def test_books_that_missed_everything_agree_with_the_venue_to_the_last_digit(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        wallets = (await value(session, AskAccount())).wallets
        keeper = Bookkeeper(session, Opening(now_ms() - 1, wallets))
        await open_all(session)
        await stop_all(session, tmp_path, [])
        keeper.reconciler.begin(SYMBOLS, now_ms())
        await keeper.until_open()
        assert len(keeper.found) == len(keeper.books.entries) >= 4
        assert keeper.books.positions == {}
        assert keeper.books.wallets == (await value(session, AskAccount())).wallets
        keeper.books.check()

    play(story)


def test_what_the_stream_tells_and_what_the_list_shows_are_the_same_entries() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        wallets = (await value(session, AskAccount())).wallets
        keeper = Bookkeeper(session, Opening(now_ms() - 1, wallets))
        news = session.news()
        await anext(news)
        for at, symbol in enumerate(SYMBOLS):
            entry = Intent(named(at), symbol, Side.BUY, OrderType.MARKET, QUANTITIES[symbol], "d", 1, 1)
            await value(session, Place(entry))
        while len(keeper.books.entries) < len(SYMBOLS):
            told = await anext(news)
            traded = traded_in(told, foreign=True) if isinstance(told, OrderNews) else None
            if traded is not None:
                keeper.books.post(traded)
        keeper.reconciler.begin(SYMBOLS, now_ms())
        await keeper.until_open()
        assert keeper.found == []
        assert keeper.books.wallets == (await value(session, AskAccount())).wallets

    play(story)
