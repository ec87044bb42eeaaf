"""Protection, as the exchange sees it: from when to when a position stood there without a stop that covers it.

Beside it stands the part of that time in which the account was at work and had been told: its own records say that the
position is larger than the stops it believes to rest. Nobody can do anything about the other part but learn sooner.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.core.orders import OrderType, in_flight
from qt_ray.execution.gateway.book import RESTING, Book
from tests.simulation.process import Process
from tests.simulation.venue import SYMBOLS, Venue

ZERO = Decimal(0)


@dataclass(slots=True)
class Watch:
    """The times without cover: those that go on, and how long those took that are over."""

    venue: Venue
    open: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)
    told_gaps: list[int] = field(default_factory=list)

    def look(self, now_ms: int) -> None:
        """Look at every symbol, as it is at the exchange."""
        for symbol in SYMBOLS:
            if self.venue.is_protected(symbol):
                if symbol in self.open:
                    self.gaps.append(now_ms - self.open.pop(symbol))
                    self._close(symbol, now_ms)
            else:
                self.open.setdefault(symbol, now_ms)

    def ask(self, process: Process | None, now_ms: int) -> None:
        """Look at what the account knows of the positions without cover; one that is dead knows nothing."""
        for symbol in self.open:
            if process is not None and is_bare(process, symbol):
                self.told.setdefault(symbol, now_ms)
            else:
                self._close(symbol, now_ms)

    def _close(self, symbol: str, now_ms: int) -> None:
        since_ms = self.told.pop(symbol, None)
        if since_ms is not None:
            self.told_gaps.append(now_ms - since_ms)


def is_bare(process: Process, symbol: str) -> bool:
    """Return whether the account's own records show more of a symbol than its stops at the venue would close."""
    held = process.custody.books.position(symbol).quantity
    return bool(held) and _covered(process.gateway.book, symbol, held) < abs(held)


def _covered(book: Book, symbol: str, held: Decimal) -> Decimal:
    stops = (
        tracked.order
        for tracked in book.open()
        if tracked.intent.symbol == symbol
        and tracked.intent.type is OrderType.STOP_MARKET
        and tracked.intent.side.sign * held < 0
        and isinstance(tracked.order, RESTING)
    )
    return sum((abs(in_flight(order)) for order in stops), ZERO)
