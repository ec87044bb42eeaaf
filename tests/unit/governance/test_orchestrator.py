"""SPEC chapter 2, OrchestratorPolicy and PolicyObserver: it shrinks, speaks seldom, and says no at once."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.governance.orchestrator import (
    UPDATE_MS_MIN,
    Authority,
    Orchestrator,
    PolicyObserver,
    Profile,
    Situation,
    Style,
    TradingPolicy,
    computed,
    met,
)

pytestmark = pytest.mark.unit

CALM = Situation(False, False, 0, 500, 1_000, 0, 0)

situations = st.builds(
    Situation,
    st.sampled_from([True, False, None]),
    st.sampled_from([True, False, None]),
    st.one_of(st.none(), st.integers(0, 2_000)),
    st.just(500),
    st.just(1_000),
    st.one_of(st.none(), st.integers(0, 12_000)),
    st.one_of(st.none(), st.integers(0, 10)),
    st.dictionaries(st.sampled_from(["AUSDT", "BUSDT"]), st.just("it is illiquid")),
)


def permits_no_more(one: TradingPolicy, other: TradingPolicy) -> bool:
    return one.profile >= other.profile and one.min_confidence >= other.min_confidence and one.deny >= other.deny


@pytest.mark.requirement("S2 OrchestratorPolicy")
@pytest.mark.parametrize(
    ("change", "profile", "confidence"),
    [
        ({}, Profile.NORMAL, "0.50"),
        ({"is_volatile": True}, Profile.NORMAL, "0.65"),
        ({"is_extreme": True, "is_volatile": True}, Profile.REDUCED, "0.65"),
        ({"drawdown_bps": 500}, Profile.REDUCED, "0.60"),
        ({"drawdown_bps": 1_000}, Profile.NO_NEW_TRADES, "0.60"),
        ({"exposure_share_bps": 8_000}, Profile.REDUCED, "0.50"),
        ({"exposure_share_bps": 10_000}, Profile.NO_NEW_TRADES, "0.50"),
        ({"losing_streak": 3}, Profile.REDUCED, "0.60"),
        ({"losing_streak": 6}, Profile.NO_NEW_TRADES, "0.50"),
        ({"drawdown_bps": None}, Profile.NO_NEW_TRADES, "0.50"),
        ({"is_extreme": None}, Profile.NO_NEW_TRADES, "0.65"),
        ({"exposure_share_bps": None}, Profile.NO_NEW_TRADES, "0.50"),
        ({"losing_streak": None}, Profile.NO_NEW_TRADES, "0.50"),
    ],
)
def test_each_part_of_a_situation_has_its_say(change: dict[str, object], profile: Profile, confidence: str) -> None:
    found = computed(replace(CALM, **change))  # type: ignore[arg-type]
    assert (found.profile, found.min_confidence) == (profile, Decimal(confidence))
    assert bool(found.reasons) is bool(change)


@given(situations, situations)
def test_what_two_permit_neither_forbids_and_order_cannot_matter(one: Situation, other: Situation) -> None:
    first, second = computed(one), computed(other)
    both = first.meets(second)
    assert permits_no_more(both, first)
    assert permits_no_more(both, second)
    again = second.meets(first)
    assert (both.profile, both.min_confidence, both.deny) == (again.profile, again.min_confidence, again.deny)
    assert met([first, second]).profile is both.profile


@pytest.mark.requirement("S2 OrchestratorPolicy")
@given(st.lists(st.tuples(situations, st.integers(0, 90_000)), max_size=15))
def test_what_loosens_waits_a_minute_and_what_tightens_does_not(story: list[tuple[Situation, int]]) -> None:
    orchestrator, at_ms, loosened_ms = Orchestrator(Authority.LIVE), 0, None
    for situation, later_ms in story:
        at_ms += later_ms
        before = orchestrator.policy
        now = orchestrator.update(situation, at_ms)
        assert permits_no_more(orchestrator.policy, computed(situation))
        if now is not None and not permits_no_more(now, before):
            assert loosened_ms is None or at_ms - loosened_ms >= UPDATE_MS_MIN
            loosened_ms = at_ms


@pytest.mark.requirement("S2 OrchestratorPolicy")
def test_a_symbol_that_fell_ill_is_denied_at_once_with_its_reason() -> None:
    orchestrator = Orchestrator()
    orchestrator.update(CALM, 0)
    now = orchestrator.update(replace(CALM, sick={"AUSDT": "its spread is wide"}), 1)
    assert now is not None
    assert now.reasons == ("AUSDT: its spread is wide",)
    assert (now.may_enter("AUSDT", Decimal(1)), now.may_enter("BUSDT", Decimal("0.5"))) == (False, True)
    assert orchestrator.update(CALM, 2) is None
    healed = orchestrator.update(CALM, UPDATE_MS_MIN)
    assert healed is not None
    assert healed.may_enter("AUSDT", Decimal(1))


def test_before_anything_was_computed_nothing_may_be_entered() -> None:
    fresh = Orchestrator().policy
    assert (fresh.allow_new_trades, fresh.entry) == (False, Style.DEFENSIVE)
    assert not met([]).allow_new_trades


@pytest.mark.requirement("S2 PolicyObserver")
def test_an_observer_counts_on_how_many_signals_both_agreed() -> None:
    observer = PolicyObserver(most=2)
    assert observer.agreement is None
    policy = computed(CALM)
    for confidence, was_entered in (("0.6", True), ("0.4", False), ("0.4", True), ("0.6", False)):
        observer.observe(policy, "AUSDT", Decimal(confidence), was_entered, 0)
    assert observer.agreement == 0.5
    assert [found.agrees for found in observer.recent] == [False, False]
