"""SPEC chapter 5, AI-HFOS: eight reports become one mode; worse at once, better slowly, and safety first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.hedge_fund_os import (
    CALM_CYCLES,
    DIRECTIVES,
    REPORT_AGE_MAX_MS,
    VITAL,
    Conditions,
    Health,
    HealthReport,
    HedgeFundOS,
    RiskMode,
    Subsystem,
)
from qt_ray.core.errors import Invalid

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S5 HedgeFundOs")]

CALM = Conditions(drawdown_bps=0, drawdown_soft_bps=500, is_volatile=False, may_be_bold=True)
STORM = Conditions(drawdown_bps=600, drawdown_soft_bps=500, is_volatile=True, may_be_bold=True)

scores = st.one_of(st.none(), st.floats(min_value=0, max_value=100))
conditions = st.builds(
    Conditions,
    st.one_of(st.none(), st.integers(0, 2_000)),
    st.just(500),
    st.sampled_from([True, False, None]),
    st.booleans(),
)


class Fund:
    """A fund whose subsystems report before each cycle."""

    def __init__(self) -> None:
        self.os, self.now_ms = HedgeFundOS(), 0
        self.scores: dict[Subsystem, float | None] = dict.fromkeys(Subsystem, 100.0)

    def cycle(self, given: Conditions = CALM, **changed: float | None) -> RiskMode:
        self.scores |= {Subsystem(name): score for name, score in changed.items()}
        self.now_ms += 60_000
        for subsystem, score in self.scores.items():
            self.os.hear(HealthReport(subsystem, score, self.now_ms))
        return self.os.cycle(given, self.now_ms).mode

    def risen(self) -> "Fund":
        for _ in range(2 * CALM_CYCLES):
            self.cycle()
        assert self.os.standing.mode is RiskMode.AGGRESSIVE
        return self


def test_a_fund_begins_safe_and_becomes_bold_step_by_step() -> None:
    fund = Fund()
    modes = [fund.cycle() for _ in range(2 * CALM_CYCLES)]
    assert modes == [RiskMode.SAFE] * 2 + [RiskMode.NORMAL] * 3 + [RiskMode.AGGRESSIVE]
    assert fund.os.standing.health == 100


@pytest.mark.parametrize("name", sorted(VITAL))
def test_a_vital_subsystem_that_is_sick_stops_entries_at_once(name: str) -> None:
    fund = Fund().risen()
    assert fund.cycle(**{name: 49.0}) is RiskMode.CRITICAL
    assert not fund.os.standing.directive.allows_entries
    assert fund.os.standing.reason == f"{name} is CRITICAL"


@pytest.mark.parametrize("name", sorted(set(Subsystem) - VITAL))
def test_another_that_is_sick_makes_the_fund_safe(name: str) -> None:
    assert Fund().risen().cycle(**{name: None}) is RiskMode.SAFE


def test_who_is_not_heard_of_is_not_well() -> None:
    fund = Fund().risen()
    late_ms = fund.now_ms + REPORT_AGE_MAX_MS + 1
    standing = fund.os.cycle(CALM, late_ms)
    assert (standing.mode, standing.health, standing.count(Health.UNKNOWN)) == (RiskMode.CRITICAL, 0, 8)


def test_a_few_that_are_degraded_are_normal_and_many_are_not() -> None:
    fund = Fund().risen()
    assert fund.cycle(models=70.0, sizing=70.0) is RiskMode.NORMAL
    assert fund.cycle(infrastructure=70.0) is RiskMode.SAFE
    assert fund.os.standing.count(Health.DEGRADED) == 3


@given(
    st.lists(st.tuples(st.dictionaries(st.sampled_from(list(Subsystem)), scores, max_size=3), conditions), max_size=15)
)
def test_it_never_rises_by_more_than_one_step_nor_before_it_was_calm(
    story: list[tuple[dict[Subsystem, float | None], Conditions]],
) -> None:
    fund, before, since = Fund(), RiskMode.SAFE, 0
    for changed, given_conditions in story:
        now = fund.cycle(given_conditions, **{name.value: score for name, score in changed.items()})
        since += 1
        assert now <= before + 1
        if now > before:
            assert since >= CALM_CYCLES
        if now is not before:
            since = 0
        before = now


@given(conditions, st.dictionaries(st.sampled_from(list(Subsystem)), scores))
def test_one_more_sick_subsystem_never_makes_the_fund_bolder(
    given_conditions: Conditions, changed: dict[Subsystem, float | None]
) -> None:
    well, worse = Fund().risen(), Fund().risen()
    bold = well.cycle(given_conditions, **{name.value: score for name, score in changed.items()})
    sick = {**changed, Subsystem.EXECUTION: 0.0}
    assert worse.cycle(given_conditions, **{name.value: score for name, score in sick.items()}) <= bold


def test_an_alarm_between_cycles_can_only_make_it_safer() -> None:
    fund = Fund().risen()
    assert fund.os.alarmed(STORM, fund.now_ms + 1).mode is RiskMode.SAFE
    safe = fund.os.standing
    assert fund.os.alarmed(CALM, fund.now_ms + 2).mode is safe.mode
    assert fund.os.standing.calm_cycles == safe.calm_cycles


def test_every_mode_takes_away_from_the_bolder_one() -> None:
    directives = [DIRECTIVES[mode] for mode in RiskMode]
    for bolder, safer in zip(directives[1:], directives, strict=False):
        assert safer.size_bps < bolder.size_bps
        assert safer.leverage_max < bolder.leverage_max
        assert safer.allows_entries <= bolder.allows_entries
        assert safer.allows_learning <= bolder.allows_learning


@pytest.mark.parametrize("score", [-1.0, 101.0, float("nan"), float("inf")])
def test_a_report_is_a_number_from_0_to_100(score: float) -> None:
    with pytest.raises(Invalid, match="health is from 0 to 100"):
        HealthReport(Subsystem.RISK, score, 0)


def test_an_older_report_changes_nothing() -> None:
    os = HedgeFundOS()
    os.hear(HealthReport(Subsystem.RISK, 90.0, 2_000))
    os.hear(HealthReport(Subsystem.RISK, 10.0, 1_000))
    assert os.cycle(CALM, 2_000).states[Subsystem.RISK] is Health.HEALTHY
