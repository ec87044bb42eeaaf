"""Ladder: slowness is believed at once, forgiven by degrees, and never waited for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.ladder import Ladder, Rung

pytestmark = [pytest.mark.unit, pytest.mark.requirement("L11")]

quick = settings(deadline=None, max_examples=100)
costs = st.floats(0, 1e4)


@quick
@given(st.lists(st.tuples(st.sampled_from(Rung), costs), max_size=30), costs)
def test_what_is_asked_cost_no_more_than_is_left_when_it_was_asked_last(
    taken: list[tuple[Rung, float]], left_ms: float
) -> None:
    ladder, last = Ladder(), {Rung.FULL: 0.0, Rung.IN_HASTE: 0.0, Rung.ABSTAIN: 0.0}
    for rung, cost in taken:
        ladder.took(rung, cost)
        last[rung] = cost
    found = ladder.rung(left_ms)
    assert found is Rung.ABSTAIN or last[found] <= left_ms


@quick
@given(st.floats(0.1, 1e3), st.floats(0.1, 1e3))
def test_what_fits_is_always_asked_in_full(cost: float, room: float) -> None:
    ladder = Ladder()
    for _ in range(20):
        assert ladder.rung(cost + room) is Rung.FULL
        ladder.took(Rung.FULL, cost)


@quick
@given(st.floats(1.1, 10.0))
def test_a_stumble_is_forgiven_within_so_many_calls(times: float) -> None:
    ladder = Ladder()
    ladder.took(Rung.FULL, times * 100.0)
    assert Rung.FULL in [ladder.rung(100.0) for _ in range(12)]


def test_slow_is_asked_in_haste_slower_not_at_all_and_without_time_nobody() -> None:
    ladder = Ladder()
    ladder.took(Rung.FULL, 500.0)
    assert ladder.rung(100.0) is Rung.IN_HASTE
    ladder.took(Rung.IN_HASTE, 500.0)
    assert ladder.rung(100.0) is Rung.ABSTAIN
    assert Ladder().rung(0.0) is Rung.ABSTAIN
    assert Ladder().rung(-1.0) is Rung.ABSTAIN
