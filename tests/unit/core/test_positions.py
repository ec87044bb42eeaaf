from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Execution, Side
from qt_ray.core.positions import Position, cents, position_of
from qt_ray.core.restore import restore

pytestmark = pytest.mark.unit

prices = st.decimals("0.01", "99999.99", places=2)
quantities = st.decimals("0.001", "999.999", places=3)
sides = st.sampled_from(Side)


def execution(quantity: str | Decimal, price: str | Decimal, fee: str | Decimal = "0") -> Execution:
    return Execution(1, Decimal(quantity), Decimal(price), Decimal(fee), "USDT", False, 0)


fills = st.lists(
    st.tuples(sides, st.builds(execution, quantities, prices, st.decimals("-9", "9", places=8))), max_size=12
).map(tuple)
Entries = list[tuple[Decimal, Decimal]]
Fills = tuple[tuple[Side, Execution], ...]


@pytest.mark.requirement("L5", "Sprint5-5")
@pytest.mark.sprint5
@given(fills, prices)
def test_realised_and_unrealised_are_cash_and_market_value_exactly(history: Fills, mark: Decimal) -> None:
    held = position_of("BTCUSDT", history)
    cash = sum((-side.sign * e.quantity * e.price for side, e in history), Decimal(0))
    quantity = sum((side.sign * e.quantity for side, e in history), Decimal(0))
    assert (held.quantity, held.cash) == (quantity, cash)
    assert held.realised + held.unrealised(mark) == cash + quantity * mark
    assert held.fees == sum((e.fee for _, e in history), Decimal(0))


@given(fills, prices)
def test_a_position_closed_whole_has_realised_exactly_its_cash(history: Fills, price: Decimal) -> None:
    held = position_of("BTCUSDT", history)
    if not held.is_flat:
        side = Side.SELL if held.quantity > 0 else Side.BUY
        held = held.apply_fill(side, execution(abs(held.quantity), price))
    assert held.is_flat
    assert held.cost == 0
    assert held.average_entry is None
    assert held.realised == held.cash


@given(fills)
def test_an_average_entry_lies_between_the_prices_paid(history: Fills) -> None:
    held = position_of("BTCUSDT", history)
    paid = [e.price for _, e in history]
    if held.average_entry is not None:
        assert min(paid) - Decimal("1e-12") <= held.average_entry <= max(paid) + Decimal("1e-12")


@given(fills)
def test_a_position_survives_the_wire(history: Fills) -> None:
    held = position_of("BTCUSDT", history)
    assert restore(Position, decode(canonical(held))) == held


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=6), prices)
def test_closing_in_parts_realises_what_closing_whole_does(entries: Entries, exit: Decimal) -> None:
    held = position_of("X", tuple((Side.BUY, execution(q, p)) for q, p in entries))
    whole = held.apply_fill(Side.SELL, execution(held.quantity, exit))
    parts = held
    for quantity, _ in entries:
        parts = parts.apply_fill(Side.SELL, execution(quantity, exit))
    assert parts.realised == whole.realised


def test_a_fill_through_flat_closes_first_and_opens_the_rest() -> None:
    held = position_of("X", ((Side.BUY, execution("2", "100")), (Side.SELL, execution("3", "110", "0.5"))))
    assert (held.quantity, held.average_entry, held.realised, held.fees) == (-1, 110, 20, Decimal("0.5"))
    assert held.unrealised(Decimal(100)) == 10


@pytest.mark.requirement("Sprint5-5")
@pytest.mark.sprint5
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1.005", "1.01"),
        ("-1.005", "-1.01"),
        ("1.0049999", "1.00"),
        ("2.675", "2.68"),
        ("1e9", "1000000000.00"),
    ],
)
def test_people_read_cents_rounded_half_up(value: str, shown: str) -> None:
    assert str(cents(Decimal(value))) == shown


def test_a_position_that_contradicts_itself_cannot_be_made() -> None:
    for quantity, cost in (("1", "-5"), ("0", "5"), ("1", "0"), ("NaN", "0"), ("-1", "5")):
        with pytest.raises(Invalid):
            Position("X", Decimal(quantity), Decimal(cost))


@pytest.mark.parametrize("mark", ["0", "-1", "NaN", "Infinity"])
def test_nothing_is_valued_at_a_mark_that_is_no_price(mark: str) -> None:
    with pytest.raises(Invalid, match="a mark is positive"):
        Position("X", Decimal(1), Decimal(5)).unrealised(Decimal(mark))
