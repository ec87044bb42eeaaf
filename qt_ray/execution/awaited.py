"""Awaited: trades that were told of by another door, and have not come by their own yet.

The gateway hears of a trade by an order's answer, and a position is shown a moment before the trades that made it are
told. What has not come a moment later is fetched, and until then its symbol is in doubt.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from qt_ray.core.orders import Side
from qt_ray.execution.books import Books
from qt_ray.execution.exposure import Key
from qt_ray.execution.venue.news import Held

PATIENCE_MS: Final = 250

Named = tuple[str, int, Side]


class Awaited:
    """What the books of one account lack."""

    def __init__(self, books: Books) -> None:
        """Await nothing."""
        self._books = books
        self._trades: dict[Named, int] = {}
        self._positions: dict[Key, tuple[Decimal, int]] = {}

    def told(self, trade: Named, at_ms: int) -> None:
        """Await a trade, unless it has come."""
        if not self._books.has_trade(*trade):
            self._trades.setdefault(trade, at_ms + PATIENCE_MS)

    def shown(self, positions: Iterable[Held], at_ms: int) -> None:
        """Await what makes the books hold these positions."""
        due_ms = at_ms + PATIENCE_MS
        self._positions.update({(held.symbol, held.side): (held.quantity, due_ms) for held in positions})

    def overdue(self, at_ms: int) -> list[str]:
        """Return the symbols whose trades are to be fetched now; they are not awaited any more."""
        late = []
        for trade in [trade for trade, due_ms in self._trades.items() if at_ms >= due_ms]:
            del self._trades[trade]
            if not self._books.has_trade(*trade):
                late.append(trade[0])
        for key in [key for key, (_, due_ms) in self._positions.items() if at_ms >= due_ms]:
            quantity, _ = self._positions.pop(key)
            if self._books.position(*key).quantity != quantity:
                late.append(key[0])
        return late

    def unsure(self) -> set[str]:
        """Return the symbols of which the books lack a trade."""
        return {trade[0] for trade in self._trades if not self._books.has_trade(*trade)}

    @property
    def next_ms(self) -> int | None:
        """Return when something will be overdue, or nothing."""
        positions = (due_ms for _, due_ms in self._positions.values())
        return min((*self._trades.values(), *positions), default=None)
