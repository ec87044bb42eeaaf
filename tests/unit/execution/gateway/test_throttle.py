import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.limits import Limits
from qt_ray.execution.gateway.throttle import Throttle

pytestmark = pytest.mark.unit

LIMITS = Limits(orders_per_second_max=3, orders_per_minute_symbol_max=8, orders_per_10s_account_max=6)


@pytest.mark.requirement("Sprint5-2")
@pytest.mark.sprint5
@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["A", "B"]), st.integers(1, 2)), max_size=60))
@settings(max_examples=50, deadline=None)
def test_no_span_ever_holds_more_orders_than_allowed(wishes: list[tuple[int, str, int]]) -> None:
    throttle, now_ms, sent = Throttle(LIMITS), 0, list[tuple[int, str]]()
    for gap_ms, symbol, count in wishes:
        now_ms = throttle.wait_until((symbol,) * count, now_ms + gap_ms)
        throttle.count((symbol,) * count, now_ms)
        sent += [(now_ms, symbol)] * count
    for at_ms, symbol in sent:
        before = [(at, name) for at, name in sent if at <= at_ms]
        assert sum(at > at_ms - 1_000 for at, _ in before) <= 3
        assert sum(at > at_ms - 10_000 for at, _ in before) <= 6
        assert sum(at > at_ms - 60_000 and name == symbol for at, name in before) <= 8


def test_more_than_fit_at_once_go_when_nothing_else_has_gone() -> None:
    throttle = Throttle(LIMITS)
    assert throttle.wait_until(("A",) * 5, 7) == 7
    throttle.count(("A",), 7)
    assert throttle.wait_until(("A",) * 5, 8) == 1_007


def test_it_remembers_a_minute_and_no_more() -> None:
    throttle = Throttle(LIMITS)
    throttle.count(("A",) * 3, 0)
    throttle.wait_until(("B",), 60_000)
    assert not throttle.sent
