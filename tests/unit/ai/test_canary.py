from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.canary import (
    DAY_MS,
    FAULTS,
    TRANSITIONS,
    Canary,
    CanarySignal,
    CanaryState,
    Seen,
    Terms,
    begun,
    observed,
    rested,
    room,
    settled,
)
from qt_ray.core.errors import Invalid
from qt_ray.core.money import BPS

pytestmark = pytest.mark.unit

EQUITY = 100_000 * 100_000_000
TERMS = Terms()
BUDGET = EQUITY * TERMS.loss_bps // BPS
BEGUN = begun(Canary(), EQUITY, 0)
WELL = Seen(1, 0.5, 20.0, 0, EQUITY)

# Where the price goes until the next decision, as a share of the way to the stop and its slip; how far that stop is.
steps = st.lists(st.tuples(st.floats(-1.0, 1.0), st.integers(1, 3_000)), max_size=60)


def played(steps: list[tuple[float, int]], terms: Terms, falls_too: bool = False) -> tuple[list[int], Canary]:
    """Return each mark of a model that always takes all the room there is, and what became of it."""
    canary, mark, marks = BEGUN, 0, [0]
    for number, (move, stop_bps) in enumerate(steps, 1):
        size = room(canary, terms, stop_bps)
        mark += int(size * move * (stop_bps + terms.slip_bps) / BPS)
        marks.append(mark)
        equity = EQUITY + mark * (3 if falls_too else 1)
        canary = observed(canary, terms, Seen(number, 1.0 - 2.0 * (number % 2), 20.0, mark, equity))
    return marks, canary


def drawdown(marks: list[int]) -> int:
    """Return the most that was ever lost from the best mark before."""
    return max(max(marks[: at + 1]) - mark for at, mark in enumerate(marks))


@settings(max_examples=200)
@given(steps, st.integers(1, 500), st.integers(0, 200))
def test_no_sequence_of_bounded_returns_loses_more_than_the_budget(
    steps: list[tuple[float, int]], loss_bps: int, slip_bps: int
) -> None:
    terms = replace(TERMS, loss_bps=loss_bps, breach_bps=loss_bps, slip_bps=slip_bps)
    for sign in (1.0, -1.0):
        marks, _ = played([(sign * move, stop_bps) for move, stop_bps in steps], terms)
        assert drawdown(marks) <= EQUITY * loss_bps // BPS
        assert min(marks) >= -(EQUITY * loss_bps // BPS)


@given(st.lists(st.tuples(st.floats(0.1, 1.0), st.integers(10, 300)), min_size=250, max_size=250))
def test_a_model_with_the_wrong_sign_is_rolled_back_within_its_budget(right: list[tuple[float, int]]) -> None:
    marks, canary = played([(-move, stop_bps) for move, stop_bps in right], TERMS)
    assert (canary.state, canary.fault) == (CanaryState.ROLLED_BACK, CanarySignal.LOSS)
    assert -BUDGET <= min(marks) <= -(EQUITY * TERMS.breach_bps // BPS) * 99 // 100
    assert room(canary, TERMS, 100) == 0


@given(steps)
def test_equity_that_others_lose_shrinks_the_budget_and_never_frees_it(steps: list[tuple[float, int]]) -> None:
    marks, _ = played(steps, TERMS, falls_too=True)
    assert drawdown(marks) <= BUDGET


@given(st.integers(1, BPS), st.integers(0, BUDGET), st.integers(0, BUDGET), st.integers(0, EQUITY))
def test_whatever_it_holds_all_stops_together_stay_within_what_is_left(
    stop_bps: int, lost: int, at_risk: int, held: int
) -> None:
    canary = replace(BEGUN, mark=-lost)
    size = room(canary, TERMS, stop_bps, held, at_risk)
    assert size == 0 or lost + at_risk + size * (stop_bps + TERMS.slip_bps) / BPS <= BUDGET
    assert size == 0 or size + held <= EQUITY * TERMS.share_bps // BPS
    assert room(canary, TERMS, stop_bps + 1, held, at_risk) <= size
    assert room(canary, TERMS, stop_bps, held + 1, at_risk + 1) <= size


def test_the_share_binds_near_stops_and_the_budget_far_ones() -> None:
    assert room(BEGUN, TERMS, 100) == EQUITY * 5 // 100
    assert room(BEGUN, TERMS, 1_970) == EQUITY * 50 // 2_000


def test_a_gain_buys_no_later_loss() -> None:
    risen = observed(BEGUN, TERMS, replace(WELL, mark=5 * BUDGET))
    fallen = observed(risen, TERMS, replace(WELL, mark=4 * BUDGET))
    assert risen.state is CanaryState.CANARY
    assert (fallen.state, fallen.fault) == (CanaryState.ROLLED_BACK, CanarySignal.LOSS)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"output": nan}, CanarySignal.NOT_FINITE),
        ({"output": inf}, CanarySignal.NOT_FINITE),
        ({"output": None}, CanarySignal.NOT_FINITE),
        ({"mark": -(EQUITY * 40 // BPS)}, CanarySignal.LOSS),
        ({"mark": -2 * BUDGET, "output": nan}, CanarySignal.LOSS),
        ({"emergency": True}, CanarySignal.EMERGENCY),
        ({"at_ms": 14 * DAY_MS + 1}, CanarySignal.UNPROVEN),
        ({"equity": 0}, CanarySignal.LOSS),
    ],
)
@pytest.mark.parametrize("state", [CanaryState.CANARY, CanaryState.PROVEN])
def test_what_is_wrong_ends_it_at_once(changed: dict[str, Any], fault: CanarySignal, state: CanaryState) -> None:
    found = observed(replace(BEGUN, state=state), TERMS, replace(WELL, **changed))
    assert (found.state, found.fault) == (CanaryState.ROLLED_BACK, fault)
    assert room(found, TERMS, 100) == 0


@pytest.mark.parametrize("latency_ms", [251.0, None, nan, inf, -1.0])
def test_late_answers_in_a_row_end_it_and_one_in_time_is_a_new_beginning(latency_ms: float | None) -> None:
    late, canary = replace(WELL, latency_ms=latency_ms), BEGUN
    for seen in (late, late, WELL, late, late):
        canary = observed(canary, TERMS, seen)
    assert canary.state is CanaryState.CANARY
    assert observed(canary, TERMS, late).fault is CanarySignal.LATENCY


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_model_that_knows_one_side_only_is_biased(side: float) -> None:
    canary = BEGUN
    for _ in range(TERMS.sides_min - 1):
        canary = observed(canary, TERMS, replace(WELL, output=side))
    assert canary.state is CanaryState.CANARY
    assert observed(canary, TERMS, replace(WELL, output=0.0)).state is CanaryState.CANARY
    assert observed(canary, TERMS, replace(WELL, output=side)).fault is CanarySignal.BIAS


@pytest.mark.parametrize("unknown", [{"mark": None}, {"equity": None}])
def test_a_mark_that_nobody_knows_permits_nothing_until_it_is_known(unknown: dict[str, Any]) -> None:
    blind = observed(BEGUN, TERMS, replace(WELL, **unknown))
    assert (blind.state, room(blind, TERMS, 100)) == (CanaryState.CANARY, 0)
    assert room(observed(blind, TERMS, WELL), TERMS, 100) > 0


@pytest.mark.parametrize("stop_bps", [0, -5])
def test_without_a_stop_there_is_no_room(stop_bps: int) -> None:
    assert room(BEGUN, TERMS, stop_bps) == 0
    assert room(BEGUN, TERMS, 100, held=-1) == room(BEGUN, TERMS, 100, at_risk=-1) == 0


def test_a_canary_that_serves_long_and_often_enough_is_proven_and_then_rests() -> None:
    canary, terms = BEGUN, replace(TERMS, decisions_min=3)
    for at_ms in (1, 2, 3, 3 * DAY_MS - 1):
        canary = observed(canary, terms, replace(WELL, at_ms=at_ms, output=(-1.0) ** at_ms))
        assert canary.state is CanaryState.CANARY
    proven = observed(canary, terms, replace(WELL, at_ms=3 * DAY_MS))
    assert proven.state is CanaryState.PROVEN
    assert observed(canary, replace(terms, decisions_min=9), replace(WELL, at_ms=3 * DAY_MS)).state is canary.state
    cooling = settled(proven, 5 * DAY_MS)
    assert cooling.state is CanaryState.COOLING_DOWN
    assert observed(cooling, terms, replace(WELL, output=nan)) == cooling
    assert rested(cooling, terms, 8 * DAY_MS - 1) == cooling
    assert rested(cooling, terms, 8 * DAY_MS) == Canary(since_ms=8 * DAY_MS)
    assert rested(proven, terms, 99 * DAY_MS) == proven


@pytest.mark.parametrize("state", [state for state in CanaryState if state is not CanaryState.IDLE])
def test_nobody_is_promoted_over_a_promotion_that_is_not_over(state: CanaryState) -> None:
    with pytest.raises(Invalid, match="canary"):
        begun(Canary(state), EQUITY, 0)


def test_every_state_is_reached_and_left_and_every_fault_is_a_way_back() -> None:
    assert TRANSITIONS.reachable == set(CanaryState)
    assert TRANSITIONS.terminal == frozenset()
    ways = {signal for (_, signal), after in TRANSITIONS.rows.items() if after is CanaryState.ROLLED_BACK}
    assert ways == set(FAULTS)


@pytest.mark.parametrize("state", [CanaryState.IDLE, CanaryState.ROLLED_BACK, CanaryState.COOLING_DOWN])
def test_who_does_not_trade_has_no_room(state: CanaryState) -> None:
    assert room(replace(BEGUN, state=state), TERMS, 100) == 0


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"share_bps": 0}, "shares"),
        ({"bias_bps_max": 10_001}, "shares"),
        ({"breach_bps": 51}, "breach"),
        ({"loss_bps": 501}, "breach"),
        ({"slip_bps": -1}, "slips"),
        ({"served_ms_max": 1}, "served"),
        ({"sides_min": 0}, "counted"),
    ],
)
def test_terms_that_bound_nothing_are_refused(changed: dict[str, int], rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        replace(TERMS, **changed)
    with pytest.raises(Invalid, match="a share of something"):
        begun(Canary(), 0, 0)
