"""SPEC laws 6, 7, 8, 9 and 11: what a desk decides is durable first, asked for once, and the books are believed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.actors.desk import Desk, Ports
from qt_ray.adapters.deliberation import Chain
from qt_ray.adapters.desk_journal import DeskJournal, entries_in
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Decided
from tests.unit.actors.desk_world import World, fused, living, world
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.unit


class Life:
    """One life of a desk on a folder."""

    def __init__(self, stage: World, folder: Path, chain: Chain | None = None) -> None:
        self.stage, self.voice = stage, HeardVoice()
        self.keeper = DeskKeeper(DeskJournal(folder), self.voice.tell, stage.market.clock)
        ports = Ports(stage.market, stage.account, chain or fused(len(stage.bars.symbols)), stage.law, stage.began)
        self.desk = Desk(self.keeper, ports, living(), stage.market.clock)
        self.task = asyncio.ensure_future(self.desk.run())

    @property
    def book(self) -> DeskBook:
        return self.keeper.book

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(10_000):
            if self.task.done():
                self.task.result()
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError("it holds in the end")

    async def decided(self) -> None:
        """Wait until the newest bar was decided on, and all that follows was handed over and heard."""
        newest = int(self.stage.bars.ts[self.stage.market.shown - 1])

        def settled() -> bool:
            told = self.stage.account.tidings_told
            is_told = not told or self.book.told >= told[-1].number
            return self.keeper._book is not None and self.book.seen_ms == newest and not self.book.due and is_told

        await self.until(lambda: self.keeper._book is not None)
        await self.until(settled)

    async def bars(self, count: int) -> None:
        for _ in range(count):
            self.stage.close_bar()
            await self.decided()

    async def rest(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))
        await self.desk.rest()


@asynccontextmanager
async def life(stage: World, folder: Path, chain: Chain | None = None) -> AsyncIterator[Life]:
    one = Life(stage, folder, chain)
    try:
        await one.decided()
        yield one
    finally:
        await one.rest()


def agree(one: Life) -> None:
    """The desk holds what the account holds."""
    account = one.stage.account
    held = {
        symbol: account.held[symbol].quantity if symbol in account.held else Decimal(0) for symbol in one.book.positions
    }
    assert dict(one.book.positions) == held


def test_a_desk_decides_at_once_trades_and_protects_what_it_holds(tmp_path: Path) -> None:
    async def story() -> None:
        stage = world()
        async with life(stage, tmp_path) as one:
            assert one.book.counts["decisions"] == 1
            await one.bars(60)
            assert one.book.counts["fills"] > 5
            agree(one)
            held = {symbol for symbol, quantity in one.book.positions.items() if quantity}
            assert held
            assert held <= stage.account.stops.keys()
            made = one.voice.of("decision.made")
            assert made
            assert one.voice.of("trade.closed")

    asyncio.run(story())


def test_a_restart_in_the_middle_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    async def played(folder: Path, restarts: bool) -> tuple[list[str], dict[str, Decimal], Decimal]:
        stage = world()
        for _ in range(6 if restarts else 1):
            async with life(stage, folder) as one:
                await one.bars(10 if restarts else 60)
                agree(one)
        return list(stage.account.placed), dict(one.book.positions), stage.account.wallet

    whole = asyncio.run(played(tmp_path / "whole", restarts=False))
    parts = asyncio.run(played(tmp_path / "parts", restarts=True))
    assert parts[1:] == whole[1:]
    assert len(parts[0]) == len(whole[0])


def test_every_decision_of_a_journal_is_made_again_bit_for_bit(tmp_path: Path) -> None:
    async def story() -> None:
        async with life(world(), tmp_path) as one:
            await one.bars(20)

    asyncio.run(story())
    decided = [entry for entry in entries_in(tmp_path) if isinstance(entry, Decided)]
    assert len(decided) == 21
