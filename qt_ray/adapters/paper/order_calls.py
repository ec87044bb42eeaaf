"""Order calls: placing, changing, cancelling and asking for plain orders.

A batch is answered element by element in the order asked, each with its order or with its own refusal, so that one
bad order never hides what became of a good one.
"""

from collections.abc import Callable
from typing import Any

from qt_ray.adapters.paper.door import Call, Endpoint
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.market_calls import one_or
from qt_ray.adapters.paper.order_reading import BATCH_MAX, CANCELS_MAX, read_names, read_order
from qt_ray.adapters.paper.order_shapes import asked_order, order_shape, trade_shape
from qt_ray.adapters.paper.params import Params, params_of
from qt_ray.adapters.paper.refusals import Denied, denied
from qt_ray.core.orders import Side
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.values import Order, Refusal

Shape = dict[str, Any]
PAGE_MAX = 1_000
WHOLE_ANSWERS = frozenset({"ACK", "RESULT"})
CANCELLED_ALL = {"code": 200, "msg": "The operation of cancel all open order is done."}


def _place(hall: Hall, call: Call) -> Shape:
    kind = call.params.maybe("newOrderRespType") or "ACK"
    if kind not in WHOLE_ANSWERS:
        raise denied(-1130, name="newOrderRespType")
    order = hall.exchange.place(call.account, read_order(call.params), call.now_ms)
    return order_shape(order, fresh=kind == "ACK")


def _test(hall: Hall, call: Call) -> Shape:
    hall.exchange.test(call.account, read_order(call.params), call.now_ms)
    return {}


def _cancel(hall: Hall, call: Call) -> Shape:
    order_id, client_id = read_names(call.params)
    symbol = call.params.text("symbol")
    found = hall.exchange.cancel(call.account, symbol, call.now_ms, order_id=order_id, client_id=client_id)
    return order_shape(found)


def _amend(hall: Hall, call: Call) -> Shape:
    params = call.params
    order_id, client_id = read_names(params)
    found = hall.exchange.amend(
        call.account,
        params.text("symbol"),
        params.choice("side", Side, code=-1117),
        params.amount("quantity"),
        params.amount("price"),
        call.now_ms,
        order_id=order_id,
        client_id=client_id,
    )
    return order_shape(found)


def _cancel_all(hall: Hall, call: Call) -> Shape:
    hall.exchange.cancel_all(call.account, call.params.text("symbol"), call.now_ms)
    return CANCELLED_ALL


def _countdown(hall: Hall, call: Call) -> Shape:
    symbol, after_ms = call.params.text("symbol"), call.params.whole("countdownTime")
    hall.exchange.countdown(call.account, symbol, after_ms, call.now_ms)
    return {"symbol": symbol, "countdownTime": str(after_ms)}


def _one(hall: Hall, call: Call) -> Shape:
    return asked_order(_named(hall, call))


def _open_one(hall: Hall, call: Call) -> Shape:
    found = _named(hall, call)
    if not found.is_open:
        raise Denied(-2013, "Order does not exist.")
    return asked_order(found)


def _named(hall: Hall, call: Call) -> Order:
    order_id, client_id = read_names(call.params)
    symbol = call.params.text("symbol")
    return hall.exchange.order(call.account, symbol, order_id=order_id, client_id=client_id)


def _open(hall: Hall, call: Call) -> list[Shape]:
    return [asked_order(order) for order in hall.exchange.open_orders(call.account, _symbol(hall, call))]


def _all(hall: Hall, call: Call) -> list[Shape]:
    found = hall.exchange.orders(call.account, _symbol(hall, call), window_of(call.params, "orderId"))
    return [asked_order(order) for order in found]


def _trades(hall: Hall, call: Call) -> list[Shape]:
    symbol, order_id = hall.row(call.params.text("symbol")).symbol, call.params.maybe_whole("orderId")
    found = hall.exchange.trades(call.account, symbol, window_of(call.params, "fromId"), order_id)
    return [trade_shape(trade) for trade in found]


def _symbol(hall: Hall, call: Call) -> str | None:
    """Return the symbol that is asked for, if one is; it must be listed."""
    symbol = call.params.maybe("symbol")
    return None if symbol is None else hall.row(symbol).symbol


def window_of(params: Params, number: str) -> Window:
    """Return which part of a history is asked for."""
    return Window(
        from_id=params.maybe_whole(number),
        since_ms=params.maybe_whole("startTime"),
        until_ms=params.maybe_whole("endTime"),
        limit=params.limit(500, PAGE_MAX),
    )


def each(run: Callable[[Hall, Call], Shape], hall: Hall, call: Call, elements: list[Params]) -> list[Shape]:
    """Carry out the elements of a batch, each answered for itself."""
    answers: list[Shape] = []
    for params in elements:
        try:
            answers.append(run(hall, Call(params, call.account, call.now_ms, call.key, call.address)))
        except Refusal as refusal:
            answers.append({"code": refusal.code, "msg": refusal.message})
    return answers


def _batch(params: Params) -> list[Params]:
    elements = params.array("batchOrders")
    if not 1 <= len(elements) <= BATCH_MAX or not all(isinstance(element, dict) for element in elements):
        raise Denied(-4082, "Invalid number of batch orders")
    return [params_of(element) for element in elements]


def _batch_size(params: Params) -> int:
    return len(_batch(params))


def _place_many(hall: Hall, call: Call) -> list[Shape]:
    return each(_place, hall, call, _batch(call.params))


def _amend_many(hall: Hall, call: Call) -> list[Shape]:
    return each(_amend, hall, call, _batch(call.params))


def _cancel_many(hall: Hall, call: Call) -> list[Shape]:
    params = call.params
    symbol = params.text("symbol")
    if params.maybe("orderIdList") or params.maybe("orderidlist"):
        name, values = "orderId", params.array("orderIdList", "orderidlist")
    else:
        name, values = "origClientOrderId", params.array("origClientOrderIdList", "origclientorderidlist")
    if not 1 <= len(values) <= CANCELS_MAX:
        raise Denied(-4082, "Invalid number of batch orders")
    return each(_cancel, hall, call, [params_of({"symbol": symbol, name: value}) for value in values])


def one(params: Params) -> int:
    """Return as how many orders a single one counts."""
    return 1


def _order(run: Callable[[Hall, Call], Any], weight: int = 0) -> Endpoint:
    return Endpoint(run, weight, orders=one, trades=True)


def _change(run: Callable[[Hall, Call], Any], weight: int = 1) -> Endpoint:
    return Endpoint(run, weight, trades=True)


ORDER_CALLS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/fapi/v1/order"): _order(_place),
    ("PUT", "/fapi/v1/order"): _order(_amend, 1),
    ("DELETE", "/fapi/v1/order"): _change(_cancel),
    ("GET", "/fapi/v1/order"): Endpoint(_one, 1),
    ("POST", "/fapi/v1/order/test"): _change(_test, 0),
    ("GET", "/fapi/v1/openOrder"): Endpoint(_open_one, 1),
    ("GET", "/fapi/v1/openOrders"): Endpoint(_open, one_or(1, 40)),
    ("GET", "/fapi/v1/allOrders"): Endpoint(_all, 5),
    ("GET", "/fapi/v1/userTrades"): Endpoint(_trades, 5),
    ("DELETE", "/fapi/v1/allOpenOrders"): _change(_cancel_all),
    ("POST", "/fapi/v1/batchOrders"): Endpoint(_place_many, 5, orders=_batch_size, trades=True),
    ("PUT", "/fapi/v1/batchOrders"): Endpoint(_amend_many, 5, orders=_batch_size, trades=True),
    ("DELETE", "/fapi/v1/batchOrders"): _change(_cancel_many),
    ("POST", "/fapi/v1/countdownCancelAll"): _change(_countdown, 10),
}
