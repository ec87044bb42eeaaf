"""Emergencies and reconciliation against the paper venue, over real sockets, in fair weather and in foul."""

import asyncio
from pathlib import Path

import pytest

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.flattener import Means, RealClock, flatten
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperVenue
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
    Place,
    SetHedgeMode,
)
from qt_ray.execution.venue.news import OrderNews
from qt_ray.risk.ess import EssSignal
from tests.integration.emergencies import QUANTITIES, SYMBOLS, is_flat, named, open_all, play, value

pytestmark = pytest.mark.integration


async def stop_all(session: BinanceSession, folder: Path, signals: list[EssSignal]) -> Report:
    means = Means(Latch(folder / "latch.json"), RealClock(), lambda signal, at_ms: signals.append(signal))
    flattening = Flattening("fund", 7, 1, ("BTCUSDT",), {}, now_ms())
    return await flatten(session, flattening, means, "drill", "ann")


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


@pytest.mark.requirement("L8")
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
