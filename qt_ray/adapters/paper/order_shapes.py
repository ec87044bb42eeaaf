"""Order shapes: plain orders, conditional orders and trades as JSON, each field of exactly the venue's type.

What is a string there is a string here; what a client cannot bear empty (a callback rate of "") is null instead.
"""

from typing import Any

from qt_ray.adapters.paper.spelling import eight, text
from qt_ray.execution.exchange.values import Algo, NewAlgo, Order, Trade

Shape = dict[str, Any]


def order_shape(order: Order, fresh: bool = False) -> Shape:
    """Return a plain order; `fresh` shows it as it was accepted, before anything traded."""
    executed = "0" if fresh else text(order.executed)
    return {
        "orderId": order.id,
        "symbol": order.symbol,
        "status": "NEW" if fresh else order.state,
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "avgPrice": "0.00" if fresh or not order.executed else eight(order.average),
        "origQty": text(order.quantity),
        "executedQty": executed,
        "cumQty": executed,
        "cumQuote": "0" if fresh else text(order.quote),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.closes_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": text(order.trigger_price),
        "workingType": order.working,
        "priceProtect": order.price_protect,
        "origType": order.original_type,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": order.good_till_ms,
        "updateTime": order.updated_ms,
    }


def asked_order(order: Order) -> Shape:
    """Return a plain order as a question about it is answered: with its birth, without the doubled quantity."""
    shape = order_shape(order)
    del shape["cumQty"]
    shape["time"] = order.created_ms
    return shape


def algo_shape(algo: Algo) -> Shape:
    """Return a conditional order as placing it is answered."""
    wanted = algo.wanted
    return {
        "algoId": algo.id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": wanted.type,
        "symbol": wanted.symbol,
        "side": wanted.side,
        "positionSide": wanted.position_side,
        "timeInForce": wanted.time_in_force,
        "quantity": text(wanted.quantity) if wanted.quantity is not None else "0",
        "algoStatus": algo.state,
        "triggerPrice": text(wanted.trigger_price) if wanted.trigger_price is not None else "0",
        "price": text(wanted.price) if wanted.price is not None else "0",
        "icebergQuantity": None,
        "selfTradePreventionMode": wanted.self_trade,
        "workingType": wanted.working,
        "priceMatch": wanted.price_match,
        "closePosition": wanted.closes_position,
        "priceProtect": wanted.price_protect,
        "reduceOnly": wanted.reduce_only,
        "activatePrice": _maybe(wanted.activate_price),
        "callbackRate": _maybe(wanted.callback_rate),
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": wanted.good_till_ms,
    }


def asked_algo(algo: Algo) -> Shape:
    """Return a conditional order as a question about it is answered: with the plain order its trigger made."""
    child = algo.order
    return algo_shape(algo) | {
        "type": algo.wanted.type,
        "actualOrderId": "" if child is None else str(child.id),
        "actualPrice": "0.00000" if child is None else eight(child.average),
        "actualQty": "0" if child is None else text(child.executed),
        "actualType": "" if child is None else child.type,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "algoReason": algo.reason,
    }


def trade_shape(trade: Trade) -> Shape:
    """Return one of an account's trades."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "side": trade.side,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "realizedPnl": text(trade.realised),
        "quoteQty": text(trade.quote),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "positionSide": trade.position_side,
        "buyer": trade.side == "BUY",
        "maker": trade.maker,
    }


def algo_event(algo: Algo) -> Shape:
    """Return the body of an ALGO_UPDATE."""
    wanted, child = algo.wanted, algo.order
    return {
        "caid": algo.client_id,
        "aid": algo.id,
        "at": "CONDITIONAL",
        "o": wanted.type,
        "s": wanted.symbol,
        "S": wanted.side,
        "ps": wanted.position_side,
        "f": wanted.time_in_force,
        "q": text(wanted.quantity) if wanted.quantity is not None else "0",
        "X": algo.state,
        "ai": "" if child is None else str(child.id),
        "ap": "0.00000" if child is None else eight(child.average),
        "aq": "0.00000" if child is None else text(child.executed),
        "act": "0" if child is None else child.type,
        "tp": text(wanted.trigger_price) if wanted.trigger_price is not None else "0",
        "p": text(wanted.price) if wanted.price is not None else "0",
        "V": wanted.self_trade,
        "wt": wanted.working,
        "pm": wanted.price_match,
        "cp": wanted.closes_position,
        "pP": wanted.price_protect,
        "R": wanted.reduce_only,
        "tt": algo.triggered_ms,
        "gtd": wanted.good_till_ms,
        "rm": algo.reason,
        **_trailing(wanted),
    }


def _trailing(wanted: NewAlgo) -> Shape:
    """Return what only a trailing stop has: its activation and its callback."""
    if wanted.callback_rate is None:
        return {}
    return {"AP": text(wanted.activate_price) if wanted.activate_price else "0", "cr": text(wanted.callback_rate)}


def _maybe(value: Any) -> str | None:
    return None if value is None else text(value)
