"""Order reading: the parameters of an order become a value of closed kinds, or one refusal in the venue's words.

Only what the wire alone can tell is refused here; whether an order fits its symbol, its account and its market is
the exchange's to say.
"""

from decimal import Decimal

from qt_ray.adapters.paper.params import Params
from qt_ray.adapters.paper.refusals import Denied, denied
from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.values import NewAlgo, NewOrder, SelfTrade, TimeInForce, Working
from qt_ray.execution.venue.views import PositionSide

NO_NAME = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
BATCH_MAX, CANCELS_MAX = 5, 10
CLOSING_TYPES = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})


def is_exempt(params: Params) -> bool:
    """Return whether an order only closes, and so is not throttled."""
    return any((params.maybe(name) or "").lower() == "true" for name in ("reduceOnly", "closePosition"))


def read_order(params: Params) -> NewOrder:
    """Return the plain order that is asked for."""
    symbol, side = params.text("symbol"), params.choice("side", Side, code=-1117)
    kind = params.choice("type", OrderType, code=-1116)
    if kind.is_conditional:
        raise denied(-4120)
    if params.flag("closePosition"):
        raise Denied(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    time_in_force = _time_in_force(params, kind.has_limit)
    return NewOrder(
        symbol=symbol,
        side=side,
        type=kind,
        quantity=params.amount("quantity"),
        price=_price(params, kind),
        time_in_force=time_in_force,
        client_id=params.client_id("newClientOrderId"),
        reduce_only=params.flag("reduceOnly"),
        position_side=params.choice("positionSide", PositionSide, PositionSide.BOTH),
        self_trade=params.choice("selfTradePreventionMode", SelfTrade, SelfTrade.NONE),
        price_match=params.maybe("priceMatch") or "NONE",
        good_till_ms=_good_till(params, time_in_force),
    )


def read_algo(params: Params) -> NewAlgo:
    """Return the conditional order that is asked for."""
    if params.text("algoType") != "CONDITIONAL":
        raise denied(-1130, name="algoType")
    symbol, side = params.text("symbol"), params.choice("side", Side, code=-1117)
    kind = params.choice("type", OrderType, code=-1116)
    if not kind.is_conditional:
        raise denied(-1116)
    closes = params.flag("closePosition")
    _check_closing(params, kind, closes)
    trails = kind is OrderType.TRAILING_STOP_MARKET
    time_in_force = params.choice("timeInForce", TimeInForce, TimeInForce.GTC, -1115)
    return NewAlgo(
        symbol=symbol,
        side=side,
        type=kind,
        quantity=None if closes else params.amount("quantity"),
        trigger_price=None if trails else params.amount("triggerPrice"),
        price=_price(params, kind),
        time_in_force=time_in_force,
        client_id=params.client_id("clientAlgoId"),
        reduce_only=params.flag("reduceOnly"),
        closes_position=closes,
        position_side=params.choice("positionSide", PositionSide, PositionSide.BOTH),
        working=params.choice("workingType", Working, Working.CONTRACT_PRICE),
        price_protect=params.flag("priceProtect"),
        self_trade=params.choice("selfTradePreventionMode", SelfTrade, SelfTrade.NONE),
        price_match=params.maybe("priceMatch") or "NONE",
        activate_price=params.maybe_amount("activatePrice") if trails else None,
        callback_rate=params.amount("callbackRate") if trails else None,
        good_till_ms=_good_till(params, time_in_force),
    )


def read_names(
    params: Params, number: str = "orderId", name: str = "origClientOrderId"
) -> tuple[int | None, str | None]:
    """Return by which number or name an order is meant; one of the two is sent."""
    order_id, client_id = params.maybe_whole(number), params.maybe(name)
    if order_id is None and client_id is None:
        raise Denied(-1102, NO_NAME.replace("origClientOrderId", name).replace("orderId", number))
    return order_id, client_id


def _time_in_force(params: Params, has_limit: bool) -> TimeInForce:
    if has_limit:
        return params.choice("timeInForce", TimeInForce, code=-1115)
    if params.maybe("timeInForce") is not None:
        raise denied(-1106, name="timeInForce")
    return TimeInForce.GTC


def _price(params: Params, kind: OrderType) -> Decimal | None:
    """Return the price of an order that has one; a price match stands in its place."""
    if not kind.has_limit:
        if params.maybe("price") is not None and params.maybe_amount("price"):
            raise denied(-1106, name="price")
        return None
    if params.maybe("priceMatch") not in (None, "NONE"):
        return params.maybe_amount("price")
    return params.amount("price")


def _good_till(params: Params, time_in_force: TimeInForce) -> int:
    if time_in_force is TimeInForce.GTD:
        return params.whole("goodTillDate")
    return params.maybe_whole("goodTillDate") or 0


def _check_closing(params: Params, kind: OrderType, closes: bool) -> None:
    """Refuse what does not go together with closing the whole position."""
    if not closes:
        return
    if kind not in CLOSING_TYPES:
        raise Denied(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    for name in ("quantity", "reduceOnly"):
        if params.maybe(name) not in (None, "false"):
            raise denied(-1106, name=name)
