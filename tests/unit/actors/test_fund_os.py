"""SPEC 5, AI-HFOS: directives that are enforced through the policy store alone, and silence that leaves nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.actors.fund_os import FundOS
from qt_ray.actors.fund_os_witness import Witness
from qt_ray.actors.living import Living
from qt_ray.actors.policy_store import PolicyStore
from qt_ray.actors.rounds import Rounds
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.ai.hedge_fund_os import CYCLE_MS, Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import event
from qt_ray.core.payloads import DecisionMade
from qt_ray.core.policy import Policy, Stage
from qt_ray.governance.coordination import AUTHOR, GOVERNOR, LAYERS, REPORTERS, SILENCE_MAX_MS
from qt_ray.governance.rulebook_entries import Author
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.rounds import Roll
from qt_ray.risk.restraints import OPENING_MS, SILENT_MS, Latitude, Restraint
from tests.conformance.bus_memory import MemoryBus
from tests.conformance.rulebook_memory import MemoryRulebook
from tests.unit.actors.numbers import CountedNumbers
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.unit

FACTS = {"drawdown_bps": 0, "exposure_share_bps": 0, "losing_streak": 0}
BEAT_MS = 1_000
ME = Author(AUTHOR)


@dataclass
class Part:
    """A part that a test makes well or ill."""

    name: str
    health: Health = Health.HEALTHY
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_silent: bool = False
    asked: int = 0

    async def condition(self) -> Condition:
        self.asked += 1
        if self.is_silent:
            raise Retryable(f"{self.name}: answers, did not")
        return Condition(self.name, self.health, 0, facts=self.facts)


class House:
    """A store, a coordinator and a reader of the desk's, all on one clock."""

    def __init__(self, folder: Path, stage: Stage = Stage.OBSERVATION) -> None:
        self.now_ms, self.is_away = 1_000_000, False
        keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(folder / "policy.json"), lambda: Policy(stage=stage))
        self.store = PolicyStore(keeper, self.clock, LAYERS)
        self.parts = {name: Part(name) for names in REPORTERS.values() for name in names}
        self.parts["EmergencyStop"].facts = {"mode": "NORMAL"}
        self.parts["Desk"].facts, self.parts["Feed"].facts = FACTS, {"regimes": {"AUSDT": "NORMAL"}}
        self.voice, self.numbers, self.bus = HeardVoice(), CountedNumbers(), MemoryBus()
        self.desk = PolicyReader(self, self.clock)
        self.called: Roll | None = None
        asks = Rounds({name: part.condition for name, part in self.parts.items()}, clock=self.clock)
        living = Living("FundOS", self.clock, was_reconstructed=False)
        metrics = MetricsLogger(self.numbers)
        self.os = FundOS(asks, self, self, self.policy, living, self.voice.tell, metrics, self.clock)

    def clock(self) -> int:
        return self.now_ms

    def policy(self) -> Policy | None:
        return self.store.get_policy()

    async def roll(self, turn: int, wait_ms: int) -> Roll:
        if self.called is None:
            raise Retryable("Monitor.roll: somebody is there, was not")
        return self.called

    async def watch(self, turn: int, wait_ms: int) -> Any:
        return await self.store.watch(turn, 5)

    async def restrain(self, *restraints: Restraint) -> Latitude:
        if self.is_away:
            raise Retryable("PolicyStore.restrain: answers within 5000 ms, did not")
        return self.store.restrain(restraints, ME)

    async def beats(self, count: int = 1) -> None:
        for _ in range(count):
            self.now_ms += BEAT_MS
            await self.os.beat()
        await self.desk.turn()

    def size(self) -> int:
        assert self.desk.view is not None
        return self.desk.view.left.size_bps


Story = Callable[[House], Awaitable[None]]


def play(folder: Path, story: Story, stage: Stage = Stage.OBSERVATION) -> None:
    async def whole() -> None:
        await asyncio.wait_for(story(House(folder, stage)), 20)

    asyncio.run(whole())


def test_before_the_coordinator_speaks_a_desk_may_open_nothing_and_afterwards_what_its_policy_permits(
    tmp_path: Path,
) -> None:
    async def story(house: House) -> None:
        await house.desk.turn()
        assert (house.size(), house.store.can_open_new_trades()) == (0, False)
        # A part that waits for the coordinator is ready all the same: the coordinator waits for it.
        assert house.desk.why_closed() is None
        assert house.desk.view is not None
        assert "it has not spoken yet" in str(house.desk.view.left.why_closed())
        await house.beats(OPENING_MS // BEAT_MS)
        assert (house.size(), house.store.can_open_new_trades()) == (10_000, True)
        assert house.desk.view.left.why_closed() is None

    play(tmp_path, story)


@pytest.mark.requirement("S5 HedgeFundOs")
def test_a_coordinator_that_falls_silent_leaves_nothing(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.beats(5)
        house.now_ms += SILENT_MS
        await house.desk.turn()
        assert house.size() == 0
        await house.beats()
        assert house.size() == 10_000

    play(tmp_path, story)


def test_a_part_that_dies_is_missed_after_a_few_seconds_and_not_for_one_late_answer(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.beats(5)
        house.parts["RiskGuard"].is_silent = True
        await house.beats(SILENCE_MAX_MS // BEAT_MS)
        assert house.size() == 10_000
        await house.beats()
        assert house.size() == 0
        found = await house.os.condition()
        assert (found.facts["size_by"], found.health) == ("risk", Health.HEALTHY)
        house.parts["RiskGuard"].is_silent = False
        await house.beats()
        assert house.size() == 10_000

    play(tmp_path, story)


def test_while_the_monitor_goes_round_nobody_else_does_and_what_it_heard_grows_old_all_the_same(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        said = {name: (await part.condition(), 500) for name, part in house.parts.items()}
        house.called = Roll(7, {**said, "Stranger": said["Desk"]})
        await house.beats(3)
        assert (house.size(), {part.asked for part in house.parts.values()}) == (10_000, {1})
        house.called = Roll(8, {name: one for name, one in said.items() if name != "RiskGuard"})
        await house.beats((SILENCE_MAX_MS - 500) // BEAT_MS)
        assert house.size() == 10_000
        await house.beats()
        assert house.size() == 0
        house.called = None  # and without a monitor each is asked from here
        await house.beats()
        assert (house.size(), {part.asked for part in house.parts.values()}) == (10_000, {2})

    play(tmp_path, story)


@pytest.mark.requirement("P1-04")
@pytest.mark.p1_patches
def test_what_tightens_reaches_a_waiting_desk_without_its_asking_again(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.beats(5)
        turn = (await house.store.watch(-1, 5)).turn
        waiting = asyncio.create_task(house.store.watch(turn, 20_000))
        await asyncio.sleep(0)
        house.parts["Desk"].facts = {**FACTS, "drawdown_bps": 700}
        house.now_ms += BEAT_MS
        await house.os.beat()
        word = await asyncio.wait_for(waiting, 1)
        assert (word.left.size_bps, word.left.by["size_bps"]) == (5_000, GOVERNOR)
        assert "portfolio: the drawdown is 700 bps" in word.left.reason

    play(tmp_path, story)


def test_the_worst_of_what_parts_know_counts(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        house.parts["EmergencyStop"].facts = {"drawdown_bps": 600, "mode": "NORMAL"}
        await house.beats(3)
        assert house.size() == 5_000

    play(tmp_path, story)


@pytest.mark.requirement("S5 HedgeFundOs")
def test_a_change_of_mode_is_told_counted_and_shown(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.beats(3)
        house.parts["Gateway"].health = Health.CRITICAL
        house.parts["Learner"].health = Health.DEGRADED
        await house.beats()
        (turned,) = house.voice.of("hfos.mode.changed")
        assert (turned.payload.old, turned.payload.new) == ("SAFE", "CRITICAL")
        assert {one.payload.layer for one in house.voice.of("policy.restrained")} == LAYERS
        assert house.numbers.said == {
            ("risk_mode_transitions", "SAFE", "CRITICAL"): 1.0,
            ("system_health_critical_subsystems",): 1,
            ("system_health_degraded_subsystems",): 1,
        }
        came = await house.os.directive()
        assert came is not None
        assert came.standing.mode.name == (await house.os.condition()).facts["mode"] == "CRITICAL"

    play(tmp_path, story, Stage.COORDINATION)


def test_without_a_store_or_a_policy_the_coordinator_says_that_it_is_not_heard(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        assert (await house.os.condition()).reasons == ("the policy is not known yet",)
        house.is_away = True
        await house.beats()
        found = await house.os.condition()
        assert (found.health, found.is_ready) == (Health.DEGRADED, False)
        assert "PolicyStore.restrain" in found.reasons[0]
        house.is_away = False
        await house.beats()
        assert (await house.os.condition()).is_ready

    play(tmp_path, story)


def test_nobody_speaks_for_another_s_layer_or_withdraws_it(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.beats(5)
        for author in (Author("recovery"), Author("ann", is_person=True)):
            with pytest.raises(Invalid, match="bears the name of its author"):
                house.store.restrain((Restraint(GOVERNOR),), author)
            with pytest.raises(Invalid, match="withdrawn by its author"):
                house.store.release(GOVERNOR, author)
        left = house.store.restrain((Restraint("recovery", 2_500, reason="a ramp"),), Author("recovery"))
        assert (left.size_bps, left.by["size_bps"]) == (2_500, "recovery")
        assert house.store.release("recovery", Author("recovery")).size_bps == 10_000
        assert house.store.release(GOVERNOR, ME).size_bps == 0

    play(tmp_path, story)


def decision(number: int, action: str, confidence: float | None) -> DecisionMade:
    wish = Decimal(number)
    return DecisionMade(
        str(number), "main", "AUSDT", number, wish, wish, confidence, action, "", (), 1, 1, f"{number:064}"
    )


@pytest.mark.requirement("S2 PolicyObserver")
def test_what_was_done_is_compared_with_what_would_have_been_said(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.beats(2)
        witness = Witness(house.os.observer, lambda: house.os.trading)
        following = asyncio.create_task(witness.follow(house.bus))
        while not house.bus.groups:
            await asyncio.sleep(0)
        made = [("ENTER", 0.9), ("refused", 0.9), ("ENTER", 0.4), ("HOLD", 0.9), ("ENTER", None)]
        await house.bus.publish(
            [event("decision.made", decision(n, *one), "Desk", n) for n, one in enumerate(made, start=1)]
        )
        while house.os.observer.seen < 3:
            await asyncio.sleep(0.001)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert house.os.observer.agreement == pytest.approx(1 / 3)
        assert (await house.os.condition()).facts["agreement"] == pytest.approx(1 / 3)

    play(tmp_path, story)


@pytest.mark.requirement("P1-04")
@pytest.mark.p1_patches
def test_a_market_that_turns_wild_is_answered_within_two_seconds(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        for _ in range(8):  # it begins safe, and becomes normal cycle by cycle
            house.now_ms += CYCLE_MS
            await house.beats()
        calm = house.size()
        house.parts["Feed"].facts = {"regimes": {"AUSDT": "EXTREME"}}
        turned_ms = house.now_ms
        while house.size() == calm:
            await house.beats()
        assert house.now_ms - turned_ms <= 2_000
        assert house.size() <= calm // 2

    play(tmp_path, story, Stage.AUTONOMY)
