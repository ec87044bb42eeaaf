"""Truth: what the venue says of our orders, believed as far as it goes.

News, answers and lists all end as news of one order's life, so they may come late, twice or in any order. What is
not among them is a question, and no question is ever answered by us.
"""

from collections.abc import Callable

from qt_ray.core.effects import Severity
from qt_ray.core.errors import Invalid
from qt_ray.core.ids import is_ours
from qt_ray.core.orders import Rejected, Submitted, Unknown
from qt_ray.execution.gateway import hearing
from qt_ray.execution.gateway.book import RESTING, Tracked
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.questions import Questions, waits
from qt_ray.execution.gateway.records import Ending, Heard, Reshaped, Revived
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.venue.calls import AskOpenOrders, AskOrder, AskTrades, Call
from qt_ray.execution.venue.news import AlgoNews, OrderNews
from qt_ray.execution.venue.views import OrderView, TradeView

STRANGERS_MAX = 1_000
DENIALS = frozenset({Signal.ABSENT, Signal.REJECTED, Signal.LOST, Signal.SENT})


class Truth:
    """Where every word of the venue about an order of ours goes."""

    def __init__(self, rules: Rules, chronicle: Chronicle, questions: Questions) -> None:
        self._rules = rules
        self._chronicle = chronicle
        self._questions = questions
        self._strangers: dict[str, None] = {}
        self._others: dict[str, None] = {}

    def order_news(self, told: OrderNews, at_ms: int) -> None:
        """Take in news of a plain order."""
        self._tell_apart(told)
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
        self._tell_apart(view)
        tracked = self._known(view.client_id, at_ms)
        if tracked is not None:
            self._reshape(tracked, view)
            self._believe(view.client_id, at_ms, lambda: hearing.of_view(tracked.intent, view, at_ms))
            if view.conditional:
                self._follow_trigger(view.client_id, view.status, at_ms)

    def refused(self, client_id: str, reason: str, at_ms: int) -> None:
        """Take in the venue's definite no to an order."""
        if client_id in self._chronicle.book.orders:
            self._hear(Heard(client_id, News(Signal.REJECTED, at_ms, reason=reason)))

    def lost(self, client_id: str, at_ms: int) -> None:
        """Take in that nobody knows what became of a request."""
        tracked = self._chronicle.book.orders.get(client_id)
        if tracked is not None and isinstance(tracked.order, Submitted):
            self._hear(Heard(client_id, News(Signal.LOST, at_ms)))
        if tracked is not None and isinstance(tracked.order, Unknown):
            self._questions.reread(client_id, at_ms, self._rules.ladder_ms[0])

    def looked(self, client_id: str, view: OrderView, at_ms: int) -> None:
        """Take in the answer to a question after one order."""
        self._questions.doubt.close(client_id)
        self.view(view, at_ms)

    def not_found(self, call: AskOrder, asked_ms: int, at_ms: int) -> None:
        """Take in that the venue holds no such order; whether that means anything depends on when it was asked."""
        tracked = self._chronicle.book.orders.get(call.client_id)
        if tracked is None or not isinstance(tracked.order, Unknown):
            return
        # The start has its answer: from here on the order's own symbol waits for a proof, and no other.
        self._questions.doubt.starting.discard(call.client_id)
        if self._questions.doubt.needs_proof(call.client_id, asked_ms):
            self._questions.prove(call.client_id, call.conditional, at_ms)

    def listed(self, call: AskOpenOrders, views: tuple[OrderView, ...], asked_ms: int | None, at_ms: int) -> None:
        """Take in the open orders; what we believe open and is not among them is asked for by name.

        Without a time of asking the list is not whole, and what is missing in it says nothing.
        """
        for view in views:
            self.view(view, at_ms)
        if asked_ms is None:
            self._questions.check_again(at_ms)
            return
        names = {view.client_id for view in views}
        for tracked in self._chronicle.book.open():
            is_asked_for = call.symbol in (None, tracked.intent.symbol) and call.conditional is waits(tracked)
            rested_then = isinstance(tracked.order, RESTING) and tracked.order.at_ms < asked_ms
            if is_asked_for and rested_then and tracked.intent.client_id not in names:
                self._questions.reread(tracked.intent.client_id, at_ms)
        self._absent(call, asked_ms, at_ms)

    def traded(self, call: AskTrades, trades: tuple[TradeView, ...], asked_ms: int | None, at_ms: int) -> None:
        """Take in a page of our trades, and ask for the next one if it was full."""
        names = self._chronicle.book.by_plain_id(call.symbol)
        orders = self._chronicle.book.orders
        for trade in trades:
            if trade.order_id in names:
                self._hear(hearing.of_trade(orders[names[trade.order_id]].intent, trade, at_ms))
        if len(trades) >= call.limit:
            self._questions.next_page(call, max(trade.execution.trade_id for trade in trades), at_ms)
            return
        self._questions.traded(call.symbol, at_ms)
        strange = tuple(trade for trade in trades if trade.order_id not in names)
        if strange:
            self._questions.look_at_watched(call.symbol, at_ms)
        if asked_ms is not None:
            self._absent(call, asked_ms, at_ms, strange)

    def is_blocked(self, symbol: str) -> bool:
        """Return whether an order of this symbol is in doubt, or the start is not over."""
        return bool(self._questions.doubt.starting) or any(
            isinstance(tracked.order, Unknown) and tracked.intent.symbol == symbol
            for tracked in self._chronicle.book.open()
        )

    def _known(self, client_id: str, at_ms: int) -> Tracked | None:
        book = self._chronicle.book
        tracked = book.orders.get(client_id)
        is_known = tracked is not None or client_id in book.spent or client_id in self._strangers
        if not is_known and is_ours(client_id):
            _remember(self._strangers, client_id)
            self._chronicle.alert(Severity.CRITICAL, "an order with our name is not in our journal", client_id, at_ms)
        return tracked

    def _tell_apart(self, told: OrderNews | OrderView) -> None:
        """Remember which orders are somebody else's, so that a trade of theirs is not taken for one in doubt."""
        if not is_ours(told.client_id):
            _remember(self._others, told.venue_id)

    def _believe(self, client_id: str, at_ms: int, said: Callable[[], Heard]) -> None:
        """Hear what was said of an order; words that mean nothing are shown to a person, and the order asked for."""
        try:
            heard = said()
        except Invalid as broken:
            self._chronicle.alert(Severity.WARNING, "the venue speaks a word we do not know", str(broken), at_ms)
            self._questions.reread(client_id, at_ms, self._rules.ladder_ms[0])
            return
        self._hear(heard)

    def _hear(self, heard: Heard) -> None:
        tracked = self._chronicle.book.orders[heard.client_id]
        if isinstance(tracked.order, Rejected) and heard.news.signal not in DENIALS:
            self._revive(tracked, heard.news.at_ms)
        if not self._chronicle.hear(heard):
            self._questions.reread(heard.client_id, heard.news.at_ms, self._rules.ladder_ms[0])

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
            self._questions.reread(client_id, at_ms, self._rules.repair_ms)

    def _absent(self, call: Call, asked_ms: int, at_ms: int, strange: tuple[TradeView, ...] = ()) -> None:
        """Believe in what is proven; a trade of an order we have no number for may be of the one in doubt.

        Not for ever: a venue that shows the trade and goes on denying the order speaks of somebody else's.
        """
        if any(self._may_be_in_doubt(trade, asked_ms) for trade in strange):
            return
        for client_id in self._questions.doubt.proven(call, asked_ms):
            if isinstance(self._chronicle.book.orders[client_id].order, Unknown):
                self._hear(Heard(client_id, News(Signal.ABSENT, at_ms)))
                self._questions.watch(client_id, at_ms)

    def _may_be_in_doubt(self, trade: TradeView, asked_ms: int) -> bool:
        return trade.order_id not in self._others and any(
            isinstance(tracked.order, Unknown)
            and self._questions.doubt.is_fresh(tracked.intent.client_id, asked_ms)
            and (tracked.intent.symbol, tracked.intent.side) == (trade.symbol, trade.side)
            and trade.execution.quantity <= tracked.intent.quantity
            for tracked in self._chronicle.book.open()
        )


def _remember(names: dict[str, None], name: str) -> None:
    names[name] = None
    if len(names) > STRANGERS_MAX:
        del names[next(iter(names))]
