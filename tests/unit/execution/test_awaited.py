"""SPEC law 8: a trade that was told of by another door is fetched if it does not come, and in doubt until it has."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.orders import PositionSide, Side
from qt_ray.execution.awaited import PATIENCE_MS, Awaited
from qt_ray.execution.venue.news import Held

pytestmark = pytest.mark.unit

SYMBOLS = ("AUSDT", "BUSDT")


class Books:
    """Trades and positions as a test says they are."""

    def __init__(self) -> None:
        self.trades: set[tuple[str, int, Side]] = set()
        self.quantity = Decimal(0)

    def has_trade(self, *trade: object) -> bool:
        return trade in self.trades

    def position(self, *key: object) -> "Books":
        return self


@given(st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(1, 3), st.integers(0, 2_000), st.booleans())))
def test_what_was_told_is_in_doubt_until_it_has_come_and_fetched_once_if_it_does_not(
    told: list[tuple[str, int, int, bool]],
) -> None:
    books, missing = Books(), set[tuple[str, int, Side]]()
    awaited = Awaited(books)  # type: ignore[arg-type]  # all that it asks of books
    for symbol, number, at_ms, comes in sorted(told, key=lambda one: one[2]):
        trade = (symbol, number, Side.BUY)
        awaited.told(trade, at_ms)
        if comes:
            books.trades.add(trade)
        missing = (missing | {trade}) - books.trades
        assert awaited.unsure() == {lacking[0] for lacking in missing}
    assert sorted(awaited.overdue(2_000 + PATIENCE_MS)) == sorted(lacking[0] for lacking in missing)
    assert awaited.next_ms is None
    assert not awaited.unsure()
    assert awaited.overdue(9_000) == []


def test_a_position_that_the_books_do_not_hold_a_moment_later_is_fetched() -> None:
    books = Books()
    awaited = Awaited(books)  # type: ignore[arg-type]  # all that it asks of books
    held = Held("AUSDT", PositionSide.BOTH, Decimal(1), Decimal(100), Decimal(0))
    awaited.shown((held,), 1_000)
    assert awaited.next_ms == 1_000 + PATIENCE_MS
    assert awaited.overdue(1_000 + PATIENCE_MS - 1) == []
    assert awaited.overdue(1_000 + PATIENCE_MS) == ["AUSDT"]
    awaited.shown((held,), 2_000)
    books.quantity = Decimal(1)
    assert awaited.overdue(3_000) == []
