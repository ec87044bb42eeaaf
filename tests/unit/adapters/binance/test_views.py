from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from qt_ray.adapters.binance.account import (
    account_view,
    brackets_of,
    income_view,
    key_of,
    mode_of,
    position_view,
    symbol_mode,
)
from qt_ray.adapters.binance.fields import Fields
from qt_ray.adapters.binance.orders import algo_view, element, order_view, trade_view
from qt_ray.adapters.binance.rules import book_view, mark_view, marks_of, rules_of
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Bracket
from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.execution.venue.calls import Done, Refused
from qt_ray.execution.venue.contracts import Fees, instrument_of
from qt_ray.execution.venue.views import (
    IncomeView,
    KeyView,
    MarkView,
    OrderView,
    PositionSide,
    SymbolMode,
    TradeView,
)
from tests.unit.adapters.binance.recorded import ALGO, LIMITS, ORDER, SYMBOL, TRADE, bodies

pytestmark = pytest.mark.unit

POSITION = {
    "symbol": "BTCUSDT",
    "positionSide": "BOTH",
    "positionAmt": "-0.010",
    "entryPrice": "50000.1",
    "markPrice": "50100",
    "unRealizedProfit": "-0.999",
    "liquidationPrice": "0",
    "isolatedMargin": "0.00000000",
    "isolatedWallet": "0",
    "updateTime": 5,
}
ASSET = {"asset": "USDT", "walletBalance": "-0.5"}
TOTALS = ("UnrealizedProfit", "MarginBalance", "InitialMargin", "MaintMargin")
ACCOUNT = {
    **{f"total{name}": str(at) for at, name in enumerate(TOTALS)},
    "availableBalance": "9",
    "canTrade": True,
    "canWithdraw": False,
    "assets": [ASSET],
}


def fields(data: Any, **changes: Any) -> Fields:
    return Fields({**data, **changes}, "body")


def test_an_order_is_shown_exactly() -> None:
    assert order_view(fields(ORDER)) == OrderView(
        venue_id="22542179",
        client_id="qt-trend-00000000000000000000-0",
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        conditional=False,
        status="PARTIALLY_FILLED",
        quantity=Decimal("0.010"),
        executed=Decimal("0.004"),
        average_price=Decimal("50000.05"),
        limit_price=Decimal("50000.10"),
        trigger_price=None,
        reduce_only=False,
        closes_position=False,
        position_side=PositionSide.BOTH,
        time_in_force="GTC",
        created_ms=1566818724722,
        updated_ms=1566818724722,
    )
    assert order_view(fields(ORDER, time=1)).created_ms == 1


def test_a_conditional_order_is_shown_as_what_it_waits_for() -> None:
    view = algo_view(fields(ALGO))
    assert (view.conditional, view.type, view.trigger_price) == (True, OrderType.STOP_MARKET, Decimal(45000))
    assert (view.limit_price, view.child_id, view.executed, view.average_price) == (None, None, 0, None)
    triggered = fields(ALGO, algoStatus="FINISHED", actualOrderId="77", actualQty="0.01", actualPrice="44990.5")
    view = algo_view(triggered)
    assert (view.child_id, view.executed, view.average_price) == ("77", Decimal("0.01"), Decimal("44990.5"))
    whole = {name: value for name, value in ALGO.items() if name not in ("quantity", "orderType")}
    assert algo_view(fields(whole, closePosition=True, type="STOP_MARKET")).quantity == 0


@pytest.mark.parametrize(("field", "value"), [("status", "DONE"), ("type", "ICEBERG"), ("timeInForce", "DAY")])
def test_an_order_with_an_unknown_word_is_not_understood(field: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"body.{field}: one of .*, was '{value}'"):
        order_view(fields(ORDER, **{field: value}))


def test_an_element_of_a_batch_is_an_order_or_a_no() -> None:
    assert element(fields({"code": -2022, "msg": "ReduceOnly Order is rejected."})) == Refused(
        -2022, "ReduceOnly Order is rejected."
    )
    assert isinstance(element(fields(ORDER)), Done)
    for code in ("-2022", -1000, -1006, -1007):
        with pytest.raises(Invalid, match="code: of a definite no"):
            element(fields({"code": code, "msg": "unknown"}))


def test_a_rebate_is_a_negative_fee() -> None:
    assert trade_view(fields(TRADE)) == TradeView(
        order_id="25851813",
        symbol="BTCUSDT",
        side=Side.SELL,
        position_side=PositionSide.BOTH,
        execution=Execution(
            698759, Decimal("0.002"), Decimal("7819.01"), Decimal("-0.07819010"), "USDT", True, 1569514978020
        ),
        realised=Decimal("-0.91539999"),
    )


def test_an_account_and_its_positions_are_shown() -> None:
    view = account_view(fields(ACCOUNT))
    assert view.wallets == {"USDT": Decimal("-0.5")}
    assert [view.unrealised, view.margin_balance, view.initial_margin, view.maintenance_margin] == [0, 1, 2, 3]
    assert (view.available, view.can_trade, view.can_withdraw) == (9, True, False)
    position = position_view(fields(POSITION))
    assert (position.quantity, position.liquidation, position.isolated_wallet) == (Decimal("-0.010"), None, None)
    assert position_view(fields(POSITION, isolatedMargin="5", isolatedWallet="4")).isolated_wallet == 4


def test_income_names_its_trade_if_there_is_one() -> None:
    income = {"tranId": 9, "incomeType": "FUNDING_FEE", "asset": "USDT", "income": "-0.1", "symbol": "X", "time": 5}
    assert income_view(fields(income, tradeId="")) == IncomeView(9, "FUNDING_FEE", "USDT", Decimal("-0.1"), "X", 5)
    assert income_view(fields(income, tradeId="2059192")).trade_id == "2059192"


def test_settings_are_shown() -> None:
    shown = {"symbol": "X", "marginType": "ISOLATED", "leverage": 21, "maxNotionalValue": "1000000"}
    mode = SymbolMode("X", 21, True, Decimal(1_000_000))
    assert symbol_mode(fields(shown)) == mode
    assert mode_of([False, True, ((mode,), ("rule",))]).value.symbols == {"X": mode}
    with pytest.raises(Invalid, match="from 1, was 0"):
        symbol_mode(fields(shown, leverage=0))
    rights = {"ipRestrict": True, "enableWithdrawals": False, "enableFutures": True}
    assert key_of(fields(rights)) == KeyView(True, False, True)


BRACKET = {
    "bracket": 1,
    "initialLeverage": 75,
    "notionalCap": 10000,
    "notionalFloor": 0,
    "maintMarginRatio": 0.0065,
    "cum": 0.0,
}
BRACKETS = [{"symbol": "BTCUSDT", "brackets": [{**BRACKET, "notionalFloor": 10000, "initialLeverage": 50}, BRACKET]}]


def test_brackets_rise_whatever_order_they_came_in() -> None:
    answer = brackets_of([*BRACKETS, {"symbol": "BAD", "brackets": [{**BRACKET, "maintMarginRatio": "x"}]}])
    first, second = answer.value["BTCUSDT"]
    assert first == Bracket(Decimal(0), 75, Decimal("0.0065"), Decimal(0))
    assert (second.floor, second.leverage_max) == (10000, 50)
    assert len(answer.unread) == 1


def test_rules_become_an_instrument_without_rounding() -> None:
    answer = rules_of({"symbols": [SYMBOL, {**SYMBOL, "filters": []}], "rateLimits": LIMITS})
    assert (answer.value.weight_minute, answer.value.orders_ten_seconds, answer.value.orders_minute) == (
        2400,
        300,
        1200,
    )
    assert len(answer.unread) == 1
    rules = answer.value.symbols["BTCUSDT"]
    fees = Fees(Decimal("0.0002"), Decimal("0.0005"))
    instrument = instrument_of(rules, brackets_of(BRACKETS).value["BTCUSDT"], fees)
    assert (instrument.tick, instrument.step, instrument.notional_min) == (Decimal("0.1"), Decimal("0.001"), 50)
    with pytest.raises(Invalid, match="steps divide one another"):
        instrument_of(replace(rules, step=Decimal(2), market_step=Decimal(3)), instrument.brackets, fees)
    with pytest.raises(Invalid, match="rateLimits"):
        rules_of({"symbols": [], "rateLimits": []})


def test_the_market_is_shown() -> None:
    book = book_view("X", fields({"lastUpdateId": 7, "bids": [["1.5", "0.1"]], "asks": [["2", "0"]], "E": 9}))
    assert (book.update_id, book.bids, book.asks, book.time_ms) == (
        7,
        ((Decimal("1.5"), Decimal("0.1")),),
        ((Decimal(2), Decimal(0)),),
        9,
    )
    for bids in ([["0", "1"]], [["1"]], [["1", "-1"]], "x", [5]):
        with pytest.raises(Invalid, match="bids"):
            book_view("X", fields({"lastUpdateId": 7, "bids": bids, "asks": []}))
    mark = {"symbol": "X", "markPrice": "5", "indexPrice": "6", "nextFundingTime": 0, "time": 1, "lastFundingRate": ""}
    assert mark_view(fields(mark)) == MarkView("X", Decimal(5), Decimal(6), Decimal(0), 0, 1)
    assert marks_of([mark, {**mark, "markPrice": "-5"}]).value == {"X": mark_view(fields(mark))}


def test_every_recorded_body_is_read() -> None:
    for body in bodies("nautilus_binance/http_json/order_response.json"):
        assert order_view(Fields(body, "order")).status == "NEW"
    for body in bodies("nautilus_binance/http_json/open_algo_orders.json"):
        assert algo_view(Fields(body[0], "algo")).trigger_price == 45_000
    for body in bodies("nautilus_binance/http_json/position_risk.json"):
        assert position_view(Fields(body[0], "position")).liquidation == 45_000
    for body in bodies("nautilus_binance/http_json/account_info_v2.json"):
        assert account_view(Fields(body, "account")).wallets == {"USDT": Decimal("23.72469206")}
    for body in bodies("rest/*.json"):
        assert marks_of(body["GET_fapi_v1_premiumIndex"]).unread == ()
        assert len(book_view("BTCUSDT", Fields(body["GET_fapi_v1_depth_limit5"], "depth")).bids) == 5
        rules = rules_of(body["GET_fapi_v1_exchangeInfo_BTCUSDT_entry"])
        assert (rules.unread, rules.value.symbols["BTCUSDT"].notional_min) == ((), 50)


def test_of_a_whole_venue_only_what_has_no_tick_is_unreadable() -> None:
    ours = {"symbols": [SYMBOL], "rateLimits": LIMITS, "serverTime": 5}
    for body in [ours, *bodies("exchange_info/usdm_testnet_*.gz")]:
        answer = rules_of(body)
        assert len(answer.value.symbols) + len(answer.unread) == len(body["symbols"])
        assert all(rule.endswith("tickSize: above zero, was 0") for rule in answer.unread)
        assert len(answer.unread) <= 1
