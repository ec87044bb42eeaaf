"""Trade keeping: the rows of a trade store, as a function of what the fund's parts tell about orders and positions.

An event may be told again, and by a part in another life, so every step sets what is and adds nothing: hearing of it
twice leaves the same rows. A symbol has one trade at a time, named after the decision that opened it; what is added to
it later is in the ledger. A position that is gone without anybody saying how is closed as stopped once it is clear that
nobody will.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.core.orders import Cancelled, Expired, Order, Rejected, Traded
from qt_ray.core.payloads import OrderChanged, PositionChanged, TradeClosed
from qt_ray.governance.trade_state import Conflict, Trade, TradeSignal, TradeStateStore, TradeStatus

ZERO: Final = Decimal(0)
UNTOLD_MS: Final = 60_000
KINDS: Final = (OrderChanged, PositionChanged, TradeClosed)
ENDINGS: Final[Mapping[str, TradeSignal]] = {
    "take_profit": TradeSignal.TARGET_HIT,
    "time": TradeSignal.TIMED_OUT,
    "signal": TradeSignal.SOLD_OUT,
}


class TradeKeeping:
    """Keeps one account's trades in a store that nobody else writes."""

    def __init__(self, store: TradeStateStore) -> None:
        """Take up the trades that are open."""
        self._store = store
        self._open = {trade.symbol: trade for trade in store.list_open_trades()}
        self._flat_ms: dict[str, int] = {}

    @property
    def open_trades(self) -> tuple[Trade, ...]:
        """Return every trade that is not over."""
        return tuple(self._open.values())

    def take(self, event: Event) -> None:
        """Take an event in; Retryable if the store does not."""
        match event.payload:
            case OrderChanged(order):
                self._ordered(order, event.time_ms)
            case PositionChanged() as told:
                self._held(told, event.time_ms)
            case TradeClosed() as closed:
                self._closed(closed, event.time_ms)

    def settle(self, at_ms: int) -> None:
        """Close the trades whose position has been gone for so long that nobody will say how it went."""
        for symbol, flat_ms in tuple(self._flat_ms.items()):
            if at_ms - flat_ms >= UNTOLD_MS:
                self._ended(symbol, TradeSignal.STOPPED, flat_ms, "flat, and nobody said how")

    def _ordered(self, order: Order, at_ms: int) -> None:
        intent = order.intent
        if intent.reduce_only:
            return
        trade = self._open.get(intent.symbol)
        if trade is not None and trade.id != intent.decision_id and self._is_stale(trade, at_ms):
            self._ended(intent.symbol, _last(trade), at_ms, "another trade has begun")
            trade = None
        trade = trade or self._begun(order, at_ms)
        if trade is None or trade.id != intent.decision_id:
            return
        executed = order.progress.executed if isinstance(order, Traded) else ZERO
        if executed > trade.filled:
            price = order.progress.average_price if isinstance(order, Traded) else None
            self._filled(trade, min(executed, trade.quantity), price, at_ms)
        elif not trade.filled and isinstance(order, Cancelled | Expired | Rejected):
            self._ended(intent.symbol, TradeSignal.REJECT, at_ms, order.reason)

    def _held(self, told: PositionChanged, at_ms: int) -> None:
        trade = self._open.get(told.symbol)
        if trade is None or at_ms < trade.created_ms:
            return
        if not told.quantity:
            self._flat_ms[told.symbol] = at_ms
            return
        self._flat_ms.pop(told.symbol, None)

    def _closed(self, closed: TradeClosed, at_ms: int) -> None:
        trade = self._open.get(closed.symbol)
        if trade is not None and trade.side is closed.side and at_ms >= trade.created_ms and trade.filled:
            signal = ENDINGS.get(closed.cause.lower(), TradeSignal.STOPPED)
            self._ended(closed.symbol, signal, at_ms, closed.cause)

    def _begun(self, order: Order, at_ms: int) -> Trade | None:
        """Return the trade that an order opens, approved; nothing if it was over before this was told again."""
        intent = order.intent
        known = self._store.get(intent.decision_id)
        if known is None:
            fresh = Trade(
                intent.decision_id, intent.symbol, intent.side, intent.quantity, intent.decision_id, at_ms, at_ms
            )
            known = self._kept(self._store.save(fresh))
        if known.status.is_over:
            return None
        return self._moved(known, TradeSignal.APPROVE, at_ms) if known.status is TradeStatus.NEW else known

    def _filled(self, trade: Trade, filled: Decimal, price: Decimal | None, at_ms: int) -> None:
        entry = price if price is not None else trade.entry_price
        kept = self._kept(self._store.save(replace(trade, filled=filled, entry_price=entry, updated_ms=at_ms)))
        if kept.status is TradeStatus.APPROVED:
            self._moved(kept, TradeSignal.FILLED, at_ms)

    def _ended(self, symbol: str, signal: TradeSignal, at_ms: int, reason: str) -> None:
        trade = self._open[symbol]
        if signal is not TradeSignal.REJECT and trade.status is TradeStatus.APPROVED:
            trade = self._moved(trade, TradeSignal.FILLED, at_ms)
        self._moved(trade, signal, at_ms, reason)

    def _moved(self, trade: Trade, signal: TradeSignal, at_ms: int, reason: str = "") -> Trade:
        return self._kept(self._store.transition(trade.id, signal, at_ms, trade.revision, reason))

    def _kept(self, found: Trade | Conflict) -> Trade:
        """Return what the store holds now; a conflict is another life's write, read before it is tried anew."""
        if isinstance(found, Conflict):
            self._open = {trade.symbol: trade for trade in self._store.list_open_trades()}
            raise Retryable("a trade is written by one keeper, another wrote it meanwhile")
        if found.status.is_over:
            self._open.pop(found.symbol, None)
            self._flat_ms.pop(found.symbol, None)
        else:
            self._open[found.symbol] = found
        return found

    def _is_stale(self, trade: Trade, at_ms: int) -> bool:
        """Return whether a trade is over when another opens its symbol: never filled, or known to be flat."""
        return at_ms >= trade.created_ms and (not trade.filled or trade.symbol in self._flat_ms)


def _last(trade: Trade) -> TradeSignal:
    return TradeSignal.STOPPED if trade.filled else TradeSignal.REJECT
