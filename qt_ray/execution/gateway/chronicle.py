"""Chronicle: the one pen. Whatever changes the book is written here, and told to everybody in the same breath.

What was known already is neither written nor told, so hearing a thing twice leaves no trace.
"""

from dataclasses import replace

from qt_ray.core.effects import Alert, Severity
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import ZERO, Execution, Order, progress_of
from qt_ray.core.payloads import OrderChanged, TradeExecuted
from qt_ray.execution.gateway.book import Book, Tracked
from qt_ray.execution.gateway.effects import Effect, Tell, Write
from qt_ray.execution.gateway.records import Heard, Record, Wanted
from qt_ray.execution.lifecycle import hear


class Chronicle:
    """The book, the effects of the input at hand, and the way from one to the other."""

    def __init__(self, book: Book, source: str) -> None:
        self.book = book
        self._source = source
        self._effects: list[Effect] = []
        self._changed: dict[str, None] = {}

    def add(self, effect: Effect) -> None:
        """Append an effect."""
        self._effects.append(effect)

    def taken(self) -> list[Effect]:
        """Return the effects since the last time, and begin anew."""
        effects, self._effects = self._effects, []
        return effects

    def changed(self) -> list[str]:
        """Return the orders that were written about since the last time."""
        changed, self._changed = self._changed, {}
        return list(changed)

    def alert(self, severity: Severity, title: str, detail: str, at_ms: int) -> None:
        """Tell a person."""
        self.add(Alert(severity, title, detail, at_ms))

    def write(self, record: Record) -> None:
        """Take a record into book and journal."""
        self.book.apply(record)
        self.add(Write(record))
        name = record.intent.client_id if isinstance(record, Wanted) else record.client_id
        self._changed[name] = None
        if isinstance(record, Wanted):
            self._publish(self.book.orders[name].order)

    def hear(self, heard: Heard) -> bool:
        """Take in what was heard of an order, if it is new; return whether it agrees with what we know."""
        tracked = self.book.orders[heard.client_id]
        before = tracked.order
        try:
            after = hear(before, heard.news)
        except Invalid as contradiction:
            self.alert(Severity.WARNING, "the venue contradicts itself or us", str(contradiction), heard.news.at_ms)
            return False
        if _same(before, after) and (heard.plain_id or tracked.plain_id) == tracked.plain_id:
            return True
        self.write(heard)
        self._tell(before, tracked, heard)
        return True

    def _tell(self, before: Order, tracked: Tracked, heard: Heard) -> None:
        known = _executions(before)
        for execution in _executions(tracked.order):
            if execution not in known:
                self._executed(tracked, execution, heard)
        if not _same(before, tracked.order):
            self._publish(tracked.order)

    def _executed(self, tracked: Tracked, execution: Execution, heard: Heard) -> None:
        intent = tracked.intent
        payload = TradeExecuted(
            client_id=intent.client_id,
            symbol=intent.symbol,
            side=intent.side,
            trade_id=execution.trade_id,
            quantity=execution.quantity,
            price=execution.price,
            fee=execution.fee,
            fee_asset=execution.fee_asset,
            maker=execution.maker,
            realised=heard.realised if heard.news.execution == execution else ZERO,
        )
        self.add(Tell("trade.executed", payload, self._source, execution.time_ms))

    def _publish(self, order: Order) -> None:
        self.add(Tell(f"order.{order.kind}", OrderChanged(order), self._source, order.at_ms))


def _same(before: Order, after: Order) -> bool:
    return before.kind == after.kind and replace(after, at_ms=before.at_ms) == before


def _executions(order: Order) -> tuple[Execution, ...]:
    progress = progress_of(order)
    return progress.executions if progress else ()
