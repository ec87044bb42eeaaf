"""What a test may do to the venue, and what the venue refuses to have done to it."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from qt_ray.core.errors import Invalid
from tests.unit.adapters.paper.client import Client, Watch, venue
from tests.unit.adapters.paper.test_news import listen, own

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"deed": "sing"}, "deed: one of"),
        ({"deed": "drop_after", "colour": "red"}, "a rule has"),
        ({"deed": "drop_after", "id": 4}, "a rule has"),
        ({"deed": "drop_after", "nth": "2"}, "nth: a whole number"),
        ({"deed": "drop_after", "nth": True}, "nth: a whole number"),
        ({"deed": "answer_after", "answer": "42"}, "answer: one of"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_the_rule_it_breaks(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        venue().control.act("POST", "/faults", orjson.dumps(rule))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/do/sing", b"{}"), ("GET", "/do/jump", b""), ("POST", "/faults", b"{"), ("POST", "/faults", b"[]")],
)
def test_what_the_control_port_does_not_know_is_refused(method: str, path: str, body: bytes) -> None:
    with pytest.raises(Invalid, match="control: "):
        venue().control.act(method, path, body)


def test_a_rule_is_lifted_by_its_number_and_the_others_stay() -> None:
    control = venue().control
    numbers = [control.act("POST", "/faults", b'{"deed":"drop_after"}')["id"] for _ in range(2)]
    assert control.act("DELETE", "/faults", orjson.dumps({"id": numbers[0]})) == {"lifted": 1}
    assert [rule["id"] for rule in control.act("GET", "/faults", b"")["rules"]] == numbers[1:]


def test_a_crash_liquidates_and_everybody_hears_of_it() -> None:
    house = venue(balance=Decimal(1_000))
    client = Client(house)
    client.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=100)
    client.order(quantity="0.5")
    account, public = own(house, client), listen(house, "!forceOrder@arr")
    house.control.do("jump", {"symbol": "BTCUSDT", "factor": "0.7"})
    reports = [event["o"] for event in account.heard() if event["e"] == "ORDER_TRADE_UPDATE"]
    assert "CALCULATED" in {report["x"] for report in reports}
    assert all(report["c"].startswith("autoclose-") for report in reports)
    assert {event["o"]["S"] for event in public.heard()} == {"SELL"}
    assert client.ask("GET", "/fapi/v3/positionRisk") == []
    assert client.ask("GET", "/fapi/v1/forceOrders")[0]["clientOrderId"].startswith("autoclose-")


def test_a_thin_margin_is_called() -> None:
    house = venue(balance=Decimal(1_000))
    client = Client(house)
    client.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=100)
    client.order(quantity="0.5")
    wire = own(house, client)
    calls: list[Any] = []
    for _ in range(40):
        house.control.do("jump", {"symbol": "BTCUSDT", "factor": "0.9992"})
        calls = [event for event in wire.heard() if event["e"] == "MARGIN_CALL"]
        if calls:
            break
    assert [position["s"] for position in calls[0]["p"]] == ["BTCUSDT"]
    assert Decimal(calls[0]["p"][0]["mm"]) > 0


def test_a_balance_changed_from_outside_is_told_with_its_reason() -> None:
    house = venue()
    client = Client(house)
    wire = own(house, client)
    house.control.do("deposit", {"amount": "-250.5"})
    house.control.do("deposit", {"amount": "3", "asset": "BNB"})
    told = [(event["a"]["m"], event["a"]["B"][0]["a"], event["a"]["B"][0]["bc"]) for event in wire.heard()]
    assert told == [("WITHDRAW", "USDT", "-250.5"), ("DEPOSIT", "BNB", "3")]
    assert client.ask("GET", "/fapi/v1/income")[0]["incomeType"] == "TRANSFER"


def test_filters_changed_while_running_are_published_and_enforced() -> None:
    house = venue()
    client = Client(house)
    house.control.do("relist", {"symbol": "BTCUSDT", "step": "0.1", "market_step": "0.1", "leverage_max": 10})
    filters = client.ask("GET", "/fapi/v1/exchangeInfo")["symbols"][0]["filters"]
    assert {entry["stepSize"] for entry in filters if "stepSize" in entry} == {"0.1"}
    assert client.order(quantity="0.01")["code"] == -1111
    brackets = client.ask("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT")[0]["brackets"]
    assert max(bracket["initialLeverage"] for bracket in brackets) == 10


def test_a_symbol_that_is_settling_takes_no_orders() -> None:
    house = venue()
    house.control.do("relist", {"symbol": "BTCUSDT", "status": "SETTLING"})
    client = Client(house)
    assert client.ask("GET", "/fapi/v1/exchangeInfo")["symbols"][0]["status"] == "SETTLING"
    assert client.order()["code"] < 0


def test_a_position_is_deleveraged_by_an_order_with_the_venues_name() -> None:
    house = venue()
    client = Client(house)
    client.order(quantity="0.02")
    house.control.do("deleverage", {"symbol": "BTCUSDT", "quantity": "0.01", "price": "69900"})
    assert client.ask("GET", "/fapi/v3/positionRisk")[0]["positionAmt"] == "0.01"
    assert client.ask("GET", "/fapi/v1/forceOrders")[0]["clientOrderId"].startswith("adl_autoclose")


def test_a_clock_that_is_wrong_refuses_those_who_are_right() -> None:
    watch = Watch()
    house = venue(now_ms=watch)
    client = Client(house)
    house.control.do("skew", {"ms": "-60000"})
    assert client.ask("GET", "/fapi/v1/time") == {"serverTime": watch.now_ms - 60_000}
    client.venue.hall.clock.skew_ms = 60_000
    reply = client.ask("GET", "/fapi/v2/balance")
    assert reply[0]["asset"] == "USDT"


def test_hedged_positions_stand_side_by_side() -> None:
    client = Client(venue())
    client.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    client.order("BUY", positionSide="LONG")
    client.order("SELL", "0.02", positionSide="SHORT")
    found = {each["positionSide"]: each["positionAmt"] for each in client.ask("GET", "/fapi/v3/positionRisk")}
    assert found == {"LONG": "0.01", "SHORT": "-0.02"}
    assert client.order()["code"] == -4061
    assert len(client.ask("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT")) == 1


def test_an_order_is_amended_by_either_name_and_listed_with_the_others() -> None:
    client = Client(venue())
    placed = client.order(price="69000", newClientOrderId="mine")
    change = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.02", "price": "69001"}
    assert client.ask("PUT", "/fapi/v1/order", **change, origClientOrderId="mine")["origQty"] == "0.02"
    elements = orjson.dumps([{**change, "quantity": "0.03", "orderId": placed["orderId"]}]).decode()
    assert client.ask("PUT", "/fapi/v1/batchOrders", batchOrders=elements)[0]["origQty"] == "0.03"
    assert client.ask("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=placed["orderId"])["price"] == "69001"
    assert client.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert client.ask("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=placed["orderId"])["code"] == -2013
    assert [order["status"] for order in client.ask("GET", "/fapi/v1/allOrders")] == ["CANCELED"]


def test_margin_is_moved_to_an_isolated_position_and_back() -> None:
    client = Client(venue())
    client.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    client.order()
    for kind, amount in ((1, "50"), (2, "5")):
        answer = client.ask("POST", "/fapi/v1/positionMargin", symbol="BTCUSDT", amount=amount, type=kind)
        assert answer["code"] == 200


def test_fees_are_burned_where_the_account_says_so() -> None:
    house = venue(symbols=("BTCUSDT", "BNBUSDT"), bars=None)
    client = Client(house)
    house.control.do("deposit", {"amount": "10", "asset": "BNB"})
    assert client.ask("POST", "/fapi/v1/feeBurn", feeBurn="true")["code"] == 200
    assert client.ask("GET", "/fapi/v1/feeBurn") == {"feeBurn": True}
    client.order()
    assert client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[0]["commissionAsset"] == "BNB"


def test_a_storm_of_a_rate_tells_that_many_a_second_and_then_ends() -> None:
    watch = Watch()
    house = venue(now_ms=watch)
    wire = listen(house, "btcusdt@bookTicker")
    house.control.do("burst", {"rate": 1_000, "for_ms": 100})
    watch.now_ms += 30
    house.pump.beat()
    assert len(wire.heard()) == 30
    watch.now_ms += 1_000
    house.pump.beat()
    assert len(wire.heard()) == 100
    house.pump.beat()
    assert len(wire.heard()) == 100
    with pytest.raises(Invalid, match="rate: 200000 a second at most"):
        house.control.do("burst", {"rate": 200_001, "for_ms": 100})


def test_a_storm_tells_best_prices_many_times_over_and_knows_its_limit() -> None:
    house = venue()
    wire = listen(house, "btcusdt@bookTicker")
    house.control.do("burst", {"rounds": 500})
    assert len(wire.heard()) == 500
    with pytest.raises(Invalid, match="rounds: 10000 at most"):
        house.control.do("burst", {"rounds": 10_001})
