"""Events of a small fund, to tell stories with."""

from decimal import Decimal

from qt_ray.core.events import Event, event, order_event
from qt_ray.core.orders import (
    Cancelled,
    Execution,
    Filled,
    Intent,
    Order,
    OrderType,
    PartiallyFilled,
    Progress,
    Rejected,
    Side,
    Submitted,
    Working,
)
from qt_ray.core.payloads import DecisionMade, EquityUpdated, PositionChanged, RiskBlock, TradeClosed, TradeExecuted

ONE = Decimal(1)


def intent(
    decision: str = "d1", client: str = "qt-a-0-0", *, reduce_only: bool = False, side: Side = Side.BUY
) -> Intent:
    return Intent(client, "BTCUSDT", side, OrderType.MARKET, Decimal(2), decision, 1, 1, reduce_only)


def decided(at_ms: int = 10, name: str = "d1", *, wish: int = 2, granted: int = 2, action: str = "enter") -> Event:
    bound = ("position_limit",) if wish != granted else ()
    made = DecisionMade(
        name,
        "main",
        "BTCUSDT",
        at_ms,
        Decimal(wish),
        Decimal(granted),
        0.7,
        action,
        bound[0] if bound else "",
        bound,
        1,
        1,
        "f" * 8,
    )
    return event("decision.made", made, "Desk", at_ms)


def blocked(at_ms: int = 10, name: str = "d1", reason: str = "position_limit") -> Event:
    return event("risk.block", RiskBlock(name, "BTCUSDT", reason, Decimal(2), ONE, "guard"), "RiskGuard", at_ms)


def submitted(at_ms: int = 11, decision: str = "d1", client: str = "qt-a-0-0") -> Event:
    return told(Submitted(intent(decision, client), at_ms))


def working(at_ms: int = 12, decision: str = "d1", client: str = "qt-a-0-0") -> Event:
    return told(Working(intent(decision, client), at_ms, "77"))


def partly(at_ms: int = 13, decision: str = "d1", client: str = "qt-a-0-0") -> Event:
    return told(PartiallyFilled(intent(decision, client), at_ms, progress(1)))


def filled(at_ms: int = 14, decision: str = "d1", client: str = "qt-a-0-0") -> Event:
    return told(Filled(intent(decision, client), at_ms, progress(2)))


def cancelled(at_ms: int = 14, decision: str = "d1", client: str = "qt-a-0-0") -> Event:
    return told(Cancelled(intent(decision, client), at_ms, Progress("77"), "not wanted any more"))


def rejected(at_ms: int = 14, decision: str = "d1", client: str = "qt-a-0-0") -> Event:
    return told(Rejected(intent(decision, client), at_ms, "margin"))


def progress(quantity: int) -> Progress:
    done = tuple(Execution(n, ONE, Decimal(100), Decimal("0.1"), "USDT", False, 13) for n in range(1, quantity + 1))
    return Progress("77", done, Decimal(quantity))


def told(order: Order) -> Event:
    return order_event(order, "Gateway")


def executed(at_ms: int = 14, client: str = "qt-a-0-0", trade_id: int = 1) -> Event:
    trade = TradeExecuted(
        client, "BTCUSDT", Side.BUY, trade_id, ONE, Decimal(100), Decimal("0.1"), "USDT", False, Decimal(3)
    )
    return event("trade.executed", trade, "Gateway", at_ms)


def closed(at_ms: int = 20, cause: str = "stop", side: Side = Side.BUY) -> Event:
    trip = TradeClosed("t1", "BTCUSDT", side, cause, Decimal(5), ONE, Decimal(0), None, 9)
    return event("trade.closed", trip, "Desk", at_ms)


def held(at_ms: int = 15, quantity: int = 2) -> Event:
    kind = "position.opened" if quantity else "position.closed"
    return event(kind, PositionChanged("BTCUSDT", Decimal(quantity), Decimal(100), Decimal(0)), "Gateway", at_ms)


def worth(at_ms: int, equity: int) -> Event:
    what = EquityUpdated("main", Decimal(equity), Decimal(equity), Decimal(0), Decimal(0))
    return event("account.equity.updated", what, "Gateway", at_ms)
