from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exposure import SLICES_MAX, Exposure, fallback_stop, protects
from tests.unit.execution.venue_shown import BOTH, order_view

pytestmark = pytest.mark.unit

LONG = Exposure("BTCUSDT", BOTH, Decimal(2), Decimal(100), Decimal(95), Decimal(10), "d", 1, 1)
signed = st.integers(-100, 100).filter(bool).map(Decimal)


@given(signed, st.integers(5, 40).map(Decimal))
def test_slices_are_the_whole_position_and_none_is_too_big(quantity: Decimal, most: Decimal) -> None:
    slices = replace(LONG, quantity=quantity, slice_max=most).slices
    assert sum(slices) == abs(quantity)
    assert 0 < len(slices) <= SLICES_MAX
    assert max(slices) <= most


@given(signed, st.integers(1, 200).map(Decimal), st.integers(1, 200).map(Decimal))
def test_a_stop_is_crossed_exactly_where_it_would_protect_no_more(
    quantity: Decimal, mark: Decimal, stop: Decimal
) -> None:
    exposure = replace(LONG, quantity=quantity, mark=mark, stop_price=stop)
    view = replace(order_view("web_1", OrderType.STOP_MARKET), side=exposure.closing_side, quantity=abs(quantity))
    protected = protects(replace(view, trigger_price=stop), exposure)
    assert exposure.is_crossed is (protected == 0)
    assert protected in (0, abs(quantity))


def test_what_closes_a_long_sells_and_what_closes_a_short_buys() -> None:
    assert LONG.closing_side is Side.SELL
    assert replace(LONG, quantity=Decimal(-2)).closing_side is Side.BUY


@pytest.mark.parametrize(
    ("quantity", "mark", "stop"),
    [("1", "100.07", "95"), ("-1", "100.07", "105.1"), ("-1", "100", "105"), ("1", "100", "95")],
)
def test_a_fallback_stop_lies_on_a_tick_and_never_nearer(quantity: str, mark: str, stop: str) -> None:
    found = fallback_stop(Decimal(quantity), Decimal(mark), Decimal("0.1"), Decimal("0.05"))
    assert found == Decimal(stop)
