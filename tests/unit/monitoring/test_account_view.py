"""What an account holds is what the keeper of its books told, each thing once."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.engine.tidings import Ended, Filled, Holding, Paid, Stand, Tiding
from qt_ray.monitoring.account_view import AccountView, held_after

pytestmark = pytest.mark.unit

ZERO = Decimal(0)
quantities = st.integers(-5, 5).filter(bool).map(Decimal)
prices = st.integers(1, 500).map(Decimal)


def fill(number: int, quantity: Decimal, price: Decimal) -> Tiding:
    return Tiding(number, Filled("qt-a-0-0", "BTCUSDT", number, quantity, price, Decimal(1), Decimal(3), number, False))


@settings(max_examples=60)
@given(st.lists(st.tuples(quantities, prices), max_size=20), st.data())
def test_a_position_is_the_sum_of_its_fills_however_often_they_are_told(
    fills: list[tuple[Decimal, Decimal]], data: st.DataObject
) -> None:
    view = AccountView()
    view.hear(Tiding(1, Stand(Decimal(100), {}, (), 0)))
    tidings = [fill(number, quantity, price) for number, (quantity, price) in enumerate(fills, start=2)]
    for at, tiding in enumerate(tidings):
        view.hear(tiding)
        for again in data.draw(st.lists(st.sampled_from(tidings[: at + 1]), max_size=2)):
            view.hear(again)
    held = view.holdings.get("BTCUSDT", Holding(ZERO, ZERO))
    assert held.quantity == sum((quantity for quantity, _ in fills), ZERO)
    assert view.wallet == 100 + 2 * len(fills)


def test_a_stand_replaces_what_was_put_together() -> None:
    view = AccountView()
    view.hear(fill(3, Decimal(1), Decimal(10)))
    assert view.wallet is None
    view.hear(
        Tiding(2, Stand(Decimal(50), {"A": Holding(Decimal(2), Decimal(9)), "B": Holding(ZERO, ZERO)}, ("o",), 7))
    )
    assert (view.wallet, list(view.holdings), view.working, view.at_ms, view.number) == (50, ["A"], ("o",), 7, 2)
    view.hear(Tiding(4, Paid("funding", Decimal(-1), 8)))
    view.hear(Tiding(5, Ended("o", "A", 9)))
    assert view.wallet == 49


@pytest.mark.parametrize(
    ("before", "quantity", "price", "after"),
    [
        (None, 2, 100, (2, 100)),
        ((2, 100), 2, 200, (4, 150)),
        ((4, 150), -1, 300, (3, 150)),
        ((3, 150), -3, 300, (0, 300)),
        ((3, 150), -5, 300, (-2, 300)),
        ((-2, 300), -2, 100, (-4, 200)),
    ],
)
def test_what_adds_is_averaged_and_what_takes_leaves_the_entry(
    before: tuple[int, int] | None, quantity: int, price: int, after: tuple[int, int]
) -> None:
    held = None if before is None else Holding(Decimal(before[0]), Decimal(before[1]))
    assert held_after(held, Decimal(quantity), Decimal(price)) == Holding(Decimal(after[0]), Decimal(after[1]))
