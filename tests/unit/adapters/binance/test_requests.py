from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.requests import ROWS, Plan, Step, plan_of
from qt_ray.adapters.binance.signing import encoded
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Intent, OrderType, PositionSide, Side, TimeInForce
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import Call, Done
from qt_ray.execution.venue.views import ModeView, SymbolMode

pytestmark = pytest.mark.unit

ID = "qt-trend-00000000000000000000-0"
GTC = TimeInForce.GTC
MARKET = Intent(ID, "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal("1E+1"), "d", 1, 1)
LIMIT = replace(MARKET, type=OrderType.LIMIT, limit_price=Decimal("50000.10"), time_in_force=TimeInForce.GTX)
EXIT = replace(LIMIT, side=Side.SELL, reduce_only=True)
STOP = replace(
    MARKET, type=OrderType.STOP_MARKET, side=Side.SELL, trigger_price=Decimal("0.00000010"), reduce_only=True
)
HEDGED = replace(STOP, position_side=PositionSide.LONG)
TAKE = replace(STOP, type=OrderType.TAKE_PROFIT, limit_price=Decimal(5), reduce_only=False)

SHARED = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=10"
NAMED = f"&newClientOrderId={ID}&newOrderRespType=RESULT"
YIELDS = "&selfTradePreventionMode=EXPIRE_TAKER"
STOPPED = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=10&reduceOnly=true"
TAKEN = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=10"
ALGO = f"&clientAlgoId={ID}&triggerPrice=0.0000001"
TABLE: list[tuple[Call, str, str, int, int]] = [
    (calls.Place(MARKET), "POST order", f"{SHARED}{NAMED}{YIELDS}", 0, 1),
    (
        calls.Place(LIMIT),
        "POST order",
        f"{SHARED.replace('MARKET', 'LIMIT')}{NAMED}&price=50000.1&timeInForce=GTX{YIELDS}",
        0,
        1,
    ),
    (
        calls.Place(EXIT),
        "POST order",
        f"symbol=BTCUSDT&side=SELL&type=LIMIT&quantity=10&reduceOnly=true{NAMED}&price=50000.1&timeInForce=GTX",
        0,
        1,
    ),
    (
        calls.Place(STOP),
        "POST algoOrder",
        f"{STOPPED}{ALGO}&workingType=MARK_PRICE",
        0,
        1,
    ),
    (
        calls.Place(HEDGED),
        "POST algoOrder",
        f"{STOPPED.replace('reduceOnly=true', 'positionSide=LONG')}{ALGO}&workingType=MARK_PRICE",
        0,
        1,
    ),
    (
        calls.Place(TAKE),
        "POST algoOrder",
        f"{TAKEN}{ALGO}&workingType=CONTRACT_PRICE&price=5&timeInForce=GTC{YIELDS}",
        0,
        1,
    ),
    (calls.Cancel("X", "c"), "DELETE order", "symbol=X&origClientOrderId=c", 1, 0),
    (calls.CancelById("X", "7"), "DELETE order", "symbol=X&orderId=7", 1, 0),
    (calls.CancelMany("X", ("a", "b")), "DELETE batchOrders", 'symbol=X&origClientOrderIdList=["a","b"]', 1, 0),
    (calls.CancelAll("X"), "DELETE allOpenOrders", "symbol=X", 1, 0),
    (calls.CancelAll("X", True), "DELETE algoOpenOrders", "symbol=X", 1, 0),
    (
        calls.Amend("X", "c", Side.BUY, Decimal("1.50"), Decimal("2E1")),
        "PUT order",
        "symbol=X&origClientOrderId=c&side=BUY&quantity=1.5&price=20",
        1,
        1,
    ),
    (calls.Countdown("X", 60_000), "POST countdownCancelAll", "symbol=X&countdownTime=60000", 10, 0),
    (calls.AskOrder("X", "c"), "GET order", "symbol=X&origClientOrderId=c", 1, 0),
    (calls.AskOrder("X", "c", True), "GET algoOrder", "clientAlgoId=c", 1, 0),
    (calls.AskOpenOrders(), "GET openOrders", "", 40, 0),
    (calls.AskOpenOrders("X"), "GET openOrders", "symbol=X", 1, 0),
    (calls.AskOpenOrders(None, True), "GET openAlgoOrders", "", 40, 0),
    (calls.AskTrades("X", from_id=0, since_ms=5), "GET userTrades", "symbol=X&fromId=0&limit=1000", 5, 0),
    (calls.AskTrades("X", since_ms=5, limit=9), "GET userTrades", "symbol=X&startTime=5&limit=9", 5, 0),
    (calls.AskIncome(5, "TRANSFER"), "GET income", "incomeType=TRANSFER&startTime=5&limit=1000", 30, 0),
    (calls.AskPositions(), "GET v3/positionRisk", "", 5, 0),
    (calls.AskAccount(), "GET v2/account", "", 5, 0),
    (calls.AskKey(), "GET v2/account", "", 5, 0),
    (calls.AskRules(), "GET exchangeInfo", "", 1, 0),
    (calls.AskBrackets(), "GET leverageBracket", "", 1, 0),
    (calls.AskBook("X", 10), "GET depth", "symbol=X&limit=10", 2, 0),
    (calls.AskBook("X", 1_000), "GET depth", "symbol=X&limit=1000", 20, 0),
    (calls.AskMarks(), "GET premiumIndex", "", 10, 0),
    (calls.AskTime(), "GET time", "", 1, 0),
    (calls.SetMargin("X", True), "POST marginType", "symbol=X&marginType=ISOLATED", 1, 0),
    (calls.SetMargin("X", False), "POST marginType", "symbol=X&marginType=CROSSED", 1, 0),
    (calls.SetHedgeMode(False), "POST positionSide/dual", "dualSidePosition=false", 1, 0),
]


def shown(step: Step) -> tuple[str, str]:
    place = step.path.removeprefix("/fapi/").removeprefix("v1/")
    return f"{step.method} {place}", unquote(encoded(step.pairs))


@pytest.mark.parametrize(("call", "place", "query", "weight", "orders"), TABLE)
def test_each_call_is_one_request(call: Call, place: str, query: str, weight: int, orders: int) -> None:
    (step,) = plan_of(call, False).steps
    assert (*shown(step), step.weight, step.orders) == (place, query, weight, orders)
    assert step.is_signed is (place not in ("GET exchangeInfo", "GET depth", "GET premiumIndex", "GET time"))
    assert step.changes is not place.startswith("GET")


MANY: list[tuple[Call, list[str]]] = [
    (calls.Cancel("X", "c", True), ["DELETE algoOrder clientAlgoId=c", "GET algoOrder clientAlgoId=c"]),
    (calls.CancelById("X", "7", True), ["DELETE algoOrder algoId=7", "GET algoOrder algoId=7"]),
    (calls.SetLeverage("X", 5), ["POST leverage symbol=X&leverage=5", "GET symbolConfig symbol=X"]),
    (calls.AskMode(), ["GET positionSide/dual ", "GET multiAssetsMargin ", "GET symbolConfig "]),
]


@pytest.mark.parametrize(("call", "steps"), MANY)
def test_what_one_answer_lacks_the_next_one_shows(call: Call, steps: list[str]) -> None:
    assert [" ".join(shown(step)) for step in plan_of(call, False).steps] == steps


def test_every_call_there_is_has_its_row() -> None:
    assert {*ROWS, calls.AskKey} == set(get_args(Call))
    tested = {type(call) for call, *_ in TABLE} | {type(call) for call, _ in MANY} | {calls.PlaceMany}
    assert tested == set(get_args(Call))


def test_a_batch_is_a_list_of_orders_in_one_parameter() -> None:
    (step,) = plan_of(calls.PlaceMany((LIMIT, EXIT)), False).steps
    assert (step.path, step.weight, step.orders) == ("/fapi/v1/batchOrders", 5, 2)
    orders = orjson.loads(dict(step.pairs)["batchOrders"])
    assert [(order["side"], order["price"], order.get("reduceOnly")) for order in orders] == [
        ("BUY", "50000.1", None),
        ("SELL", "50000.1", "true"),
    ]
    assert '"' not in encoded(step.pairs)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (calls.Place(replace(MARKET, client_id="a b")), "client_id: 1 to 36"),
        (calls.Place(replace(MARKET, client_id="x" * 37)), "client_id: 1 to 36"),
        (calls.Place(replace(MARKET, type=OrderType.TRAILING_STOP_MARKET)), "callback rate"),
        (calls.PlaceMany(()), "1 to 5 orders, had 0"),
        (calls.PlaceMany((LIMIT,) * 6), "1 to 5 orders, had 6"),
        (calls.PlaceMany((LIMIT, STOP)), "plain orders only"),
        (calls.CancelMany("X", ()), "1 to 10 orders, had 0"),
        (calls.CancelMany("X", ("a",) * 11), "1 to 10 orders, had 11"),
    ],
)
def test_what_the_venue_would_take_otherwise_is_not_sent(call: Call, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        plan_of(call, False)


def test_the_three_answers_about_the_mode_become_one() -> None:
    plan = plan_of(calls.AskMode(), False)
    config = {"symbol": "X", "marginType": "CROSSED", "leverage": 5, "maxNotionalValue": "10"}
    bodies: list[Any] = [{"dualSidePosition": False}, {"multiAssetsMargin": False}, [config, {"symbol": "Y"}]]
    answer = joined(plan, bodies)
    assert answer.value == ModeView(False, False, {"X": SymbolMode("X", 5, False, Decimal(10))})
    assert answer.unread == ("symbolConfig[1].marginType: present, was missing",)


def joined(plan: Plan, bodies: list[Any]) -> Done[Any]:
    assert plan.join is not None
    return plan.join([step.read(body).value for step, body in zip(plan.steps, bodies, strict=True)])


def test_leverage_is_that_of_the_symbol_asked_for() -> None:
    read = plan_of(calls.SetLeverage("X", 5), False).steps[1].read
    config = {"symbol": "Y", "marginType": "CROSSED", "leverage": 5, "maxNotionalValue": "10"}
    assert read([config, {**config, "symbol": "X", "leverage": 3}]).value.leverage == 3
    with pytest.raises(Invalid, match=r"symbolConfig\.X: present, was missing"):
        read([config])


@settings(max_examples=100, deadline=None)
@given(st.decimals("1e-20", "1e20", allow_nan=False), st.decimals("1e-12", "1e12", allow_nan=False))
def test_no_number_is_sent_with_an_exponent_or_another_value(quantity: Decimal, price: Decimal) -> None:
    try:
        sent = dict(plan_of(calls.Place(replace(LIMIT, quantity=quantity, limit_price=price)), False).steps[0].pairs)
    except Invalid:
        return
    assert not {"e", "E", "+"} & set(sent["quantity"] + sent["price"])
    assert (Decimal(sent["quantity"]), Decimal(sent["price"])) == (quantity, price)
