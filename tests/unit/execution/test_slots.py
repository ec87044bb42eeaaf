import pytest

from qt_ray.execution.slots import PER_SYMBOL, Kind, Place, Slot, clear
from tests.unit.execution.markets import order

pytestmark = pytest.mark.unit


def test_a_symbol_has_one_place_per_purpose() -> None:
    assert [place.name for place in Place] == ["ENTRY", "STOP", "TARGET"]
    assert len(Place) == PER_SYMBOL
    assert sorted(Place) == list(range(PER_SYMBOL))


def test_a_fresh_slot_is_empty() -> None:
    assert Kind(int(order(Kind.NONE)["kind"])) is Kind.NONE


@pytest.mark.parametrize("kind", [Kind.MARKET, Kind.LIMIT, Kind.STOP])
def test_a_cleared_slot_holds_no_order(kind: Kind) -> None:
    slot = order(kind, quantity=-7, price=5)
    clear(slot)
    assert (slot["kind"], slot["quantity"]) == (Kind.NONE, 0)
    assert set(Slot.__annotations__) == set(slot.dtype.names)
