"""Book: a symbol's order book from a snapshot and the changes after it; whole, or not there at all.

Each change names the one before it. A change that does not follow, or a bid at or above an ask, means that something
was missed: the book is then unknown until the next snapshot, for a wrong price is worse than none.
"""

from bisect import bisect_left, insort
from collections import deque
from decimal import Decimal
from enum import Enum
from typing import Final

from qt_ray.market.ticks import BookChange, Levels

WAITING_MAX: Final = 1_000


class Heard(Enum):
    """What a change did to the book."""

    APPLIED = "applied"
    OLD = "contained already"
    WAITING = "kept until there is a snapshot"
    GAP = "a change was missed"
    CROSSED = "a bid reached an ask"

    @property
    def loses_book(self) -> bool:
        """Return whether a new snapshot is needed because of it."""
        return self in (Heard.GAP, Heard.CROSSED)


class Side:
    """One side of a book, sorted by price."""

    __slots__ = ("_prices", "_quantities", "_reverse")

    def __init__(self, levels: Levels, best_is_highest: bool) -> None:
        self._quantities = {price: quantity for price, quantity in levels if quantity}
        self._prices = sorted(self._quantities)
        self._reverse = best_is_highest

    def apply(self, levels: Levels) -> None:
        """Set the quantity of each level, taking away those that have none."""
        for price, quantity in levels:
            if quantity:
                self._set(price, quantity)
            elif self._quantities.pop(price, None) is not None:
                del self._prices[bisect_left(self._prices, price)]

    def top(self, count: int) -> Levels:
        """Return the best levels, best first."""
        prices = self._prices[: -count - 1 : -1] if self._reverse else self._prices[:count]
        return tuple((price, self._quantities[price]) for price in prices)

    @property
    def best(self) -> Decimal | None:
        """Return the best price, if there is any."""
        return self._prices[-1 if self._reverse else 0] if self._prices else None

    def _set(self, price: Decimal, quantity: Decimal) -> None:
        if price not in self._quantities:
            insort(self._prices, price)
        self._quantities[price] = quantity


class OrderBook:
    """The book of one symbol."""

    __slots__ = ("_asks", "_bids", "_is_joined", "_last_id", "_waiting", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._waiting: deque[BookChange] = deque(maxlen=WAITING_MAX)
        self._last_id: int | None = None
        self._forget()

    @property
    def is_whole(self) -> bool:
        """Return whether the book is known."""
        return self._last_id is not None

    @property
    def update_id(self) -> int:
        """Return the last change that the book contains, zero while it is unknown."""
        return self._last_id or 0

    def lose(self) -> None:
        """Forget everything; the next snapshot begins anew."""
        self._waiting.clear()
        self._forget()

    def start(self, update_id: int, bids: Levels, asks: Levels) -> bool:
        """Take a snapshot and the changes that waited for it; false if it is too old for them, or wrong."""
        self._bids, self._asks = Side(bids, True), Side(asks, False)
        self._last_id, self._is_joined = update_id, False
        waiting = tuple(self._waiting)
        if self._is_crossed() or any(self._take(change).loses_book for change in waiting):
            self._forget()
            return False
        self._waiting.clear()
        return True

    def hear(self, change: BookChange) -> Heard:
        """Take in the next change."""
        if not self.is_whole:
            self._waiting.append(change)
            return Heard.WAITING
        heard = self._take(change)
        if heard.loses_book:
            self.lose()
            self._waiting.append(change)
        return heard

    def top(self, count: int) -> tuple[Levels, Levels]:
        """Return the best bids and asks."""
        return self._bids.top(count), self._asks.top(count)

    def _take(self, change: BookChange) -> Heard:
        if change.last_id <= self.update_id:
            return Heard.OLD
        # The first change after a snapshot may reach back before it; it sets quantities, so nothing counts twice.
        follows = change.previous_id == self._last_id
        if not follows and (self._is_joined or change.previous_id > self.update_id):
            return Heard.GAP
        self._bids.apply(change.bids)
        self._asks.apply(change.asks)
        self._last_id, self._is_joined = change.last_id, True
        return Heard.CROSSED if self._is_crossed() else Heard.APPLIED

    def _is_crossed(self) -> bool:
        bid, ask = self._bids.best, self._asks.best
        return bid is not None and ask is not None and bid >= ask

    def _forget(self) -> None:
        self._bids, self._asks = Side((), True), Side((), False)
        self._last_id, self._is_joined = None, False
