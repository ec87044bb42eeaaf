"""The whole way of a decision in this process: market, desk, guard, gateway, a paper venue on sockets, and back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.actors.desk import Desk, Ports
from qt_ray.actors.feed import Feed
from qt_ray.actors.gateway import Gateway
from qt_ray.actors.living import Living
from qt_ray.actors.risk_guard import RiskGuard
from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.contracts import contracts_of
from qt_ray.adapters.desk_journal import DeskJournal, entries_in
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.adapters.desk_law import DeskLaw
from qt_ray.adapters.gathering import Scope, Source
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.ai.baselines import EmaCross
from qt_ray.core.policy import Policy
from qt_ray.engine.desk_entries import Began
from qt_ray.engine.desk_replay import retold
from qt_ray.engine.pipeline import Decision, Forecaster, Opinion, Sized, Sizer, Snapshot
from qt_ray.engine.setup import Setup
from tests.integration.accounts import SYMBOLS, endpoints_of, venue_open
from tests.integration.gateways import LIVELY, House
from tests.unit.actors.numbers import CountedNumbers
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.integration

MINUTE_MS = 60_000
# Kernels may have to be compiled first.
PATIENCE_S = 60


def living(part: str) -> Living:
    return Living(part, was_reconstructed=False)


class Mind:
    """The three stages, the guard with its policy."""

    def __init__(self, guard: RiskGuard) -> None:
        self._forecaster, self._guard = Forecaster(EmaCross(len(SYMBOLS), 3, 8), "ema/1"), guard

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        opinion: Opinion = self._forecaster.predict(snapshot)
        sized: Sized = Sizer().size(opinion)
        return await self._guard.review(sized, closed)


class Office:
    """A desk, its guard and its feed, on the house's gateway."""

    def __init__(self, house: House, gateway: Gateway) -> None:
        self.house, self.voice = house, HeardVoice()
        self.reader = PolicyReader(house.line)
        metrics = MetricsLogger(CountedNumbers())
        self.feed = Feed(self._open, Scope(SYMBOLS, "1m"), living("Feed"), self.voice.tell, metrics)
        switch = Latch(house.folder / "kill.json")
        self.guard = RiskGuard("main", switch, self.reader, living("RiskGuard"), self.voice.tell)
        self.keeper = DeskKeeper(DeskJournal(house.folder / "desk"), self.voice, now_ms)
        ports = Ports(self.feed, gateway, Mind(self.guard), DeskLaw(self.reader), self._began)
        self.desk = Desk(self.keeper, ports, living("Desk"))

    async def _open(self) -> Source:
        return await BinanceSession.open(endpoints_of(self.house.venue), None)

    async def _began(self) -> Began:
        session = await BinanceSession.open(endpoints_of(self.house.venue), Signer(PAPER_KEY, PAPER_SECRET))
        try:
            setup = Setup(await contracts_of(session, SYMBOLS))
        finally:
            await session.close()
        return Began("main", "desk", setup, MINUTE_MS, now_ms(), 10)


@asynccontextmanager
async def office(house: House, gateway: Gateway) -> AsyncIterator[Office]:
    one = Office(house, gateway)
    runs = (one.reader.run(), one.feed.run(), one.guard.follow(gateway), one.desk.run())
    works = [asyncio.ensure_future(work) for work in runs]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (await one.desk.condition()).facts.get("decisions"):
                done = [work for work in works if work.done()]
                assert not done, done
                await asyncio.sleep(0.05)
        yield one
    finally:
        works[-1].cancel()
        await asyncio.wait(works[-1:])
        await one.desk.rest()
        for work in works:
            work.cancel()
        await asyncio.wait(works)


def held(gateway: Gateway) -> dict[str, Decimal]:
    books = gateway._open_place().account.custody.books
    return {symbol: position.quantity for (symbol, _), position in books.positions.items()}


async def agreed(one: Office, gateway: Gateway) -> dict[str, Decimal]:
    """Wait until desk and books hold the same, everything that was owed has left, and each position has its stop."""
    account = gateway._open_place().account

    def settled() -> bool:
        believed = {symbol: quantity for symbol, quantity in one.keeper.book.positions.items() if quantity}
        stops = {t.intent.symbol for t in account.gateway.engine.book.open() if t.intent.trigger_price is not None}
        ours = held(gateway)
        return bool(ours) and believed == ours and not one.keeper.book.due and ours.keys() <= stops

    async with asyncio.timeout(PATIENCE_S):
        while not settled():
            await asyncio.sleep(0.05)
    return held(gateway)


def test_a_fund_trades_within_moments_is_protected_and_goes_on_after_its_desk_died(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            async with office(house, gateway) as one:
                assert one.keeper.book.counts["decisions"] == 1
                assert one.keeper.book.counts["orders"] > 0, one.guard.denials
                ours = await agreed(one, gateway)
                assert not one.voice.of("risk.alert")
            async with office(house, gateway) as two:
                assert await agreed(two, gateway) == ours
                assert two.keeper.book.counts["differences"] == 0
        assert all(again.is_same for again in retold(entries_in(tmp_path / "desk")))
        assert not house.ends

    async def whole() -> None:
        async with venue_open(LIVELY) as venue:
            await story(House(venue, tmp_path, Policy()))

    asyncio.run(whole())
