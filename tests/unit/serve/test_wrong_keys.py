"""Guessing is slow, its record is short, and every refusal is in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.serve.wrong_keys import KNOWN_MAX, PER_SECOND_MAX, WINDOW_MS, WrongKeys

pytestmark = pytest.mark.unit


@given(steps=st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 700)), max_size=80))
@settings(max_examples=60, deadline=None)
def test_every_refusal_is_told_once_and_the_first_of_a_second_at_once(steps: list[tuple[str, int]]) -> None:
    keys, now_ms, told = WrongKeys(), 0, {"a": 0, "b": 0}
    for who, wait_ms in steps:
        now_ms += wait_ms
        told[who] += keys.seen(who, now_ms).times
    assert {who: told[who] + keys.untold(who) for who in told} == {
        who: sum(other == who for other, _ in steps) for who in told
    }


def test_a_flood_is_more_than_anybody_mistypes_in_a_second() -> None:
    keys = WrongKeys()
    floods = [keys.seen("a", 0).is_flood for _ in range(PER_SECOND_MAX + 1)]
    assert floods == [False] * PER_SECOND_MAX + [True]
    assert keys.seen("b", 0).is_flood is False
    assert keys.seen("a", WINDOW_MS).is_flood is False


def test_what_waits_to_be_told_begins_to_wait_once() -> None:
    keys = WrongKeys()
    assert [keys.seen("a", 0).begins_to_wait for _ in range(4)] == [False, True, False, False]
    assert (keys.untold("a"), keys.untold("a"), keys.untold("nobody")) == (3, 0, 0)
    assert keys.seen("a", 1).begins_to_wait is True


def test_a_crowd_of_addresses_fills_no_memory() -> None:
    keys = WrongKeys()
    for number in range(KNOWN_MAX + 1):
        keys.seen(str(number), 0)
    assert keys.seen("0", 0).times == 1
