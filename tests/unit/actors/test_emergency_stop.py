"""SPEC chapter 3, ESS: acts first, tells everybody, is never half done, and only a person lets entries in again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.actors.emergency_deed import AGAIN_MS
from qt_ray.actors.emergency_stop import LOOK_MS, EmergencyStopSystem, Post, Told
from qt_ray.adapters.emergency_memory import EmergencyMemory
from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.limits import EssLimits
from qt_ray.core.orders import PositionSide
from qt_ray.core.policy import Policy
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.venue.calls import Answer, Call, CancelAll, Place, Unsure
from qt_ray.execution.venue.news import News
from qt_ray.risk.ess import Cause, EssState
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.vigil import Equity, Vigil
from tests.unit.execution.emergency import FakeVenue, resting, stop

pytestmark = pytest.mark.unit

LIMITS = EssLimits()
BTC = ("BTCUSDT", PositionSide.BOTH)
START_MS = 86_400_000


class FastClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.at_ms = START_MS

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, ms: int) -> None:
        self.at_ms += ms
        await asyncio.sleep(0)


class Session:
    def __init__(self, venue: FakeVenue, clock: FastClock) -> None:
        self.venue, self.clock = venue, clock

    async def ask(self, call: Call) -> Answer[Any]:
        await asyncio.sleep(0)
        return self.venue.ask(call, self.clock.now_ms())

    async def news(self) -> AsyncIterator[News]:
        for item in ():
            yield item

    async def close(self) -> None:
        """Nothing is open."""


class Fence:
    """A policy store that may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.begun: list[str] = []
        self.ended: list[str] = []

    async def begin_emergency(self, reason: str) -> int:
        if self.is_away:
            raise Retryable("the policy store answers, it did not")
        self.begun.append(reason)
        return 7

    async def end_emergency(self, person: str, reason: str) -> int:
        if self.is_away:
            raise Retryable("the policy store answers, it did not")
        self.ended.append(person)
        return 8


def worth(equity: int) -> Equity:
    return Equity(Decimal(equity), Decimal(equity), Decimal(0), Decimal(0))


class House:
    """What outlives an emergency stop: its files, its venue, the policy store."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.venue, self.fence = FastClock(), FakeVenue({BTC: Decimal(2)}), Fence()
        self.venue.rest(resting("1"), stop("2"))
        self.latch, self.memory = Latch(folder / "latch.json"), EmergencyMemory(folder / "ess.json")
        self.told: list[Told] = []

    def begun(self, epoch: int, at_ms: int) -> Flattening:
        return Flattening("main", epoch, 1, ("BTCUSDT",), {"BTCUSDT": Decimal(9)}, at_ms)

    def system(self) -> EmergencyStopSystem:
        guard = limits_in_force(Policy()).row[0]
        self.vigil = Vigil(LIMITS, guard, (), worth(10_000), self.clock.now_ms())
        self.worth(10_000)
        post = Post(self.latch, self.memory, self.begun, LIMITS)
        return EmergencyStopSystem(
            Session(self.venue, self.clock), self.vigil, post, self.fence, self.told.append, self.clock
        )

    def worth(self, equity: int) -> None:
        self.vigil.equity(worth(equity), self.clock.now_ms(), confirmed=True)
        self.vigil.fed(self.clock.now_ms())

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[EmergencyStopSystem]:
        system = self.system()
        task = asyncio.create_task(system.run())
        try:
            yield system
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let time pass, with an account that goes on being told of, until something holds."""
        equity = 10_000 if self.vigil.readings(self.clock.now_ms()).daily_drawdown_bps == 0 else 9_000
        while not holds():
            self.worth(equity)
            await asyncio.sleep(0)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 20))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.requirement("P0-02")
@pytest.mark.p0_patches
def test_a_trip_shuts_flattens_and_tells_everybody(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            system.activate(Cause.MANUAL, "the operator does not like it", "ann")
            assert house.latch.state().closed
            assert house.memory.read(0).emergency.state is EssState.FLATTENING
            await house.until(lambda: len(house.told) == 2)
            assert house.venue.is_flat
            assert house.fence.begun == ["the operator does not like it"]
            assert system.emergency.state is EssState.COOLING_DOWN
            assert [told.what for told in house.told] == ["tripped", "flat"]
            assert house.told[1].report is not None
            assert house.told[1].report.residual == ()

    run(story)


@pytest.mark.requirement("P0-02")
@pytest.mark.p0_patches
def test_a_breach_trips_by_itself_within_a_look(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            await house.until(lambda: house.clock.at_ms > START_MS + 10 * LOOK_MS)
            assert system.emergency.state is EssState.ARMED
            house.worth(9_000)
            began_ms = house.clock.at_ms
            await house.until(lambda: system.emergency.state.is_latched)
            assert house.clock.at_ms - began_ms <= 2 * LOOK_MS
            assert Cause.EQUITY_DRAWDOWN in system.emergency.causes
            await house.until(lambda: house.venue.is_flat)

    run(story)


def test_a_store_that_is_away_delays_no_cancel_and_is_told_until_it_hears(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            house.fence.is_away = True
            system.activate(Cause.MANUAL, "now", "ann")
            await house.until(lambda: house.venue.is_flat)
            assert house.fence.begun == []
            house.fence.is_away = False
            began_ms = house.clock.at_ms
            await house.until(lambda: bool(house.fence.begun))
            assert house.clock.at_ms - began_ms <= 2 * AGAIN_MS

    run(story)


def test_a_venue_that_is_away_delays_no_fence_and_is_asked_until_it_answers(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            is_away = True
            house.venue.before = lambda call, at_ms: Unsure("nobody is there") if is_away else None
            system.activate(Cause.MANUAL, "now", "ann")
            await house.until(lambda: bool(house.fence.begun))
            assert not house.venue.is_flat
            is_away = False
            await house.until(lambda: house.venue.is_flat)

    run(story)


def test_a_latch_that_a_hand_has_closed_is_an_emergency_in_its_name_and_is_cleared_like_any(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            house.latch.close(4, "the exchange is odd", "ann", START_MS)  # as `qt flatten` does it, in its own process
            await house.until(lambda: len(house.told) == 2)
            assert (house.told[0].what, house.told[0].cause, house.told[0].by) == ("tripped", Cause.MANUAL, "ann")
            assert house.fence.begun == ["the exchange is odd"]
            assert house.venue.is_flat
            assert (system.past[0].by, house.latch.state().epoch) == ("ann", 4)
            await house.until(lambda: system.emergency.state is EssState.COOLING_DOWN)
            house.clock.at_ms += LIMITS.cooldown_ms
            house.worth(10_000)
            await system.clear(Cause.MANUAL, "bob", "looked at", reconciled=True)
            await house.until(lambda: house.clock.at_ms > START_MS + LIMITS.cooldown_ms + 20_000)
            assert (system.emergency.state, system.emergency.trips) == (EssState.ARMED, 1)

    run(story)


def test_a_latch_that_was_closed_while_nobody_watched_is_an_emergency_from_the_first_look_on(house: House) -> None:
    async def story() -> None:
        house.latch.close(1, "before the start", "ann", START_MS)
        async with house.at_work() as system:
            await house.until(lambda: system.emergency.state.is_latched)
            assert system.emergency.causes == (Cause.MANUAL,)

    run(story)


def test_a_latch_that_cannot_be_read_shuts_entries_out_and_closes_no_position(house: House, tmp_path: Path) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            (tmp_path / "latch.json").write_text("nonsense")
            await house.until(lambda: house.clock.at_ms > START_MS + 20 * LOOK_MS)
            assert house.latch.state().closed
            assert (system.emergency.state, house.fence.begun) == (EssState.ARMED, [])

    run(story)


@pytest.mark.requirement("P0-02")
@pytest.mark.p0_patches
def test_what_was_left_half_done_is_begun_anew_by_whoever_comes_to_life(house: House) -> None:
    async def story() -> None:
        house.system().activate(Cause.MANUAL, "now", "ann")  # and the process dies before anything was carried out
        assert not house.venue.is_flat
        async with house.at_work() as successor:
            assert successor.emergency.state is EssState.FLATTENING
            await house.until(lambda: successor.emergency.state is EssState.COOLING_DOWN)
            assert house.venue.is_flat
            assert house.fence.begun == ["now"]

    run(story)


def test_a_memory_that_cannot_be_read_is_an_emergency(house: House, tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "ess.json").write_text("nonsense")
        async with house.at_work() as system:
            assert system.emergency.causes == (Cause.STATE_UNREADABLE,)
            assert house.latch.state().closed
            await house.until(lambda: house.venue.is_flat)

    run(story)


def test_a_disk_that_refuses_stops_no_emergency(house: House, tmp_path: Path) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            for name in ("ess.json", "latch.json"):
                (tmp_path / name).mkdir()
            system.activate(Cause.MANUAL, "now", "ann")
            assert house.latch.state().closed
            await house.until(lambda: house.venue.is_flat)

    run(story)


@pytest.mark.requirement("S3 EmergencyStop")
def test_cancels_come_before_closes_and_a_second_cause_only_urges_on(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            system.activate(Cause.MANUAL, "now", "ann")
            await asyncio.sleep(0)
            system.activate(Cause.FLASH_CRASH, "and it falls", "vigil")
            await house.until(lambda: house.venue.is_flat and len(house.told) == 2)
            kinds = [type(call) for _, call in house.venue.log]
            assert kinds.index(CancelAll) < kinds.index(Place)
            assert system.emergency.causes == (Cause.MANUAL, Cause.FLASH_CRASH)
            assert system.emergency.trips == 1

    run(story)


@pytest.mark.requirement("Sprint5-7")
@pytest.mark.sprint5
def test_only_a_person_with_a_reason_after_the_cooldown_lets_entries_in_again(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            system.activate(Cause.MANUAL, "now", "ann")
            await house.until(lambda: system.emergency.state is EssState.COOLING_DOWN)
            with pytest.raises(Invalid, match="cooldown"):
                await system.clear(Cause.MANUAL, "ann", "it is over", reconciled=True)
            house.clock.at_ms += LIMITS.cooldown_ms
            house.worth(10_000)
            with pytest.raises(Invalid, match="books agree"):
                await system.clear(Cause.MANUAL, "ann", "it is over", reconciled=False)
            with pytest.raises(Invalid, match="a person and a reason"):
                await system.clear(Cause.MANUAL, "", "it is over", reconciled=True)
            house.fence.is_away = True
            with pytest.raises(Retryable):
                await system.clear(Cause.MANUAL, "ann", "it is over", reconciled=True)
            assert house.latch.state().closed
            house.fence.is_away = False
            after = await system.clear(Cause.MANUAL, "ann", "it is over", reconciled=True)
            assert (after.state, after.resets) == (EssState.ARMED, 1)
            assert (house.latch.state().closed, house.fence.ended) == (False, ["ann"])
            assert house.memory.read(0).emergency == after

    run(story)


@pytest.mark.requirement("Sprint5-7")
@pytest.mark.sprint5
def test_peaks_and_what_was_accepted_outlive_a_restart(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            house.worth(9_400)
            await house.until(lambda: system.emergency.state is EssState.COOLING_DOWN)
            house.clock.at_ms += LIMITS.cooldown_ms
            house.worth(9_400)
            for cause in system.emergency.causes:
                await system.clear(cause, "ann", "seen", reconciled=True)
            assert system.emergency.state is EssState.ARMED
        house.system()
        assert house.vigil.accepted[Cause.DAILY_DRAWDOWN] == 600
        assert house.vigil.equity(worth(9_400), house.clock.now_ms(), confirmed=True).drawdown_pct == Decimal("-6.00")

    run(story)


@pytest.mark.requirement("P1-05")
@pytest.mark.p1_patches
def test_a_fund_climbs_out_step_by_step_as_its_equity_does(house: House) -> None:
    async def story() -> None:
        async with house.at_work() as system:
            assert system.climb() is None
            house.worth(8_800)
            await house.until(lambda: system.emergency.state is EssState.COOLING_DOWN)
            assert system.climb() is None
            house.clock.at_ms += LIMITS.cooldown_ms
            house.worth(8_800)
            for cause in system.emergency.causes:
                await system.clear(cause, "ann", "seen", reconciled=True)
            steps = []
            for equity in (8_800, 9_200, 9_700, 9_900, 9_800):
                house.worth(equity)
                steps += [step] if (step := system.climb()) is not None else []
            assert [(step.previous, step.mode) for step in steps] == [
                ("EMERGENCY", "PROTECTIVE"),
                ("PROTECTIVE", "CAUTIOUS"),
                ("CAUTIOUS", "NORMAL"),
            ]
            assert house.memory.read(0).mode == "NORMAL"
            assert [past.what for past in house.memory.read(0).past][:2] == ["tripped", "flat"]

    run(story)


def test_the_peaks_of_another_life_of_the_account_are_none_of_this_one(house: House, tmp_path: Path) -> None:
    async def story() -> None:
        house.system().activate(Cause.MANUAL, "now", "ann")
        kept = EmergencyMemory(tmp_path / "ess.json").read(5)
        assert kept.peaks
        other = EmergencyMemory(tmp_path / "ess.json", "another").read(5)
        assert (other.peaks, other.accepted, other.seen_ms) == ("", {}, 0)
        assert other.emergency.state is EssState.FLATTENING
        assert other.past == kept.past

    run(story)
