"""A reader has a burst and then its pace, whatever others do and whatever the clock does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.serve.pace import BURST, KNOWN_MAX, PER_SECOND, Pace

pytestmark = pytest.mark.unit


def test_a_burst_is_served_and_then_so_many_a_second() -> None:
    pace = Pace()
    assert [pace.allows("a", 0) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert [pace.allows("a", 1_000) for _ in range(PER_SECOND + 1)] == [True] * PER_SECOND + [False]
    assert pace.allows("b", 1_000) is True


@given(steps=st.lists(st.tuples(st.sampled_from("ab"), st.integers(-500, 2_000)), max_size=400))
@settings(max_examples=50, deadline=None)
def test_nobody_is_served_more_than_burst_and_pace_give(steps: list[tuple[str, int]]) -> None:
    pace, now_ms, forward_ms, served = Pace(), 10_000, 0, {"a": 0, "b": 0}
    for who, step_ms in steps:
        now_ms, forward_ms = now_ms + step_ms, forward_ms + max(step_ms, 0)
        served[who] += pace.allows(who, now_ms)
    assert all(count <= BURST + forward_ms * PER_SECOND / 1_000 for count in served.values())


def test_a_crowd_of_readers_fills_no_memory_and_costs_nobody_his_turn() -> None:
    pace = Pace()
    for _ in range(BURST):
        pace.allows("first", 0)
    for number in range(KNOWN_MAX):
        assert pace.allows(str(number), 0)
    assert pace.allows("first", 0) is True
