from collections import Counter
from decimal import Decimal
from typing import Any

import orjson
import pytest

from qt_ray.adapters.paper.calls import CALLS
from qt_ray.adapters.paper.door import Guard, http_request
from qt_ray.adapters.paper.keys import sign
from qt_ray.adapters.paper.limits import BAN_MS, PATIENCE
from tests.unit.adapters.paper.client import START_MS, Client, Watch, signed, venue

pytestmark = pytest.mark.unit


def raw(query: bytes, body: bytes = b"", key: str | None = "paper", method: str = "GET", **more: Any) -> Any:
    path = more.get("path", "/fapi/v2/balance")
    house = more.get("venue") or venue()
    reply = house.door.ask(http_request(method, path, query, body, key))
    return reply.status, orjson.loads(reply.body)


def test_an_order_is_accepted_and_can_be_asked_for() -> None:
    client = Client(venue())
    placed = client.order(price="69000", newClientOrderId="mine")
    asked = client.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="mine")
    assert placed["status"] == "NEW"
    assert asked["orderId"] == placed["orderId"]
    assert client.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"


def test_a_market_order_answers_as_it_was_accepted_unless_the_result_is_wanted() -> None:
    client = Client(venue())
    assert client.order()["status"] == "NEW"
    assert client.order(newOrderRespType="RESULT")["executedQty"] == "0.01"


@pytest.mark.parametrize(
    ("query", "key", "status", "code"),
    [
        (b"timestamp=1", None, 401, -2014),
        (b"timestamp=1", "x" * 200, 401, -2014),
        (b"timestamp=1", "stranger", 401, -2015),
        (b"timestamp=1", "paper", 400, -1102),
        (b"timestamp=1&signature=00", "paper", 400, -1022),
        (signed("paper", START_MS - 5_001, {}), "paper", 400, -1021),
        (signed("paper", START_MS + 1_000, {}), "paper", 400, -1021),
        (signed("paper", START_MS, {"recvWindow": 60_001}), "paper", 400, -1131),
        (signed("paper", START_MS - 5_000, {}), "paper", 200, None),
    ],
)
def test_who_may_not_ask_is_told_why(query: bytes, key: str | None, status: int, code: int | None) -> None:
    found_status, body = raw(query, key=key)
    assert found_status == status
    assert code is None or body["code"] == code


@pytest.mark.parametrize("where", ["query", "body", "both", "first"])
def test_parameters_and_signature_may_come_in_query_or_body(where: str) -> None:
    fields = f"symbol=BTCUSDT&countdownTime=1000&timestamp={START_MS}".encode()
    half, rest = fields.split(b"&countdown")
    pieces = {
        "query": (fields, b""),
        "body": (b"", fields),
        "both": (half, b"countdown" + rest),
        "first": (fields, b""),
    }[where]
    mark = b"signature=" + sign(b"paper", b"".join(pieces)).encode()
    query, body = pieces
    if where == "first":
        query = mark + b"&" + query
    elif body:
        body += b"&" + mark
    else:
        query += b"&" + mark
    status, answer = raw(query, body, method="POST", path="/fapi/v1/countdownCancelAll")
    assert (status, answer) == (200, {"symbol": "BTCUSDT", "countdownTime": "1000"})


def test_an_unknown_path_is_a_404_with_its_name() -> None:
    status, body = raw(b"", path="/fapi/v9/order", key=None)
    assert (status, body["code"], body["msg"]) == (404, -5000, "Path /fapi/v9/order, Method GET is invalid")


def test_used_weight_and_orders_are_told_in_headers() -> None:
    client = Client(venue())
    client.reply("GET", "/fapi/v1/openOrders")
    reply = client.reply("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "40"
    assert (reply.headers["X-MBX-ORDER-COUNT-10S"], reply.headers["X-MBX-ORDER-COUNT-1M"]) == ("1", "1")


def test_too_much_is_429_until_the_minute_is_over_and_418_for_the_deaf() -> None:
    watch = Watch()
    house = venue(weight_minute=10, now_ms=watch)
    client = Client(house)
    statuses = Counter(client.reply("GET", "/fapi/v2/balance").status for _ in range(2 + PATIENCE))
    assert statuses == {200: 2, 429: PATIENCE}
    banned = client.reply("GET", "/fapi/v1/time")
    assert (banned.status, banned.headers["Retry-After"]) == (418, str(BAN_MS // 1_000))
    watch.now_ms += BAN_MS
    assert client.reply("GET", "/fapi/v1/time").status == 200


def test_too_many_orders_are_refused_by_account_and_the_wait_is_told() -> None:
    client = Client(venue(orders_ten_seconds=2))
    assert [client.order(price="69000").get("code") for _ in range(3)] == [None, None, -1015]
    reply = client.reply("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert (reply.status, int(reply.headers["Retry-After"]) <= 10) == (429, True)


def test_a_batch_is_answered_in_order_and_one_bad_order_hides_no_good_one() -> None:
    client = Client(venue())
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    changes = ({"price": "69000"}, {"price": "90000"}, {"type": "STOP"}, {"price": "69001"})
    orders = [{**good, **change} for change in changes]
    answers = client.ask("POST", "/fapi/v1/batchOrders", batchOrders=orjson.dumps(orders).decode())
    assert [answer.get("code") for answer in answers] == [None, -4016, -4120, None]
    names = orjson.dumps([answers[0]["orderId"], 99, answers[3]["orderId"]]).decode()
    ended = client.ask("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", orderidlist=names)
    assert [answer.get("code") for answer in ended] == [None, -2011, None]


def test_a_conditional_order_lives_at_its_own_address() -> None:
    client = Client(venue())
    client.order()
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "60000"}
    assert client.ask("POST", "/fapi/v1/order", **stop, stopPrice="60000", quantity="0.01")["code"] == -4120
    algo = client.ask("POST", "/fapi/v1/algoOrder", **stop, algoType="CONDITIONAL", closePosition="true")
    assert (algo["algoStatus"], algo["callbackRate"], algo["activatePrice"]) == ("NEW", None, None)
    assert [each["algoId"] for each in client.ask("GET", "/fapi/v1/openAlgoOrders")] == [algo["algoId"]]
    assert client.ask("DELETE", "/fapi/v1/algoOrder", algoId=algo["algoId"])["code"] == "200"
    assert client.ask("GET", "/fapi/v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "CANCELED"


def test_the_third_generation_shows_only_what_is_busy_and_the_second_everything() -> None:
    client = Client(venue())
    assert client.ask("GET", "/fapi/v3/positionRisk") == []
    assert client.ask("GET", "/fapi/v3/account")["positions"] == []
    assert len(client.ask("GET", "/fapi/v2/positionRisk")) == 1
    client.order()
    shown = client.ask("GET", "/fapi/v3/positionRisk")[0]
    assert "leverage" not in shown
    assert "marginType" not in shown
    assert client.ask("GET", "/fapi/v2/positionRisk")[0]["leverage"] == "20"


def test_an_isolated_position_has_margin_of_its_own() -> None:
    client = Client(venue())
    client.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    client.order()
    found = client.ask("GET", "/fapi/v3/positionRisk")[0]
    assert Decimal(found["isolatedMargin"]) > 0
    assert Decimal(found["isolatedWallet"]) > 0


def test_settings_are_set_once_and_read_back() -> None:
    client = Client(venue())
    assert client.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=7) == {
        "symbol": "BTCUSDT",
        "leverage": 7,
        "maxNotionalValue": "230000000",
    }
    assert client.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="CROSSED")["code"] == -4046
    assert client.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")["code"] == 200
    assert client.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")["code"] == -4059
    config = client.ask("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT")
    assert (config[0]["leverage"], config[0]["marginType"]) == (7, "CROSSED")


def test_a_key_without_the_right_may_ask_but_not_trade() -> None:
    house = venue()
    house.hall.keys.of("paper").may_trade = False
    client = Client(house)
    assert client.order()["code"] == -2015
    assert client.ask("GET", "/fapi/v2/balance")[0]["asset"] == "USDT"
    assert client.ask("GET", "/sapi/v1/account/apiRestrictions")["enableFutures"] is False


def test_a_listen_key_lives_until_it_is_deleted() -> None:
    client = Client(venue())
    first = client.ask("POST", "/fapi/v1/listenKey")["listenKey"]
    assert client.ask("POST", "/fapi/v1/listenKey")["listenKey"] == first
    assert client.ask("PUT", "/fapi/v1/listenKey")["listenKey"] == first
    assert client.ask("DELETE", "/fapi/v1/listenKey") == {}
    assert client.ask("PUT", "/fapi/v1/listenKey")["code"] == -1125
    assert client.ask("POST", "/fapi/v1/listenKey")["listenKey"] != first


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1s"}, -1120),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 2_000}, -1130),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 3}, -4021),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 1_500}, -1130),
        ("/fapi/v1/aggTrades", {"symbol": "BTCUSDT", "limit": 1_001}, -1130),
        ("/fapi/v1/ticker/24hr", {"symbol": "NOTAREALSYM"}, -1121),
        ("/fapi/v1/klines", {"interval": "1m"}, -1102),
    ],
)
def test_the_market_refuses_as_the_real_one_was_heard_to(path: str, fields: dict[str, Any], code: int) -> None:
    assert Client(venue()).ask("GET", path, **fields)["code"] == code


def test_every_call_answers_or_says_what_it_lacks() -> None:
    client = Client(venue())
    for method, path in CALLS:
        reply = client.reply(method, path, symbol="BTCUSDT")
        assert reply.status in (200, 400), path
        assert orjson.loads(reply.body) is not None


def test_whatever_changes_an_account_is_signed() -> None:
    free = {path for (method, path), endpoint in CALLS.items() if endpoint.guard is Guard.NONE and method != "GET"}
    keyed = {path for (_, path), endpoint in CALLS.items() if endpoint.guard is Guard.KEY}
    assert free == set()
    assert keyed == {"/fapi/v1/listenKey", "/fapi/v1/historicalTrades", "/sapi/v1/margin/allPairs"}


def test_the_weights_are_the_published_ones() -> None:
    weights = {
        ("GET", "/fapi/v1/positionSide/dual"): 30,
        ("GET", "/fapi/v1/multiAssetsMargin"): 30,
        ("GET", "/fapi/v1/income"): 30,
        ("GET", "/fapi/v1/commissionRate"): 20,
        ("GET", "/fapi/v1/aggTrades"): 20,
        ("GET", "/fapi/v1/historicalTrades"): 200,
        ("POST", "/fapi/v1/countdownCancelAll"): 10,
        ("GET", "/fapi/v3/account"): 5,
        ("GET", "/fapi/v3/positionRisk"): 5,
        ("GET", "/fapi/v1/userTrades"): 5,
        ("GET", "/fapi/v1/allOrders"): 5,
        ("POST", "/fapi/v1/order"): 0,
    }
    assert {call: CALLS[call].weight for call in weights} == weights


def test_a_client_library_finds_the_coins_it_asks_for_before_anything_else() -> None:
    coins = Client(venue()).ask("GET", "/sapi/v1/capital/config/getall")
    assert [coin["coin"] for coin in coins] == ["USDT", "BTC"]
