"""Bulletin: what an account's journal says, as numbered tidings for whoever decides over the account.

A number is the place of a line in the journal, so every life of ours gives the same thing the same number. An order's
end is told once all that it traded is, whatever the venue said first: who hears of an end may forget the order. Only
the newest are kept; who asks from before them hears how the account stands, and goes on from there. Whoever listens
hears everything line by line, and of orders in the very words in which the gateway itself has told of them.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from qt_ray.core.ids import ClientOrderId
from qt_ray.core.orders import ZERO, Execution, progress_of
from qt_ray.engine.tidings import Ended, Filled, Holding, Paid, Stand, Tiding, What
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Entry, Moved, Opening, Traded, trade_key
from qt_ray.execution.gateway.book import Book, Pages, Tracked, book_of
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.effects import Tell
from qt_ray.execution.gateway.records import Heard, Record
from qt_ray.risk.at_work import AtWork, Entering

KEPT_MAX: Final = 10_000
PAGE_MAX: Final = 1_000
SOURCE: Final = "gateway"

# Hears, with the number of its line, of what happened to an order or to the account.
Listener = Callable[[int, Tell | What], None]


def unheard(sequence: int, what: Tell | What) -> None:
    """Tell nobody of a line."""


class Bulletin:
    """A fold over the lines of one journal; money is told in `currency`, what another asset paid is not."""

    def __init__(self, currency: str, kept_max: int = KEPT_MAX, listener: Listener = unheard) -> None:
        """Begin before the first line."""
        self.last = self._floor = 1
        self._currency, self._kept_max, self._listener = currency, kept_max, listener
        self._book = Book()
        self._chronicle = Chronicle(self._book, SOURCE)
        self._names: set[str] = set()
        self._working: set[str] = set()
        self._kept: deque[Tiding] = deque()

    def begin(self, pages: Pages, names: Collection[str], sequence: int) -> None:
        """Begin after the line `sequence` instead, with the book and the names of entries that it led to."""
        self.last = self._floor = _end_of(sequence)
        book_of(pages, self._book)
        self._names = set(names) - {""}
        self._working = {name for name in self._book.orders if self._is_at_work(name)}

    def take(self, sequence: int, line: Record | Entry) -> None:
        """Take in the next line, once it is durable."""
        self.last = _end_of(sequence)
        if isinstance(line, Opening):
            self._listener(sequence, _opened(line, self._currency))
        elif isinstance(line, Traded | Moved):
            self._post(sequence, line)
        else:
            self._apply(sequence, line)

    def since(self, after: int, books: Books, at_ms: int) -> tuple[Tiding, ...]:
        """Return what came after a number, the oldest first and at most a page of it, or how `books` stand now."""
        if not self._floor <= after <= self.last:
            return (Tiding(self.last, self._stand(books, at_ms)),)
        first = bisect_right(self._kept, after, key=lambda tiding: tiding.number)
        return tuple(self._kept[at] for at in range(first, min(first + PAGE_MAX, len(self._kept))))

    def has_since(self, after: int) -> bool:
        """Return whether there is anything to tell to somebody who knows all up to `after`."""
        return not self._floor <= after <= self.last or bool(self._kept and self._kept[-1].number > after)

    def at_work(self) -> AtWork:
        """Return the entries that may still fill, or of which not all fills are told, by what of them is not told."""
        tracked = (self._book.orders[name] for name in sorted(self._working) if name in self._book.orders)
        entries = [self._entering(one) for one in tracked if not one.intent.reduce_only]
        return AtWork(self._kept[-1].number if self._kept else self._floor, tuple(entries))

    def _entering(self, tracked: Tracked) -> Entering:
        intent = tracked.intent
        told = sum((done.quantity for done in _executions(tracked) if self._is_told(tracked, done)), ZERO)
        owner = ClientOrderId.parse(intent.client_id).strategy
        return Entering(intent.client_id, owner, intent.symbol, intent.side.sign * (intent.quantity - told))

    def _apply(self, sequence: int, record: Record) -> None:
        """Take in what was written of an order, by the pen that has written it."""
        if isinstance(record, Heard):
            self._chronicle.hear(record)
        else:
            self._chronicle.write(record)
        for effect in self._chronicle.taken():
            if isinstance(effect, Tell):
                self._listener(sequence, effect)
        for name in self._chronicle.changed():
            self._look(sequence, name)

    def _post(self, sequence: int, entry: Traded | Moved) -> None:
        """Tell of an entry once: a trade first taken for a stranger's is posted again when it is known to be ours."""
        is_new = entry.key not in self._names
        self._names.add(entry.key)
        if isinstance(entry, Traded):
            owner = "" if entry.foreign else self._book.by_plain_id(entry.symbol).get(entry.order_id, "")
            if is_new:
                self._tell(2 * sequence, self._filled(entry, owner))
            if owner:
                self._look(sequence, owner)
        elif is_new and entry.asset == self._currency:
            self._tell(2 * sequence, Paid(entry.cause, entry.amount, entry.time_ms, entry.symbol or None))

    def _filled(self, entry: Traded, owner: str) -> Filled:
        done = entry.execution
        return Filled(
            client_id=owner,
            symbol=entry.symbol,
            ts_ms=done.time_ms,
            quantity=entry.side.sign * done.quantity,
            price=done.price,
            fee=done.fee if done.fee_asset == self._currency else ZERO,
            realised=entry.realised,
            trade_id=done.trade_id,
            maker=done.maker,
        )

    def _look(self, sequence: int, name: str) -> None:
        """Tell of an order's end when the line at hand has brought it about."""
        was_at_work, is_at_work = name in self._working, self._is_at_work(name)
        if is_at_work:
            self._working.add(name)
        elif was_at_work:
            self._working.discard(name)
            order = self._book.orders[name].order
            self._tell(_end_of(sequence), Ended(name, order.intent.symbol, order.at_ms))

    def _is_at_work(self, name: str) -> bool:
        """Return whether an order may still trade, or has traded what is not told yet."""
        tracked = self._book.orders[name]
        is_told = all(self._is_told(tracked, done) for done in _executions(tracked))
        return tracked.is_open or bool(tracked.missing) or not is_told

    def _is_told(self, tracked: Tracked, done: Execution) -> bool:
        return trade_key(tracked.intent.symbol, done.trade_id, tracked.intent.side) in self._names

    def _tell(self, number: int, what: What) -> None:
        self._kept.append(Tiding(number, what))
        self._listener(number // 2, what)
        if len(self._kept) > self._kept_max:
            self._floor = self._kept.popleft().number

    def _stand(self, books: Books, at_ms: int) -> Stand:
        holdings = {
            symbol: Holding(held.quantity, held.average_entry or ZERO) for (symbol, _), held in books.positions.items()
        }
        working = tuple(sorted(self._working & self._book.orders.keys()))
        return Stand(books.wallets.get(self._currency, ZERO), holdings, working, at_ms)


def _executions(tracked: Tracked) -> tuple[Execution, ...]:
    progress = progress_of(tracked.order)
    return progress.executions if progress else ()


def _opened(opening: Opening, currency: str) -> Stand:
    """Return what was held when the books began."""
    holdings = {held.symbol: Holding(held.quantity, held.entry) for held in opening.positions}
    return Stand(opening.wallets.get(currency, ZERO), holdings, (), opening.at_ms)


def _end_of(sequence: int) -> int:
    """Return the number of what a line has ended; of what it says itself, the number is one less."""
    return 2 * sequence + 1
