"""Orders: what the venue shows of orders and trades, as views.

The venue's words are closed sets: an order with a word we do not know is an order we do not understand, and saying so
is safer than guessing that it is still open, or that it is not.
"""

from typing import Final

from qt_ray.adapters.binance.answers import UNKNOWN_STATE, UNSAID
from qt_ray.adapters.binance.fields import ZERO, Fields
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.execution.venue.calls import Done, Refused
from qt_ray.execution.venue.views import OrderView, PositionSide, TradeView

STATUSES: Final = frozenset(
    {
        "NEW",
        "PARTIALLY_FILLED",
        "FILLED",
        "CANCELED",
        "REJECTED",
        "EXPIRED",
        "EXPIRED_IN_MATCH",
        "NEW_INSURANCE",
        "NEW_ADL",
    }
)
ALGO_STATUSES: Final = frozenset({"NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "EXPIRED", "REJECTED"})
TIMES_IN_FORCE: Final = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD", "GTE_GTC", "RPI"})


def order_view(data: Fields) -> OrderView:
    """Return a plain order as the venue answers with it."""
    updated = data.moment("updateTime")
    return OrderView(
        venue_id=str(data.whole("orderId")),
        client_id=data.text("clientOrderId"),
        symbol=data.text("symbol"),
        side=data.member("side", Side),
        type=data.member("type", OrderType),
        conditional=False,
        status=data.word("status", STATUSES),
        quantity=data.amount("origQty"),
        executed=data.amount("executedQty"),
        average_price=data.price("avgPrice"),
        limit_price=data.price("price"),
        trigger_price=data.price("stopPrice"),
        reduce_only=data.flag("reduceOnly"),
        closes_position=data.flag("closePosition", False),
        position_side=data.member("positionSide", PositionSide),
        time_in_force=data.word("timeInForce", TIMES_IN_FORCE),
        created_ms=data.moment("time") if data.has("time") else updated,
        updated_ms=updated,
    )


def algo_view(data: Fields) -> OrderView:
    """Return a conditional order as the venue answers with it; one that closes a position may name no quantity."""
    return OrderView(
        venue_id=str(data.whole("algoId")),
        client_id=data.text("clientAlgoId"),
        symbol=data.text("symbol"),
        side=data.member("side", Side),
        type=data.member("orderType" if data.has("orderType") else "type", OrderType),
        conditional=True,
        status=data.word("algoStatus", ALGO_STATUSES),
        quantity=data.amount("quantity") if data.has("quantity") else ZERO,
        executed=data.amount("actualQty") if data.has("actualQty") else ZERO,
        average_price=data.price("actualPrice"),
        limit_price=data.price("price"),
        trigger_price=data.price("triggerPrice"),
        reduce_only=data.flag("reduceOnly", False),
        closes_position=data.flag("closePosition", False),
        position_side=data.member("positionSide", PositionSide),
        time_in_force=data.word("timeInForce", TIMES_IN_FORCE),
        created_ms=data.moment("createTime"),
        updated_ms=data.moment("updateTime"),
        child_id=child_of(data, "actualOrderId"),
        reason=data.text("failReason", ""),
    )


def child_of(data: Fields, name: str) -> str | None:
    """Return the id of the order that a trigger made; the venue writes it as a string, empty or zero before."""
    if not data.has(name):
        return None
    return str(data.moment(name) or "") or None


def element(data: Fields) -> Done[OrderView] | Refused:
    """Return what became of one element of a batch; one whose state is unknown leaves the whole batch uncertain."""
    if not data.has("code") or data.has("orderId"):
        return Done(order_view(data))
    code = data.raw("code")
    if type(code) is not int or code == UNSAID or code in UNKNOWN_STATE:
        raise Invalid(f"{data.where}.code: of a definite no, was {code!r:.60}")
    return Refused(code, data.text("msg", ""))


def trade_view(data: Fields) -> TradeView:
    """Return one of our trades."""
    return TradeView(
        order_id=str(data.whole("orderId")),
        symbol=data.text("symbol"),
        side=data.member("side", Side),
        position_side=data.member("positionSide", PositionSide),
        execution=Execution(
            trade_id=data.whole("id"),
            quantity=data.positive("qty"),
            price=data.positive("price"),
            fee=data.number("commission"),
            fee_asset=data.text("commissionAsset"),
            maker=data.flag("maker"),
            time_ms=data.moment("time"),
        ),
        realised=data.number("realizedPnl"),
    )
