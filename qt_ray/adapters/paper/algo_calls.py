"""Algo calls: conditional orders, which since December 2025 live at addresses of their own."""

from typing import Any

from qt_ray.adapters.paper.door import Call, Endpoint
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.market_calls import one_or
from qt_ray.adapters.paper.order_calls import CANCELLED_ALL, one, window_of
from qt_ray.adapters.paper.order_reading import read_algo, read_names
from qt_ray.adapters.paper.order_shapes import algo_shape, asked_algo

Shape = dict[str, Any]


def _place(hall: Hall, call: Call) -> Shape:
    return algo_shape(hall.exchange.place_algo(call.account, read_algo(call.params), call.now_ms))


def _cancel(hall: Hall, call: Call) -> Shape:
    algo_id, client_id = read_names(call.params, "algoId", "clientAlgoId")
    algo = hall.exchange.cancel_algo(call.account, call.now_ms, algo_id=algo_id, client_id=client_id)
    return {"algoId": algo.id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def _cancel_all(hall: Hall, call: Call) -> Shape:
    hall.exchange.cancel_algos(call.account, call.params.text("symbol"), call.now_ms)
    return CANCELLED_ALL


def _one(hall: Hall, call: Call) -> Shape:
    algo_id, client_id = read_names(call.params, "algoId", "clientAlgoId")
    return asked_algo(hall.exchange.algo(call.account, algo_id=algo_id, client_id=client_id))


def _open(hall: Hall, call: Call) -> list[Shape]:
    symbol = call.params.maybe("symbol")
    if symbol is not None:
        hall.row(symbol)
    return [asked_algo(algo) for algo in hall.exchange.open_algos(call.account, symbol)]


def _all(hall: Hall, call: Call) -> list[Shape]:
    symbol = hall.row(call.params.text("symbol")).symbol
    return [asked_algo(algo) for algo in hall.exchange.algos(call.account, symbol, window_of(call.params, "algoId"))]


ALGO_CALLS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/fapi/v1/algoOrder"): Endpoint(_place, 0, orders=one, trades=True),
    ("DELETE", "/fapi/v1/algoOrder"): Endpoint(_cancel, 1, trades=True),
    ("GET", "/fapi/v1/algoOrder"): Endpoint(_one, 1),
    ("GET", "/fapi/v1/openAlgoOrders"): Endpoint(_open, one_or(1, 40)),
    ("GET", "/fapi/v1/allAlgoOrders"): Endpoint(_all, 5),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Endpoint(_cancel_all, 1, trades=True),
}
