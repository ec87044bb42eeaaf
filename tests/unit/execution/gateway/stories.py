"""A gateway on a desk of paper: inputs by hand, effects kept, and the venue's words made of what was asked."""

from decimal import Decimal
from typing import Any, TypeVar

from qt_ray.core.orders import Execution, Intent, Order, OrderType, Side, TimeInForce
from qt_ray.core.positions import ZERO
from qt_ray.execution.gateway.book import Book, Tracked
from qt_ray.execution.gateway.effects import Declined, Effect, Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.records import Record
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Done, Place
from qt_ray.execution.venue.news import AlgoNews, OrderNews, StreamUp
from qt_ray.execution.venue.views import OrderView, PositionSide, SymbolRules, TradeView

RULES = Rules(receive_window_ms=2_000)
OPEN = Fence(epoch=7, lease_until_ms=10**9)
K = TypeVar("K")


def name(number: int = 0, attempt: int = 0) -> str:
    return f"qt-trend-{number:020d}-{attempt}"


def entry(number: int = 0, **changes: Any) -> Intent:
    given = {
        "client_id": name(number),
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal(10),
        "decision_id": "d",
        "policy_version": 3,
        "epoch": 7,
    }
    return Intent(**{**given, **changes})


def resting(number: int = 0, **changes: Any) -> Intent:
    return entry(number, **{"type": OrderType.LIMIT, "limit_price": Decimal(100), **changes})


def ioc(number: int = 0, **changes: Any) -> Intent:
    return resting(number, time_in_force=TimeInForce.IOC, **changes)


def exit_(number: int = 0, **changes: Any) -> Intent:
    return entry(number, **{"side": Side.SELL, "reduce_only": True, **changes})


def stop(number: int = 0, **changes: Any) -> Intent:
    return exit_(number, **{"type": OrderType.STOP_MARKET, "trigger_price": Decimal(90), **changes})


def trade(trade_id: int, quantity: int | str, price: int | str = 100) -> Execution:
    return Execution(trade_id, Decimal(quantity), Decimal(price), Decimal("0.04"), "USDT", False, trade_id)


def view(intent: Intent, status: str = "NEW", executed: int | str = 0, **changes: Any) -> OrderView:
    given = {
        "venue_id": "77",
        "client_id": intent.client_id,
        "symbol": intent.symbol,
        "side": intent.side,
        "type": intent.type,
        "conditional": intent.type.is_conditional,
        "status": status,
        "quantity": intent.quantity,
        "executed": Decimal(executed),
        "average_price": None,
        "limit_price": intent.limit_price,
        "trigger_price": intent.trigger_price,
        "reduce_only": intent.reduce_only,
        "closes_position": False,
        "position_side": PositionSide.BOTH,
        "time_in_force": intent.time_in_force.value,
        "created_ms": 1,
        "updated_ms": 1,
    }
    return OrderView(**{**given, **changes})


def news(
    intent: Intent, status: str, executed: int | str = 0, execution: Execution | None = None, **changes: Any
) -> OrderNews:
    given = {
        "symbol": intent.symbol,
        "client_id": intent.client_id,
        "venue_id": "77",
        "side": intent.side,
        "position_side": PositionSide.BOTH,
        "type": intent.type,
        "event": "TRADE" if execution else status,
        "status": status,
        "quantity": intent.quantity,
        "executed": Decimal(executed),
        "limit_price": intent.limit_price,
        "average_price": None,
        "reduce_only": intent.reduce_only,
        "execution": execution,
        "realised": ZERO,
        "time_ms": 1,
    }
    return OrderNews(**{**given, **changes})


def algo_news(intent: Intent, status: str, child_id: str | None = None) -> AlgoNews:
    return AlgoNews(
        intent.symbol,
        intent.client_id,
        "a5",
        intent.side,
        PositionSide.BOTH,
        intent.type,
        status,
        intent.quantity,
        intent.trigger_price,
        intent.reduce_only,
        False,
        child_id,
        1,
    )


def trade_view(intent: Intent, execution: Execution, order_id: str = "77") -> TradeView:
    return TradeView(order_id, intent.symbol, intent.side, PositionSide.BOTH, execution, ZERO)


class Story:
    """One gateway, with the stream up and the fence open unless told otherwise."""

    def __init__(
        self, rules: Rules = RULES, book: Book | None = None, fence: Fence = OPEN, listed: SymbolRules | None = None
    ) -> None:
        self.gateway = Gateway(rules, book, listed=lambda symbol: listed)
        self.effects: list[Effect] = []
        self.fresh: list[Effect] = []
        self.take(self.gateway.fenced(fence, 0))
        self.take(self.gateway.heard(StreamUp(0), 0))

    def take(self, effects: list[Effect]) -> list[Effect]:
        self.fresh = effects
        self.effects += effects
        return effects

    def sent(self, kind: type[K]) -> list[tuple[int, K]]:
        """Return the calls of a kind that left with the last input."""
        return [(e.call_id, e.call) for e in self.fresh if isinstance(e, Send) and isinstance(e.call, kind)]

    def all_sent(self, kind: type[K]) -> list[K]:
        return [e.call for e in self.effects if isinstance(e, Send) and isinstance(e.call, kind)]

    def want(self, intent: Intent, at_ms: int = 0) -> int:
        """Let an intent in and return the number of the call that places it."""
        self.take(self.gateway.want(intent, at_ms))
        return self.sent(Place)[0][0]

    def rest(self, intent: Intent, at_ms: int = 0) -> None:
        """Let an intent in, and the venue accept it."""
        self.take(self.gateway.answered(self.want(intent, at_ms), Done(view(intent)), at_ms))

    def answer(self, call_id: int, answer: Any, at_ms: int) -> list[Effect]:
        return self.take(self.gateway.answered(call_id, answer, at_ms))

    def hear(self, said: Any, at_ms: int) -> list[Effect]:
        return self.take(self.gateway.heard(said, at_ms))

    def tick(self, at_ms: int) -> list[Effect]:
        return self.take(self.gateway.ticked(at_ms))

    def sleep(self, until_ms: int) -> None:
        """Tick whenever the gateway asks for it, until then."""
        at_ms = 0
        while (due := self.gateway.next_ms) is not None and due <= until_ms:
            at_ms = max(due, at_ms + 1)
            self.tick(at_ms)

    def tracked(self, number: int = 0, attempt: int = 0) -> Tracked:
        return self.gateway.book.orders[name(number, attempt)]

    def order(self, number: int = 0, attempt: int = 0) -> Order:
        return self.tracked(number, attempt).order

    @property
    def reasons(self) -> list[str]:
        return [effect.reason for effect in self.fresh if isinstance(effect, Declined)]

    @property
    def records(self) -> list[Record]:
        return [effect.record for effect in self.effects if isinstance(effect, Write)]
