"""Whatever is sent, the answer is a status and JSON, and the venue goes on."""

from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.paper.calls import CALLS
from qt_ray.adapters.paper.door import http_request
from qt_ray.adapters.paper.hub import Hub
from qt_ray.adapters.paper.stream_commands import obey
from tests.unit.adapters.paper.client import Client, venue
from tests.unit.adapters.paper.test_streams import listener

pytestmark = pytest.mark.unit

NAMES = [
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "orderId",
    "origClientOrderId",
    "newClientOrderId",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "interval",
    "leverage",
    "marginType",
    "dualSidePosition",
    "multiAssetsMargin",
    "feeBurn",
    "amount",
    "positionSide",
    "algoType",
    "algoId",
    "clientAlgoId",
    "triggerPrice",
    "callbackRate",
    "activatePrice",
    "closePosition",
    "reduceOnly",
    "workingType",
    "priceMatch",
    "goodTillDate",
    "countdownTime",
    "batchOrders",
    "orderIdList",
    "origClientOrderIdList",
    "incomeType",
    "newOrderRespType",
    "selfTradePreventionMode",
]
VALUES = [
    "0",
    "1",
    "5",
    "20",
    "0.01",
    "70000",
    "-1",
    "9999999999999999999",
    "99999999999999999999",
    "0.00000000000000000001",
    "BUY",
    "SELL",
    "LIMIT",
    "MARKET",
    "STOP_MARKET",
    "TRAILING_STOP_MARKET",
    "TAKE_PROFIT",
    "GTC",
    "GTX",
    "IOC",
    "FOK",
    "GTD",
    "LONG",
    "BOTH",
    "true",
    "false",
    "CONDITIONAL",
    "1m",
    "1M",
    "OPPONENT",
    "MARK_PRICE",
    "ISOLATED",
    "CROSSED",
    "EXPIRE_TAKER",
    "[]",
    "[1]",
    '["x"]',
    "[{}]",
    "{}",
    "null",
    "NaN",
    "1e400",
    "１",
    "x",
]


@cache
def client() -> Client:
    """Return a client of the one venue that bears all of it."""
    return Client(venue(weight_minute=10**9, orders_minute=10**9, orders_ten_seconds=10**9))


fields = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=12)


@given(st.sampled_from(sorted(CALLS)), st.lists(fields, min_size=1, max_size=4), st.booleans())
@settings(max_examples=250, deadline=None)
def test_nonsense_is_answered_and_never_thrown(call: tuple[str, str], sent: list[dict[str, Any]], named: bool) -> None:
    client().order()
    for each in sent:
        reply = client().reply(*call, **({"symbol": "BTCUSDT"} if named else {}), **each)
        assert reply.status in (200, 400, 401, 404, 429)
        body = orjson.loads(reply.body)
        assert reply.status == 200 or {"code", "msg"} <= set(body)
    assert client().ask("GET", "/fapi/v2/balance")[0]["asset"] == "USDT"


@given(st.lists(fields, min_size=3, max_size=12))
@settings(max_examples=25, deadline=None)
def test_orders_of_any_shape_are_taken_or_refused(sent: list[dict[str, Any]]) -> None:
    plain = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    algo = {**plain, "type": "STOP_MARKET", "algoType": "CONDITIONAL", "triggerPrice": "71000"}
    for each in sent:
        for path, fixed in (("/fapi/v1/order", plain), ("/fapi/v1/algoOrder", algo)):
            answer = client().ask("POST", path, **{**fixed, **each})
            assert "code" in answer or "symbol" in answer


@given(st.binary(max_size=80), st.binary(max_size=80))
@settings(max_examples=25, deadline=None)
def test_bytes_of_any_kind_are_no_key_to_anything(query: bytes, body: bytes) -> None:
    reply = client().venue.door.ask(http_request("POST", "/fapi/v1/order", query, body, "paper"))
    assert reply.status == 400


@given(st.one_of(st.binary(max_size=60), st.dictionaries(st.text(max_size=6), st.text(max_size=6)).map(orjson.dumps)))
@settings(max_examples=25, deadline=None)
def test_a_stream_socket_answers_whatever_is_said(said: bytes) -> None:
    hub, one = Hub(), listener()
    hub.join(one)
    assert set(orjson.loads(obey(hub, one, said))) <= {"error", "result", "id"}
