"""SPEC laws 6, 7, 8, 9 and 11: what a desk decides is durable first, asked for once, and the books are believed."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.deliberation import UNLIKE, Chain
from qt_ray.adapters.desk_journal import entries_in
from qt_ray.adapters.publisher import COMMANDS
from qt_ray.core.errors import Retryable
from qt_ray.engine.desk_entries import Decided
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.pipeline import Decision, Snapshot
from tests.unit.actors.desk_life import Life, life
from tests.unit.actors.desk_world import World, fused, world
from tests.unit.actors.voices import HeardVoice
from tests.unit.adapters.failing_disk import FailingDisk, PowerCut

pytestmark = pytest.mark.unit

BARS = 4


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


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 12), st.integers(0, 40), st.booleans())
def test_what_a_desk_did_not_come_to_tell_is_told_by_its_next_life_under_the_same_ids(
    bars: int, carried: int, is_marked: bool
) -> None:
    """Law 7: the bus has taken the first few events when the process is killed, and its mark may be older still."""

    async def story(folder: Path) -> None:
        stage, cut = world(), HeardVoice(carries_max=carried)
        one = Life(stage, folder, voice=cut)
        await one.decided()
        await one.bars(bars)
        if is_marked:
            one.keeper.outbox.settle()
        one.kill()
        other = Life(stage, folder)
        await other.decided()
        await other.rest()
        lasting = [told for told in cut.events if told.type not in COMMANDS]
        again = [told for told in other.voice.events if told.type not in COMMANDS]
        heard = {told.id for told in cut.events[:carried]} | {told.id for told in again}
        assert {told.id for told in lasting} <= heard
        assert "trade.execution_requested" not in {told.type for told in other.voice.events}
        after = [told.id for told in again if told.id in {one.id for one in lasting}]
        assert after == [told.id for told in lasting][len(lasting) - len(after) :]

    with TemporaryDirectory() as folder:
        asyncio.run(story(Path(folder)))


def test_orders_leave_before_anything_is_told_of_them_and_all_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qt_ray.adapters.desk_keeper.TELL_AFTER_S", 60)

    async def story() -> None:
        stage = world()
        account, early, left = stage.account, set[str](), set[str]()
        carry_out = account.errands

        async with life(stage, tmp_path) as one:

            def requested() -> set[str]:
                return {told.payload.client_id for told in one.voice.of("trade.execution_requested")}

            async def errands(wanted: Errands, stamp: Stamp) -> None:
                names = {intent.client_id for intent in wanted.place}
                early.update(names & requested())
                left.update(names)
                await carry_out(wanted, stamp)

            account.errands = errands  # type: ignore[method-assign]
            await one.bars(10)
        assert left
        assert not early
        assert left <= requested()

    asyncio.run(story())


def test_every_decision_of_a_journal_is_made_again_bit_for_bit(tmp_path: Path) -> None:
    async def story() -> None:
        async with life(world(), tmp_path) as one:
            await one.bars(20)

    asyncio.run(story())
    decided = [entry for entry in entries_in(tmp_path) if isinstance(entry, Decided)]
    assert len(decided) == 21


class Broken:
    """A chain that breaks at some bars, and is another one otherwise."""

    def __init__(self, inside: Chain, breaks: set[int]) -> None:
        self.inside, self.breaks, self.asked = inside, breaks, 0

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        self.asked += 1
        if self.asked in self.breaks:
            raise Retryable("chain: a decision within 1 s, was late")
        return await self.inside.decided(snapshot, closed)


class Lying:
    """A chain whose last stage grants what it should not."""

    def __init__(self, inside: Chain) -> None:
        self.inside = inside

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        found = await self.inside.decided(snapshot, closed)
        rows = found.rows.copy()
        rows["granted"] += 1
        return replace(found, rows=rows)


@pytest.mark.requirement("L11")
def test_a_chain_that_is_late_costs_one_bar_its_entries_and_its_predictor_catches_up(tmp_path: Path) -> None:
    async def story() -> None:
        stage = world()
        chain = Broken(fused(3), breaks={4, 5})
        async with life(stage, tmp_path, chain) as one:
            await one.bars(10)
            agree(one)
            made = [entry for entry in entries_in(tmp_path) if isinstance(entry, Decided)]
            assert [at for at, entry in enumerate(made, 1) if entry.thought.why] == [4, 5]
            assert (await one.desk.condition()).facts["missed"] == {"chain: a decision within 1 s": 2}
            late = [entry.thought.forecasts(3).score for entry in made if not entry.thought.why]
            assert not any((score != score).all() for score in late)

    asyncio.run(story())


def test_a_chain_that_does_not_decide_what_it_says_it_thought_moves_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        stage = world()
        async with life(stage, tmp_path, Lying(fused(3))) as one:
            await one.bars(10)
            assert not stage.account.placed
            assert {event.payload.rule for event in one.voice.of("risk.alert")} == {UNLIKE}

    asyncio.run(story())


@pytest.mark.requirement("L3")
def test_under_a_policy_that_is_not_fresh_nothing_is_opened_and_the_desk_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        stage = world()
        stage.law.closed = "no entry on a policy that was not confirmed"
        async with life(stage, tmp_path) as one:
            await one.bars(10)
            assert not stage.account.placed
            condition = await one.desk.condition()
            assert (condition.is_ready, condition.reasons) == (True, (stage.law.closed,))

    asyncio.run(story())


def test_rows_that_an_outage_left_behind_are_all_seen_and_only_the_newest_is_decided_on(tmp_path: Path) -> None:
    async def story() -> None:
        stage = world()
        async with life(stage, tmp_path) as one:
            await one.bars(2)
            stage.market.shown += 7
            await one.decided()
            assert one.book.counts["decisions"] == 4
            assert one.book.fund.cycles == stage.market.shown

    asyncio.run(story())


def test_what_the_gateway_did_not_take_in_time_is_not_sent_late(tmp_path: Path) -> None:
    async def story() -> None:
        stage = world()
        async with life(stage, tmp_path) as one:
            await one.bars(5)
            stage.account.is_away = True
            before = len(stage.account.placed)
            stage.close_bar()
            newest = int(stage.bars.ts[stage.market.shown - 1])
            await one.until(lambda: one.book.seen_ms == newest)
            stage.close_bar()
            stage.account.is_away = False
            await one.decided()
            times = {intent.decision_id for intent in list(stage.account.placed.values())[before:]}
            last = {one.book.stamp.decision(symbol) for symbol in stage.bars.symbols} if one.book.stamp else set()
            opened = [i for i in list(stage.account.placed.values())[before:] if not i.reduce_only]
            assert {intent.decision_id for intent in opened} <= last, times
            agree(one)

    asyncio.run(story())


@pytest.mark.requirement("L7")
@pytest.mark.parametrize("kind", ["write", "sync"])
def test_killed_at_every_touch_of_the_disk_it_loses_no_decision_and_doubles_no_order(tmp_path: Path, kind: str) -> None:
    """Law 7, with real files: the process ends at the n-th touch, and another goes on."""

    async def whole() -> tuple[World, int]:
        stage, disk = world(), FailingDisk()
        one = Life(stage, tmp_path / "whole", disk=disk)
        await one.decided()
        await one.bars(BARS)
        touches = disk.calls.count(kind)
        await one.rest()
        return stage, touches

    async def cut(nth: int) -> World:
        stage, folder = world(), tmp_path / f"{kind}{nth}"
        try:
            one = Life(stage, folder, disk=FailingDisk(kind, nth, "cut"))
        except PowerCut:  # it died while it was born
            one = Life(stage, folder)
        end = stage.market.shown + BARS
        try:
            await one.decided()
            while stage.market.shown < end:
                await one.bars(1)
        except (PowerCut, BaseExceptionGroup):
            one.kill()
        if one.is_killed:
            one = Life(stage, folder)
            await one.decided()
            await one.bars(end - stage.market.shown)
        agree(one)
        await one.rest()
        return stage

    stage, touches = asyncio.run(whole())
    held = {symbol: position.quantity for symbol, position in stage.account.held.items()}
    for nth in range(1, touches + 1):
        other = asyncio.run(cut(nth))
        assert {symbol: position.quantity for symbol, position in other.account.held.items()} == held, nth
        assert other.account.wallet == stage.account.wallet, nth
        assert entries_of(other) == entries_of(stage), nth


def entries_of(stage: World) -> int:
    return sum(not intent.reduce_only for intent in stage.account.placed.values())
