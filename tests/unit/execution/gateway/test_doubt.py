import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.execution.gateway.doubt import Doubt
from qt_ray.execution.gateway.rules import Rules
from tests.unit.execution.gateway.stories import RULES, name

pytestmark = pytest.mark.unit


def asked_at(until_ms: int) -> list[int]:
    doubt = Doubt(RULES)
    doubt.open(name(), 100, RULES.ladder_ms[0], 0)
    times = []
    while doubt.next_ms is not None and doubt.next_ms <= until_ms:
        times.append(doubt.next_ms)
        assert list(doubt.due(times[-1])) == [name()]
    return times


def test_the_ladder_is_climbed_and_again_from_where_absence_begins_to_mean_something() -> None:
    assert asked_at(9_000) == [300, 600, 1_100, 2_100, 2_250, 2_450, 2_750, 3_250, 4_100, 4_250, 5_250, 6_250, 8_250]


def test_absence_is_asked_for_again_once_a_strangers_trade_hides_it_no_longer() -> None:
    hidden_until_ms = RULES.deadline_ms + RULES.stranger_ms
    assert hidden_until_ms in asked_at(9_000)
    doubt = Doubt(RULES)
    doubt.open(name(), 100, 200, 0)
    assert doubt.is_fresh(name(), hidden_until_ms - 1)
    assert not doubt.is_fresh(name(), hidden_until_ms)


@given(st.integers(0, 60_000))
def test_nobody_is_asked_twice_in_one_moment_and_asking_never_ends(until_ms: int) -> None:
    times = asked_at(until_ms)
    assert times == sorted(set(times))
    assert len(times) >= until_ms // 2_500 - 1


def test_absence_needs_proof_only_after_the_deadline() -> None:
    doubt = Doubt(RULES)
    doubt.open(name(), 100, 200, 0)
    assert not doubt.needs_proof(name(), RULES.deadline_ms - 1)
    assert doubt.needs_proof(name(), RULES.deadline_ms)


def test_a_request_that_was_sent_again_has_a_later_deadline() -> None:
    doubt = Doubt(RULES)
    doubt.open(name(), 100, 200, 0)
    doubt.open(name(), 1_000, 200, 900)
    assert not doubt.needs_proof(name(), 900 + RULES.deadline_ms - 1)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"ladder_ms": (500, 200)}, "ladder_ms: rises in two steps or more"),
        ({"ladder_ms": (500,)}, "ladder_ms: rises in two steps or more"),
        ({"in_flight_max": 5}, "in_flight_max: leaves a slot to each share"),
        ({"waiting_max": 5}, "in_flight_max: leaves a slot to each share"),
    ],
)
def test_rules_that_cannot_work_are_refused(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        Rules(**changes)  # type: ignore[arg-type]
