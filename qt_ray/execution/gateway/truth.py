"""Truth: what the venue says of our orders, and what we ask it while it has not said enough.

News, answers and lists all end as news of one order's life, so they may come late, twice or in any order. What the
venue has traded and we have not seen is asked for by trade, never inferred.
"""

from collections.abc import Callable

from qt_ray.core.effects import Severity
from qt_ray.core.errors import Invalid
from qt_ray.core.ids import is_ours
from qt_ray.core.orders import OrderType, Planned, Rejected, Submitted, TimeInForce, Unknown
from qt_ray.execution.gateway import hearing
from qt_ray.execution.gateway.book import RESTING, Tracked
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.doubt import Doubt
from qt_ray.execution.gateway.records import Ending, Heard, Reshaped, Revived
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.venue.calls import AskOpenOrders, AskOrder, AskTrades, Call
from qt_ray.execution.venue.news import AlgoNews, OrderNews
from qt_ray.execution.venue.views import OrderView, TradeView

Ask = Callable[[Call, int], None]
STRANGERS_MAX = 1_000
ASKED_ALARM = 10
DENIALS = frozenset({Signal.ABSENT, Signal.REJECTED, Signal.LOST, Signal.SENT})


class Truth:
    """What is not yet known of our orders, and the questions that will tell."""

    def __init__(self, rules: Rules, chronicle: Chronicle, ask: Ask) -> None:
        self.doubt = Doubt(rules)
        self.is_live = False
        self._rules = rules
        self._chronicle = chronicle
        self._ask = ask
        self._repairs: dict[str, int] = {}
        self._watched: dict[str, tuple[int, ...]] = {}
        self._check_ms = 0
        self._strangers: dict[str, None] = {}

    # What we hear.

    def order_news(self, told: OrderNews, at_ms: int) -> None:
        """Take in news of a plain order."""
        tracked = self._known(told.client_id, at_ms)
        if tracked is not None:
            self._reshape(tracked, told)
            self._believe(told.client_id, at_ms, lambda: hearing.of_order_news(tracked.intent, told, at_ms))

    def algo_news(self, told: AlgoNews, at_ms: int) -> None:
        """Take in news of a conditional order; once triggered, the plain order it became is asked for."""
        tracked = self._known(told.client_id, at_ms)
        if tracked is not None:
            self._believe(told.client_id, at_ms, lambda: hearing.of_algo_news(tracked.intent, told, at_ms))
            self._follow_trigger(told.client_id, told.status, at_ms)

    def view(self, view: OrderView, at_ms: int) -> None:
        """Take in how the venue shows an order."""
        tracked = self._known(view.client_id, at_ms)
        if tracked is not None:
            self._reshape(tracked, view)
            self._believe(view.client_id, at_ms, lambda: hearing.of_view(tracked.intent, view, at_ms))
            if view.conditional:
                self._follow_trigger(view.client_id, view.status, at_ms)

    def refused(self, client_id: str, reason: str, at_ms: int) -> None:
        """Take in the venue's definite no to an order."""
        self._hear(Heard(client_id, News(Signal.REJECTED, at_ms, reason=reason)))

    def lost(self, client_id: str, at_ms: int) -> None:
        """Take in that nobody knows what became of a request."""
        if isinstance(self._chronicle.book.orders[client_id].order, Submitted):
            self._hear(Heard(client_id, News(Signal.LOST, at_ms)))
        if isinstance(self._chronicle.book.orders[client_id].order, Unknown):
            self.reread(client_id, at_ms, self._rules.ladder_ms[0])

    # What the answers to our questions say.

    def looked(self, client_id: str, view: OrderView, at_ms: int) -> None:
        """Take in the answer to a question after one order."""
        self.doubt.close(client_id)
        self.view(view, at_ms)

    def not_found(self, call: AskOrder, asked_ms: int, at_ms: int) -> None:
        """Take in that the venue holds no such order; whether that means anything depends on when it was asked."""
        tracked = self._chronicle.book.orders.get(call.client_id)
        if tracked is None or not isinstance(tracked.order, Unknown):
            return
        if self.doubt.needs_proof(call.client_id, asked_ms):
            since_ms = (tracked.sent_ms or tracked.wanted_ms) - self._rules.clock_error_ms
            proofs = AskOpenOrders(call.symbol, call.conditional), AskTrades(call.symbol, since_ms=since_ms)
            self.doubt.prove(call.client_id, proofs)
            for proof in proofs:
                self._ask(proof, at_ms)

    def listed(self, call: AskOpenOrders, views: tuple[OrderView, ...], asked_ms: int | None, at_ms: int) -> None:
        """Take in the open orders; what we believe open and is not among them is asked for by name.

        Without a time of asking the list is not whole, and what is missing in it says nothing.
        """
        for view in views:
            self.view(view, at_ms)
        if asked_ms is None:
            self.check_again(at_ms)
            return
        names = {view.client_id for view in views}
        for tracked in self._chronicle.book.open():
            is_asked_for = call.symbol in (None, tracked.intent.symbol) and call.conditional is _waits(tracked)
            rested_then = isinstance(tracked.order, RESTING) and tracked.order.at_ms < asked_ms
            if is_asked_for and rested_then and tracked.intent.client_id not in names:
                self.reread(tracked.intent.client_id, at_ms)
        self._absent(call, asked_ms, at_ms)

    def traded(self, call: AskTrades, trades: tuple[TradeView, ...], asked_ms: int | None, at_ms: int) -> None:
        """Take in a page of our trades, and ask for the next one if it was full."""
        names = self._chronicle.book.by_plain_id(call.symbol)
        orders = self._chronicle.book.orders
        for trade in trades:
            if trade.order_id in names:
                self._hear(hearing.of_trade(orders[names[trade.order_id]].intent, trade, at_ms))
        if len(trades) >= call.limit:
            self._ask(AskTrades(call.symbol, from_id=max(t.execution.trade_id for t in trades) + 1), at_ms)
            return
        self._repairs.pop(call.symbol, None)
        if self._chronicle.book.incomplete(call.symbol):
            self._repairs[call.symbol] = at_ms + self._rules.check_unsettled_ms
        if asked_ms is not None:
            self._absent(call, asked_ms, at_ms, tuple(trade for trade in trades if trade.order_id not in names))

    # What we ask.

    def reread(self, client_id: str, at_ms: int, in_ms: int = 0) -> None:
        """Ask what became of an order."""
        self.doubt.open(client_id, at_ms, in_ms, self._chronicle.book.orders[client_id].sent_ms)

    def watch(self, client_id: str, at_ms: int) -> None:
        """Look a few times more for an order that was given up: a clock may be wrong by more than we allow for."""
        self._watched[client_id] = tuple(at_ms + later for later in self._rules.watch_ms)

    def follow(self, client_id: str, at_ms: int) -> None:
        """After an order changed: what it still leaves to ask, and what it has settled."""
        tracked = self._chronicle.book.orders[client_id]
        if tracked.missing:
            self._repairs.setdefault(tracked.intent.symbol, at_ms + self._rules.repair_ms)
        if not tracked.is_open:
            self.doubt.close(client_id)
        elif isinstance(tracked.order, RESTING) and _is_fleeting(tracked) and client_id not in self.doubt.inquiries:
            self.reread(client_id, at_ms, self._rules.fleeting_ms)

    def ask_what_is_due(self, at_ms: int) -> None:
        """Put the questions that are due."""
        orders = self._chronicle.book.orders
        for client_id in self.doubt.due(at_ms):
            if self.doubt.inquiries[client_id].asked == ASKED_ALARM:
                self._chronicle.alert(Severity.CRITICAL, "an order stays in doubt", client_id, at_ms)
            self._ask(AskOrder(orders[client_id].intent.symbol, client_id, _waits(orders[client_id])), at_ms)
        for client_id in [name for name, times in self._watched.items() if at_ms >= times[0]]:
            self._look_again(client_id, at_ms)
        for symbol in [symbol for symbol, due_ms in self._repairs.items() if at_ms >= due_ms]:
            self._repair(symbol, at_ms)
        interval_ms = self._rules.check_ms if self.is_settled and self.is_live else self._rules.check_unsettled_ms
        self._check_ms = min(self._check_ms, at_ms + interval_ms)
        if at_ms >= self._check_ms:
            self._check_ms = at_ms + interval_ms
            for symbol, conditional in self._where_we_rest():
                self._ask(AskOpenOrders(symbol, conditional), at_ms)

    def check_again(self, at_ms: int) -> None:
        """Look at the open orders again soon, since the last look has shown less than all."""
        self._check_ms = min(self._check_ms, at_ms + self._rules.check_unsettled_ms)

    def stream(self, is_live: bool, at_ms: int) -> None:
        """Know whether news reaches us; what was said while it did not is looked for at once."""
        self.is_live = is_live
        self._check_ms = at_ms

    def is_blocked(self, symbol: str) -> bool:
        """Return whether an order of this symbol is in doubt, or the start is not over."""
        return bool(self.doubt.starting) or any(
            isinstance(tracked.order, Unknown) and tracked.intent.symbol == symbol
            for tracked in self._chronicle.book.open()
        )

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is in doubt and no trade is missing."""
        return not self.doubt.inquiries and not self._repairs

    @property
    def is_watching(self) -> bool:
        """Return whether an order that was given up will be looked for again."""
        return bool(self._watched)

    @property
    def next_ms(self) -> int | None:
        """Return when the next question is due."""
        check = [self._check_ms] if any(True for _ in self._where_we_rest()) else []
        asks = [] if self.doubt.next_ms is None else [self.doubt.next_ms]
        watches = [times[0] for times in self._watched.values()]
        return min([*check, *asks, *watches, *self._repairs.values()], default=None)

    # Within.

    def _known(self, client_id: str, at_ms: int) -> Tracked | None:
        book = self._chronicle.book
        tracked = book.orders.get(client_id)
        if tracked is None and is_ours(client_id) and client_id not in {**book.spent, **self._strangers}:
            self._strangers[client_id] = None
            if len(self._strangers) > STRANGERS_MAX:
                del self._strangers[next(iter(self._strangers))]
            self._chronicle.alert(
                Severity.CRITICAL, "an order bears our name and is not in our journal", client_id, at_ms
            )
        return tracked

    def _believe(self, client_id: str, at_ms: int, said: Callable[[], Heard]) -> None:
        """Hear what was said of an order; words that mean nothing are shown to a person, and the order asked for."""
        try:
            heard = said()
        except Invalid as broken:
            self._chronicle.alert(Severity.WARNING, "the venue speaks a word we do not know", str(broken), at_ms)
            self.reread(client_id, at_ms, self._rules.ladder_ms[0])
            return
        self._hear(heard)

    def _hear(self, heard: Heard) -> None:
        tracked = self._chronicle.book.orders[heard.client_id]
        if isinstance(tracked.order, Rejected) and heard.news.signal not in DENIALS:
            self._revive(tracked, heard.news.at_ms)
        if not self._chronicle.hear(heard):
            self.reread(heard.client_id, heard.news.at_ms, self._rules.ladder_ms[0])

    def _revive(self, tracked: Tracked, at_ms: int) -> None:
        """Adopt an order that came too late; one that opens is no longer wanted."""
        name = tracked.intent.client_id
        self._chronicle.alert(Severity.CRITICAL, "an order lives that was believed not to", name, at_ms)
        self._chronicle.write(Revived(name, at_ms))
        if not tracked.intent.reduce_only and not tracked.ending:
            self._chronicle.write(Ending(name, "it came after it was given up", at_ms))

    def _reshape(self, tracked: Tracked, told: OrderNews | OrderView) -> None:
        shape = hearing.shape_of(tracked.intent, told)
        if shape is None or shape.venue_ms < tracked.shaped_ms or shape.quantity < told.executed or not tracked.is_open:
            return
        name = tracked.intent.client_id
        self._chronicle.write(Reshaped(name, shape.quantity, shape.limit_price, shape.venue_ms))

    def _follow_trigger(self, client_id: str, status: str, at_ms: int) -> None:
        tracked = self._chronicle.book.orders[client_id]
        if status in hearing.TRIGGERED and tracked.is_open and tracked.plain_id:
            self.reread(client_id, at_ms, self._rules.repair_ms)

    def _absent(self, call: Call, asked_ms: int, at_ms: int, strange: tuple[TradeView, ...] = ()) -> None:
        """Believe in what is proven; a trade of an order we have no number for may be of the one in doubt."""
        if any(self._may_be_in_doubt(trade) for trade in strange):
            return
        for client_id in self.doubt.proven(call, asked_ms):
            if isinstance(self._chronicle.book.orders[client_id].order, Unknown):
                self._hear(Heard(client_id, News(Signal.ABSENT, at_ms)))
                self.watch(client_id, at_ms)

    def _look_again(self, client_id: str, at_ms: int) -> None:
        tracked, times = self._chronicle.book.orders.get(client_id), self._watched.pop(client_id)[1:]
        if tracked is not None and isinstance(tracked.order, Rejected):
            self._ask(AskOrder(tracked.intent.symbol, client_id, _waits(tracked)), at_ms)
            if times:
                self._watched[client_id] = times

    def _may_be_in_doubt(self, trade: TradeView) -> bool:
        return any(
            isinstance(tracked.order, Unknown)
            and (tracked.intent.symbol, tracked.intent.side) == (trade.symbol, trade.side)
            and trade.execution.quantity <= tracked.intent.quantity
            for tracked in self._chronicle.book.open()
        )

    def _repair(self, symbol: str, at_ms: int) -> None:
        missing = self._chronicle.book.incomplete(symbol)
        if not missing:
            del self._repairs[symbol]
            return
        self._repairs[symbol] = at_ms + self._rules.check_unsettled_ms
        since_ms = min(tracked.sent_ms or tracked.wanted_ms for tracked in missing) - self._rules.clock_error_ms
        self._ask(AskTrades(symbol, since_ms=since_ms), at_ms)

    def _where_we_rest(self) -> list[tuple[str, bool]]:
        resting = (t for t in self._chronicle.book.open() if not isinstance(t.order, Planned | Submitted | Unknown))
        return sorted({(tracked.intent.symbol, _waits(tracked)) for tracked in resting})


def _waits(tracked: Tracked) -> bool:
    """Return whether an order is still one that waits for its trigger."""
    return tracked.intent.type.is_conditional and tracked.plain_id is None


def _is_fleeting(tracked: Tracked) -> bool:
    intent = tracked.intent
    return intent.type is OrderType.MARKET or intent.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
