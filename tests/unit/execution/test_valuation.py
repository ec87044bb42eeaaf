from decimal import Decimal

import pytest

from qt_ray.core.orders import Execution, Side
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Cause, Moved, Opening, Traded
from qt_ray.execution.valuation import valued
from qt_ray.execution.venue.views import PositionSide

pytestmark = pytest.mark.unit


def test_what_is_held_is_worth_its_mark_and_nothing_is_guessed() -> None:
    books = Books(Opening(1, {"USDT": Decimal(1_000)}), {"BTCUSDT": "USDT"})
    bought = Execution(1, Decimal(2), Decimal(100), Decimal("0.1"), "USDT", False, 2)
    books.post(Traded("BTCUSDT", PositionSide.BOTH, Side.BUY, "7", bought, Decimal(0)))
    books.post(Moved(1, Cause.TRANSFERS, "TRANSFER", "USDT", Decimal(500), "", 3))
    assert valued(books, {}, "USDT") is None
    worth = valued(books, {"BTCUSDT": Decimal(90)}, "USDT")
    assert worth is not None
    assert (worth.wallet, worth.unrealised) == (Decimal("1499.9"), Decimal(-20))
    assert worth.equity == worth.wallet + worth.unrealised
    assert worth.transfers == Decimal(500)


def test_an_account_that_holds_nothing_needs_no_mark() -> None:
    worth = valued(Books(Opening(1, {"USDT": Decimal(7)}), {}), {}, "USDT")
    assert worth is not None
    assert (worth.equity, worth.unrealised) == (Decimal(7), Decimal(0))
