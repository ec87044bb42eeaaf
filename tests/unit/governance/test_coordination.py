"""SPEC chapters 3 and 5: governor and AI-HFOS over a whole fund; worse at once, better slowly, unknown is not well."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.hedge_fund_os import CYCLE_MS, VITAL, Health, RiskMode, Subsystem
from qt_ray.core.policy import Policy, Stage
from qt_ray.governance.coordination import (
    GOVERNOR,
    LAYERS,
    ORCHESTRATOR,
    RECOVERY,
    REPORTERS,
    Coordinated,
    Coordinator,
    Seen,
    share_of,
)
from qt_ray.governance.coordination_news import news
from qt_ray.market.regime import Regime
from qt_ray.risk.governor import Level
from qt_ray.risk.restraints import FREE, Restraint

pytestmark = pytest.mark.unit

PARTS = frozenset(name for names in REPORTERS.values() for name in names)
WELL: Mapping[str, Health] = dict.fromkeys(PARTS, Health.HEALTHY)
CALM = Seen(WELL, {"AUSDT": "NORMAL"}, 0, 0, 0, "NORMAL")
BEAT_MS = 1_000


class Fund:
    """A coordinator that a test lets beat."""

    def __init__(self, stage: Stage = Stage.OBSERVATION, parts: frozenset[str] = PARTS) -> None:
        self.now_ms, self.policy = 1_000_000, Policy(stage=stage)
        self.coordinator = Coordinator(parts, self.now_ms)

    def beat(self, seen: Seen = CALM, after_ms: int = BEAT_MS) -> Coordinated:
        self.now_ms += after_ms
        return self.coordinator.beat(seen, self.policy, self.now_ms)

    def settled(self) -> "Fund":
        for _ in range(8):
            self.beat(after_ms=CYCLE_MS)
        return self


def left(came: Coordinated) -> int:
    found = FREE
    for one in came.restraints:
        found = found.meets(one)
    return found.size_bps


def of(came: Coordinated, layer: str) -> Restraint:
    return next(one for one in came.restraints if one.layer == layer)


def sick(name: str, health: Health = Health.CRITICAL) -> Seen:
    return replace(CALM, healths={**WELL, name: health})


def test_a_fund_that_is_well_is_left_what_its_policy_permits() -> None:
    came = Fund().beat()
    assert left(came) == 10_000
    assert {one.layer for one in came.restraints} == LAYERS
    assert came.directive.level is Level.NORMAL


@pytest.mark.parametrize("part", sorted(name for vital in VITAL for name in REPORTERS[vital]))
@pytest.mark.parametrize("health", [Health.CRITICAL, Health.UNKNOWN])
def test_a_vital_part_that_is_sick_leaves_nothing_at_any_stage_and_its_return_gives_back_what_it_took(
    part: str, health: Health
) -> None:
    fund = Fund().settled()
    assert left(fund.beat(sick(part, health))) == 0
    assert left(fund.beat()) == 10_000


def test_who_was_never_heard_of_leaves_nothing() -> None:
    assert left(Fund().beat(replace(CALM, healths={}))) == 0


@pytest.mark.parametrize(("part", "size"), [("Predictor", 5_000), ("Monitor", 5_000), ("Sizer", 5_000)])
def test_a_part_without_which_the_fund_can_live_makes_it_smaller(part: str, size: int) -> None:
    assert left(Fund().beat(sick(part))) == size


@pytest.mark.parametrize(
    ("drawdown_bps", "size"), [(0, 10_000), (499, 10_000), (500, 5_000), (1_000, 0), (None, 0)], ids=str
)
def test_a_drawdown_makes_the_fund_smaller_and_one_that_nobody_knows_leaves_nothing(
    drawdown_bps: int | None, size: int
) -> None:
    assert left(Fund().beat(replace(CALM, drawdown_bps=drawdown_bps))) == size


@pytest.mark.parametrize(
    ("mode", "size", "positions"),
    [
        ("NORMAL", 10_000, 1_000),
        ("CAUTIOUS", 5_000, 15),
        ("PROTECTIVE", 2_500, 5),
        ("EMERGENCY", 0, 1_000),
        (None, 0, 1_000),
    ],
)
def test_the_way_back_from_an_emergency_is_a_layer_and_who_does_not_know_where_he_is_enters_nothing(
    mode: str | None, size: int, positions: int
) -> None:
    came = Fund().beat(replace(CALM, recovery=mode))
    assert (left(came), of(came, RECOVERY).positions_max) == (size, positions)


def test_where_stages_of_the_decision_live_in_the_desk_the_desk_speaks_for_them() -> None:
    fund = Fund(parts=PARTS - {"Predictor", "Sizer"})
    healths = {name: health for name, health in WELL.items() if name not in ("Predictor", "Sizer")}
    assert left(fund.beat(replace(CALM, healths=healths))) == 10_000


def test_what_a_stage_does_not_enforce_is_computed_and_binds_nothing() -> None:
    wild = replace(CALM, losing_streak=9)
    seen = Fund(Stage.OBSERVATION).beat(wild)
    assert not seen.trading.allow_new_trades
    assert left(seen) == 10_000
    enforced = Fund(Stage.COORDINATION).settled().beat(wild, CYCLE_MS)
    assert of(enforced, ORCHESTRATOR).size_bps == 0
    assert "9 losses in a row" in of(enforced, ORCHESTRATOR).reason


def test_at_the_stage_of_coordination_the_mode_binds_and_rises_step_by_step() -> None:
    fund = Fund(Stage.COORDINATION)
    sizes = [of(fund.beat(after_ms=CYCLE_MS), GOVERNOR).size_bps for _ in range(9)]
    assert sizes == [3_500, 3_500, 7_500, 7_500, 7_500, 7_500, 7_500, 7_500, 7_500]
    fund.policy = replace(fund.policy, stage=Stage.AUTONOMY)
    assert [of(fund.beat(after_ms=CYCLE_MS), GOVERNOR).size_bps for _ in range(3)][-1] == 10_000


def test_a_fund_that_is_still_starting_is_not_judged_before_a_minute() -> None:
    fund, starting = Fund(Stage.COORDINATION), replace(CALM, healths={"PolicyStore": Health.HEALTHY})
    for _ in range(5):
        came = fund.beat(starting)
        assert (came.standing.mode, came.turned_from) == (RiskMode.SAFE, None)
        assert left(came) == 0
    assert left(fund.beat()) == 3_500
    late = Fund(Stage.COORDINATION)
    assert late.beat(starting, CYCLE_MS).standing.mode is RiskMode.CRITICAL


def test_what_becomes_worse_between_two_cycles_counts_at_once_and_what_becomes_better_waits() -> None:
    fund = Fund(Stage.AUTONOMY).settled()
    fund.beat(after_ms=CYCLE_MS)
    came = fund.beat(sick("Feed"))
    assert (came.standing.mode, came.turned_from) == (RiskMode.CRITICAL, RiskMode.AGGRESSIVE)
    assert fund.beat().standing.mode is RiskMode.CRITICAL


@pytest.mark.requirement("P1-04")
@pytest.mark.p1_patches
def test_a_change_of_regime_is_judged_at_the_next_beat_and_never_makes_bolder() -> None:
    fund = Fund(Stage.AUTONOMY).settled()
    came = fund.beat(replace(CALM, regimes={"AUSDT": "EXTREME"}))
    assert came.standing.mode is RiskMode.NORMAL
    assert of(came, ORCHESTRATOR).size_bps == 5_000
    assert fund.beat().standing.mode is RiskMode.NORMAL


healths = st.dictionaries(st.sampled_from(sorted(PARTS)), st.sampled_from(Health))
seens = st.builds(
    Seen,
    healths,
    st.dictionaries(st.sampled_from(["A", "B"]), st.sampled_from([regime.name for regime in Regime])),
    st.one_of(st.none(), st.integers(0, 2_000)),
    st.one_of(st.none(), st.integers(0, 12_000)),
    st.one_of(st.none(), st.integers(0, 9)),
)


@given(st.sampled_from(Stage), st.lists(st.tuples(seens, st.integers(1, 2 * CYCLE_MS)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_is_seen_no_unknown_is_calm_and_every_change_is_told(
    stage: Stage, story: list[tuple[Seen, int]]
) -> None:
    fund, before = Fund(stage), None
    for seen, after_ms in story:
        came = fund.beat(seen, after_ms)
        if seen.drawdown_bps is None or seen.healths.get("Feed", Health.UNKNOWN) >= Health.CRITICAL:
            assert left(came) == 0
        told = list(news(before, came, fund.now_ms))
        changed = set(came.restraints) - set(before.restraints if before else ())
        assert [one.payload.layer for one in told if one.type == "policy.restrained"] == [
            one.layer for one in came.restraints if one in changed
        ]
        assert (
            any(one.type == "hfos.mode.changed" for one in told)
            is (before is not None and came.standing.mode is not before.standing.mode)
            or before is None
        )
        before = came


def test_news_of_a_mode_say_what_it_permits() -> None:
    fund = Fund(Stage.COORDINATION).settled()
    before = fund.beat()
    (turned, *_) = news(before, fund.beat(sick("Gateway")), fund.now_ms)
    assert (turned.payload.old, turned.payload.new, turned.payload.allows_entries) == ("NORMAL", "CRITICAL", False)
    assert turned.payload.reason == f"{Subsystem.EXECUTION} is CRITICAL"


def test_of_no_regime_no_share_is_known() -> None:
    assert share_of({"A": "UNKNOWN"}, Regime.HIGH) is None
    assert share_of({"A": "UNKNOWN", "B": "HIGH", "C": "LOW_VOL"}, Regime.HIGH) == 0.5
