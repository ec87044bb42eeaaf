"""Checker: the exchange's own record against ours, and how long the two ever differed.

It believes nothing that the gateway says of itself: trades, orders, positions and money are counted from what the
exchange holds, and must be the same, to the last digit, as what our journal tells.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.core.ids import is_ours
from qt_ray.core.orders import Execution, Planned, Rejected, Submitted, Unknown, progress_of
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Traded
from qt_ray.execution.exchange.values import Algo, Order, Refusal
from qt_ray.execution.gateway.book import Book, Tracked
from qt_ray.execution.venue.views import OrderView, TradeView
from tests.simulation.network import HIDES
from tests.simulation.venue import ACCOUNT, SYMBOLS, Venue

ZERO = Decimal(0)
OPEN = frozenset({"NEW", "PARTIALLY_FILLED"})


@dataclass(slots=True)
class Episode:
    """A while in which one order is not to us what it is to the venue, and the faults that fell into it."""

    since_ms: int
    lived: bool
    faults: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Disagreements:
    """The episodes that go on, and how long those took that are over, by what caused them."""

    venue: Venue
    open: dict[str, Episode] = field(default_factory=dict)
    noted: dict[str, set[str]] = field(default_factory=dict)
    settled: dict[str, list[int]] = field(default_factory=dict)

    def note(self, client_id: str, fault: str) -> None:
        """Remember a fault with the order that it struck."""
        if client_id in self.open:
            self.open[client_id].faults.add(fault)
        else:
            self.noted.setdefault(client_id, set()).add(fault)

    def compare(self, tracked: Tracked, now_ms: int) -> None:
        """Look at one order from both sides; before it has arrived there is nothing of it to be known."""
        name = tracked.intent.client_id
        lives = _at_venue(tracked, self.venue) != (None, None)
        if name in self.open and lives and not self.open[name].lived:
            self.open[name].since_ms, self.open[name].lived = now_ms, True
        if agrees(tracked, self.venue):
            episode = self.open.pop(name, None)
            self.noted.pop(name, None)
            if episode is not None and episode.faults:
                self.settled.setdefault(_cause(episode.faults, lives), []).append(now_ms - episode.since_ms)
        elif name not in self.open:
            self.open[name] = Episode(now_ms, lives, self.noted.pop(name, set()))

    def forget_all_but(self, known: set[str]) -> None:
        """Forget what died unwritten: nobody has promised anything about it."""
        self.open = {name: episode for name, episode in self.open.items() if name in known}


def _cause(faults: set[str], lived: bool) -> str:
    """Return what made it take so long: no order there is to be heard of, or its events were hidden, or neither."""
    if not lived:
        return "never lived"
    return "events lost" if faults & HIDES else "stream live"


def agrees(tracked: Tracked, venue: Venue) -> bool:
    """Return whether an order is to us what it is to the venue."""
    plain, algo = _at_venue(tracked, venue)
    if plain is None and algo is None:
        return isinstance(tracked.order, Rejected | Planned)
    if isinstance(tracked.order, Submitted | Unknown):
        return False
    progress = progress_of(tracked.order)
    executed = progress.executed if progress else ZERO
    theirs = plain.executed if plain else ZERO
    is_open = (plain.state in OPEN) if plain else algo is not None and algo.state == "NEW"
    if plain is not None and is_open and tracked.is_open and not tracked.intent.type.is_conditional:
        held, price = tracked.intent.quantity, tracked.intent.limit_price
        is_open = plain.quantity == held and price in (None, plain.price)
    return executed == theirs and tracked.is_open is is_open


def _at_venue(tracked: Tracked, venue: Venue) -> tuple[Order | None, Algo | None]:
    plain: Order | None = None
    algo: Algo | None = None
    with suppress(Refusal):
        plain = venue.exchange.order(ACCOUNT, tracked.intent.symbol, client_id=tracked.intent.client_id)
    if tracked.intent.type.is_conditional:
        with suppress(Refusal):
            algo = venue.exchange.algo(ACCOUNT, client_id=tracked.intent.client_id)
    return plain, algo


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a history came to; all but the last two are zero or empty in a good one."""

    lost: int
    invented: int
    duplicates: int
    resent: int
    orphans: int
    trades: int
    wallet: Decimal
    positions: Decimal
    unprotected: tuple[str, ...]
    contradictions: int
    over_parent: int
    after_emergency: int
    overweight: int
    unsettled: tuple[str, ...]
    replay_differs: bool

    @property
    def is_clean(self) -> bool:
        """Return whether nothing at all is wrong."""
        zeros = (self.lost, self.invented, self.duplicates, self.resent, self.orphans, self.over_parent)
        money = (self.trades, self.wallet, self.positions, self.unprotected, self.contradictions)
        sent = (self.after_emergency, self.overweight)
        return not any(zeros) and not any(money) and not any(sent) and not self.unsettled and not self.replay_differs


def _executions(tracked: Tracked) -> tuple[Execution, ...]:
    progress = progress_of(tracked.order)
    return progress.executions if progress else ()


def fills_of(book: Book) -> set[tuple[str, int, Decimal, Decimal, Decimal]]:
    """Return every execution that our book knows."""
    return {
        (tracked.intent.client_id, e.trade_id, e.quantity, e.price, e.fee)
        for tracked in book.orders.values()
        for e in _executions(tracked)
    }


def fills_at(venue: Venue) -> set[tuple[str, int, Decimal, Decimal, Decimal]]:
    """Return every execution that the venue made for us."""
    names = {view.venue_id: view.client_id for view in venue.orders() if not view.conditional}
    return {
        (names[t.order_id], t.execution.trade_id, t.execution.quantity, t.execution.price, t.execution.fee)
        for t in venue.trades()
        if is_ours(names.get(t.order_id, ""))
    }


def over_parent(book: Book) -> int:
    """Return how many parents have traded more than they were meant to."""
    return sum(
        sum((e.quantity for child in book.children(name) for e in _executions(child)), ZERO) > parent.quantity
        for name, parent in book.parents.items()
    )


def trades_in(books: Books) -> set[tuple[str, int, str, Decimal, Decimal, Decimal, Decimal, bool]]:
    """Return every trade in the books, and whether it is held to be somebody else's."""
    found = (entry for entry in books.entries if isinstance(entry, Traded))
    return {(t.symbol, t.execution.trade_id, t.side, *_money(t), t.foreign) for t in found}


def trades_at(venue: Venue) -> set[tuple[str, int, str, Decimal, Decimal, Decimal, Decimal, bool]]:
    """Return every trade of the account, and whether an order made it that is not ours."""
    names = {view.venue_id: view.client_id for view in venue.orders() if not view.conditional}
    return {
        (t.symbol, t.execution.trade_id, t.side, *_money(t), not is_ours(names.get(t.order_id, "")))
        for t in venue.trades()
    }


def _money(trade: Traded | TradeView) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    execution = trade.execution
    return execution.quantity, execution.price, execution.fee, trade.realised


def position_difference(venue: Venue, books: Books) -> Decimal:
    """Return how far positions differ, over all symbols."""
    return sum((abs(venue.position(symbol) - books.position(symbol).quantity) for symbol in SYMBOLS), ZERO)


def strangers(venue: Venue, book: Book) -> list[str]:
    """Return the orders at the venue that our book does not know."""
    views: list[OrderView] = venue.orders()
    return sorted({view.client_id for view in views if is_ours(view.client_id)} - set(book.orders))
