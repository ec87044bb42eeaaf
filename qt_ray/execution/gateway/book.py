"""Book: every order we still answer for, and what may never be wanted again; a fold over records.

Whoever folds the same records holds the same book, digest for digest, so a restart is a replay. Its size is bounded:
of ended orders the newest are kept whole, of older ones only the name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal

from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import (
    ZERO,
    Intent,
    Order,
    PartiallyFilled,
    Planned,
    Unknown,
    Working,
    progress_of,
)
from qt_ray.execution.gateway.index import OVER, Index
from qt_ray.execution.gateway.records import Ending, Heard, Record, Reshaped, Revived, Sent, Wanted
from qt_ray.execution.lifecycle import News, Signal, hear

RESTING = (Working, PartiallyFilled)


@dataclass(slots=True)
class Tracked:
    """An order and what we know of it beside its state; `ending` is why it must end, empty while it is wanted."""

    order: Order
    parent: str
    wanted_ms: int
    sent_ms: int | None = None
    plain_id: str | None = None
    ending: str = ""
    shaped_ms: int = 0

    @property
    def intent(self) -> Intent:
        """Return what was wanted, as it was last amended."""
        return self.order.intent

    @property
    def is_open(self) -> bool:
        """Return whether it may still trade."""
        return type(self.order) not in OVER

    @property
    def missing(self) -> Decimal:
        """Return what the venue has executed and we have not seen."""
        progress = progress_of(self.order)
        return progress.missing if progress else ZERO

    @property
    def claim(self) -> Decimal:
        """Return how much of its parent it has taken or may still take."""
        if self.is_open:
            return self.intent.quantity
        progress = progress_of(self.order)
        return max(progress.reported, progress.executed) if progress else ZERO


@dataclass(slots=True)
class Parent:
    """What may be traded in all for one purpose, and the orders that trade it."""

    quantity: Decimal
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pages:
    """A book as a snapshot spells it: in lists, since keys are written sorted and a book lives by its order."""

    orders: tuple[Tracked, ...]
    parents: tuple[tuple[str, Parent], ...]
    spent: tuple[tuple[str, int], ...]
    live: tuple[str, ...]


@dataclass(slots=True)
class Book:
    """All orders by client id, their parents, and the names of what was forgotten.

    `live` names those that may still trade or whose trades are not all known, so that nobody looks through the dead.
    """

    ended_max: int = 2_000
    spent_max: int = 100_000
    orders: dict[str, Tracked] = field(default_factory=dict)
    parents: dict[str, Parent] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    index: Index = field(default_factory=Index, repr=False, compare=False)

    def open(self) -> Iterator[Tracked]:
        """Yield the orders that may still trade, the oldest first."""
        return (tracked for name in self.live if (tracked := self.orders[name]).is_open)

    def incomplete(self, symbol: str) -> list[Tracked]:
        """Return the orders of a symbol of which the venue has traded more than we have seen."""
        live = (self.orders[name] for name in self.live)
        return [tracked for tracked in live if tracked.intent.symbol == symbol and tracked.missing]

    def children(self, parent: str) -> list[Tracked]:
        """Return the orders of one parent."""
        found = self.parents.get(parent)
        return [self.orders[name] for name in found.children] if found else []

    def claimed(self, parent: str) -> Decimal:
        """Return how much of a parent its orders have traded or may still trade."""
        return sum((child.claim for child in self.children(parent)), ZERO)

    def by_plain_id(self, symbol: str) -> Mapping[str, str]:
        """Return the client id of each of a symbol's orders by the number that its trades bear."""
        return self.index.of_symbol.get(symbol, {})

    def apply(self, record: Record) -> None:
        """Take one record in."""
        if isinstance(record, Wanted):
            self._want(record)
            return
        tracked = self.orders.get(record.client_id)
        if tracked is None:
            raise Invalid(f"a record follows its order's intent, was {record.kind} of {record.client_id}")
        former_id = tracked.plain_id
        _change(tracked, record)
        self.index.keep(tracked.order, tracked.plain_id, former_id)
        if tracked.is_open or tracked.missing:
            self.live[record.client_id] = tracked.wanted_ms
        else:
            self.live.pop(record.client_id, None)

    def snapshot(self) -> Pages:
        """Return the book as it is to be written; its maxima are settings and no memory."""
        parents, spent = tuple(self.parents.items()), tuple(self.spent.items())
        return Pages(tuple(self.orders.values()), parents, spent, tuple(self.live))

    @property
    def digest(self) -> str:
        """Return the hash of all that the book knows."""
        return digest({name: getattr(self, name) for name in REMEMBERED})

    def _want(self, record: Wanted) -> None:
        name = record.intent.client_id
        if name in self.orders or name in self.spent:
            raise Invalid(f"an intent is wanted once, was {name} again")
        self.orders[name] = Tracked(Planned(record.intent, record.at_ms), record.parent, record.at_ms)
        self.live[name] = record.at_ms
        self.index.keep(self.orders[name].order, None)
        parent = self.parents.setdefault(record.parent, Parent(record.quantity))
        parent.children = (*parent.children, name)
        if len(self.orders) > 2 * self.ended_max:
            self._forget(record.at_ms)

    def _forget(self, at_ms: int) -> None:
        """Keep only the names of the oldest families that have ended and whose trades are all known."""
        for name in list(self.parents):
            if len(self.orders) <= self.ended_max:
                break
            if self.live.keys().isdisjoint(self.parents[name].children):
                self._drop(name, at_ms)
        for spent in list(self.spent)[: max(len(self.spent) - self.spent_max, 0)]:
            del self.spent[spent]

    def _drop(self, parent: str, at_ms: int) -> None:
        self.spent[parent] = at_ms
        for child in self.parents.pop(parent).children:
            dropped = self.orders.pop(child)
            self.index.drop(dropped.order, dropped.plain_id)
            self.spent[child] = at_ms


REMEMBERED = tuple(each.name for each in fields(Book) if each.compare)


def _change(tracked: Tracked, record: Sent | Heard | Ending | Reshaped | Revived) -> None:
    if isinstance(record, Sent):
        tracked.order = hear(tracked.order, News(Signal.SENT, record.at_ms))
        tracked.sent_ms = record.at_ms
    elif isinstance(record, Heard):
        tracked.order = hear(tracked.order, record.news)
        tracked.plain_id = record.plain_id or tracked.plain_id
    elif isinstance(record, Ending):
        tracked.ending = record.reason
    elif isinstance(record, Revived):
        tracked.order = Unknown(tracked.intent, record.at_ms)
    else:
        intent = replace(tracked.intent, quantity=record.quantity, limit_price=record.limit_price)
        tracked.order = replace(tracked.order, intent=intent)
        tracked.shaped_ms = record.venue_ms


def replay(records: Iterable[Record], book: Book | None = None) -> Book:
    """Return the book that records lead to, from nothing or from a snapshot taken before the first of them."""
    book = Book() if book is None else book
    for record in records:
        book.apply(record)
    return book


def book_of(pages: Pages, book: Book | None = None) -> Book:
    """Return the book that a snapshot holds, in the place of an empty one with its own maxima."""
    book = Book() if book is None else book
    book.orders = {tracked.intent.client_id: tracked for tracked in pages.orders}
    book.parents, book.spent = dict(pages.parents), dict(pages.spent)
    book.index = Index()
    for tracked in pages.orders:
        book.index.keep(tracked.order, tracked.plain_id)
    book.live = {name: book.orders[name].wanted_ms for name in pages.live}
    return book
