from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.orders import Expired, Filled, Order, Planned, Progress, Rejected, Submitted, Unknown
from qt_ray.execution.attempts import AGAIN_MS, GROWN_MS, PAUSES_MS, SILENT_MS, Attempts, is_refused
from tests.unit.execution.venue_shown import name, working

pytestmark = pytest.mark.unit

INTENT = working(name(0)).intent
LOST: Order = Unknown(INTENT, 0)
SENT: Order = Submitted(INTENT, 0)
PASSED: Order = Rejected(INTENT, 0, "-503 Service Unavailable.")
REFUSED: Order = Rejected(INTENT, 0, "-2021 Order would immediately trigger.")


def tried(order: Order | None, times: int = 1) -> tuple[Attempts, dict[str, Order]]:
    """Return tries of which all came to the same, the last at 0."""
    attempts, orders = Attempts(), {}
    for number in range(times):
        attempts.begun((name(number),), orders, number - times + 1)
        if order is not None:
            orders[name(number)] = order
    return attempts, orders


def test_what_was_never_tried_is_due() -> None:
    assert Attempts().is_due({}, 0)


@pytest.mark.parametrize(
    ("order", "wait_ms"),
    [
        (LOST, 0),
        (PASSED, 0),
        (SENT, SILENT_MS),
        (REFUSED, AGAIN_MS),
        (None, AGAIN_MS),
        (Filled(INTENT, 0, Progress("1")), GROWN_MS),
        (working(name(0)), GROWN_MS),
    ],
)
def test_the_less_is_known_of_the_last_try_the_sooner_comes_the_next(order: Order | None, wait_ms: int) -> None:
    attempts, orders = tried(order)
    assert attempts.is_due(orders, wait_ms)
    assert not attempts.is_due(orders, wait_ms - 1)


@pytest.mark.parametrize("times", range(1, 9))
def test_tries_that_bring_nothing_come_with_growing_pauses(times: int) -> None:
    attempts, orders = tried(LOST, times)
    pause_ms = PAUSES_MS[min(times, len(PAUSES_MS)) - 1]
    assert attempts.is_due(orders, pause_ms)
    assert not attempts.is_due(orders, pause_ms - 1)
    assert len(attempts.row) == times


def test_a_market_that_buys_nothing_is_not_pressed_harder() -> None:
    nothing: Order = Expired(INTENT, 0, Progress("1"), "")
    attempts, orders = tried(nothing, len(PAUSES_MS) + 1)
    assert not attempts.is_due(orders, PAUSES_MS[-1] - 1)
    assert attempts.is_due(orders, PAUSES_MS[-1])
    some: Order = Expired(INTENT, 0, Progress("1", (), Decimal("0.5")), "")
    attempts, orders = tried(some, 9)
    assert attempts.is_due(orders, GROWN_MS)


def test_what_has_not_left_is_not_tried_again_because_another_would_wait_behind_it() -> None:
    attempts, orders = tried(Planned(INTENT, 0))
    assert not attempts.is_due(orders, 60_000)


@given(st.lists(st.sampled_from([LOST, SENT, PASSED, REFUSED]), min_size=1, max_size=9))
def test_a_row_is_refused_if_any_of_it_was_refused_for_its_own_sake(story: list[Order]) -> None:
    attempts, orders = Attempts(), dict[str, Order]()
    for number, order in enumerate(story):
        attempts.begun((name(number),), orders, number)
        orders[name(number)] = order
    assert bool(attempts.refusal(orders)) is any(map(is_refused, story))
    assert attempts.first_ms == 0


def test_a_try_after_a_success_begins_a_new_row() -> None:
    attempts, orders = tried(LOST, 3)
    orders[name(2)] = working(name(2))
    attempts.begun((name(3),), orders, 500)
    assert (attempts.row, attempts.failed, attempts.first_ms) == ((name(3),), 0, 500)
