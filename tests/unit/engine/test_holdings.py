from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.engine.holdings import Holdings
from qt_ray.engine.tidings import Filled, Holding, Stand

pytestmark = pytest.mark.unit

ZERO = Decimal(0)


def filled(quantity: int, realised: int = 0) -> Filled:
    return Filled("", "BTCUSDT", 1, Decimal(quantity), Decimal(100), ZERO, Decimal(realised), 1, False)


def kinds(holdings: Holdings, quantity: int, realised: int = 0) -> list[str]:
    return [kind for kind, _ in holdings.hear(filled(quantity, realised))]


def test_a_position_opens_once_and_closes_once_with_all_that_it_realised() -> None:
    holdings = Holdings()
    assert kinds(holdings, 3) == ["position.opened"]
    assert kinds(holdings, 2) == []
    assert kinds(holdings, -4, 7) == []
    ((kind, told),) = holdings.hear(filled(-1, 2))
    assert (kind, told.quantity, told.average_entry, told.realised) == ("position.closed", ZERO, None, Decimal(9))


def test_a_fill_through_flat_closes_one_and_opens_another() -> None:
    holdings = Holdings()
    kinds(holdings, 3)
    closed, opened = holdings.hear(filled(-5, 1))
    assert (closed[0], opened[0], opened[1].quantity) == ("position.closed", "position.opened", Decimal(-2))


def test_what_stood_before_was_not_opened_now() -> None:
    holdings = Holdings()
    assert holdings.hear(Stand(ZERO, {"BTCUSDT": Holding(Decimal(3), Decimal(90))}, (), 1)) == []
    assert kinds(holdings, 1) == []
    assert kinds(holdings, -4) == ["position.closed"]


@given(st.lists(st.integers(-5, 5).filter(bool), max_size=30))
def test_openings_and_closings_alternate(quantities: list[int]) -> None:
    holdings = Holdings()
    told = [kind for quantity in quantities for kind in kinds(holdings, quantity)]
    assert told == ["position.opened", "position.closed"] * (len(told) // 2) + ["position.opened"] * (len(told) % 2)
    assert (len(told) % 2 == 1) is (sum(quantities) != 0)
