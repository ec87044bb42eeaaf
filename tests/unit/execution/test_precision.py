from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import Intent, OrderType, Side, TimeInForce
from qt_ray.execution.precision import Reason, Unfit, fit, why_unfit
from tests.unit.execution.filters import RULES

pytestmark = pytest.mark.unit

MARK = Decimal(50_000)

amounts = st.decimals("0.0001", "500", places=4)
prices = st.decimals("40000", "60000", places=3)
steps = st.sampled_from([Decimal("0.001"), Decimal("0.005"), Decimal(1), Decimal("0.25"), Decimal("0.1")])


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    kind = draw(st.sampled_from([kind for kind in OrderType if kind is not OrderType.TRAILING_STOP_MARKET]))
    return wanted(
        type=kind,
        side=draw(st.sampled_from(Side)),
        quantity=draw(amounts),
        reduce_only=draw(st.booleans()),
        limit_price=draw(prices) if kind.has_limit else None,
        trigger_price=draw(prices) if kind.has_trigger else None,
    )


def wanted(**changes: Any) -> Intent:
    given = {
        "client_id": "qt-trend-00000000000000000000-0",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal("0.0199"),
        "decision_id": "d",
        "policy_version": 1,
        "epoch": 1,
    }
    return Intent(**{**given, **changes})


@pytest.mark.requirement("L5")
@settings(max_examples=200, deadline=None)
@given(intents(), steps, steps)
def test_no_rounding_adds_risk(intent: Intent, step: Decimal, tick: Decimal) -> None:
    fitted = fit(intent, replace(RULES, step=step, tick=tick), MARK)
    if isinstance(fitted, Unfit):
        return
    assert 0 < fitted.quantity <= intent.quantity
    assert fitted.quantity % step == 0
    changed = {"quantity", "limit_price", "trigger_price"}
    assert replace(fitted, **{name: getattr(intent, name) for name in changed}) == intent
    if fitted.limit_price is not None and intent.limit_price is not None:
        assert fitted.limit_price % tick == 0
        better = intent.side.sign * (intent.limit_price - fitted.limit_price)
        protects = intent.reduce_only and intent.type is OrderType.STOP
        assert (better <= 0) if protects else (better >= 0)
    if fitted.trigger_price is not None and intent.trigger_price is not None:
        assert fitted.trigger_price % tick == 0
        is_stop = intent.type in (OrderType.STOP, OrderType.STOP_MARKET)
        above = intent.side.sign * (1 if is_stop else -1)
        farther = above * (fitted.trigger_price - intent.trigger_price)
        assert (farther <= 0) if intent.reduce_only else (farther >= 0)


@settings(max_examples=100, deadline=None)
@given(intents(), steps, steps)
def test_what_fits_once_fits_unchanged(intent: Intent, step: Decimal, tick: Decimal) -> None:
    rules = replace(RULES, step=step, tick=tick)
    fitted = fit(intent, rules, MARK)
    assert isinstance(fitted, Unfit) or fit(fitted, rules, MARK) == fitted


@settings(max_examples=100, deadline=None)
@given(intents())
def test_without_a_mark_what_fits_is_taken_as_it_stands_and_everything_else_names_its_rule(intent: Intent) -> None:
    fitted = fit(intent, RULES, None)
    if isinstance(fitted, Unfit):
        assert why_unfit(intent, RULES) == fitted.rule
    else:
        assert why_unfit(fitted, RULES) is None
        assert (why_unfit(intent, RULES) is None) == (fitted == intent)


LIMIT = {"type": OrderType.LIMIT, "limit_price": Decimal("50000.05")}
STOP = {"type": OrderType.STOP_MARKET, "trigger_price": Decimal("49999.95"), "reduce_only": True, "side": Side.SELL}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, {"quantity": "0.01"}),
        (LIMIT, {"quantity": "0.019", "limit_price": "50000.0"}),
        ({**LIMIT, "side": Side.SELL}, {"limit_price": "50000.1"}),
        ({**LIMIT, "time_in_force": TimeInForce.IOC}, {"limit_price": "50000.0"}),
        ({"quantity": Decimal(121)}, {"quantity": "120.00"}),
        ({**LIMIT, "quantity": Decimal(5000)}, {"quantity": "1000.000"}),
        (STOP, {"trigger_price": "50000.0"}),
        ({**STOP, "side": Side.BUY}, {"trigger_price": "49999.9"}),
        ({**STOP, "type": OrderType.TAKE_PROFIT_MARKET}, {"trigger_price": "49999.9"}),
        ({**STOP, "reduce_only": False}, {"trigger_price": "49999.9"}),
        ({**STOP, "type": OrderType.STOP, "limit_price": Decimal("49000.05")}, {"limit_price": "49000.0"}),
    ],
)
def test_orders_are_moved_to_the_side_of_caution(changes: dict[str, Any], fields: dict[str, str]) -> None:
    fitted = fit(wanted(**changes), RULES, MARK)
    assert isinstance(fitted, Intent)
    assert {name: str(getattr(fitted, name)) for name in fields} == fields


@pytest.mark.parametrize(
    ("changes", "rules", "reason", "said"),
    [
        ({"quantity": Decimal("0.009")}, {}, Reason.QUANTITY, "at least 0.002 in steps, was 0.009"),
        ({"quantity": Decimal("0.0019"), **LIMIT}, {}, Reason.QUANTITY, "was 0.0019"),
        ({"quantity": Decimal("0.002"), **LIMIT}, {"notional_min": Decimal(101)}, Reason.NOTIONAL, "was 100.0000"),
        ({"type": OrderType.LIMIT, "limit_price": Decimal("0.01")}, {}, Reason.PRICE, "from 556.8 to 4529764, was 0"),
        ({**STOP, "trigger_price": Decimal(5_000_000)}, {}, Reason.PRICE, "trigger_price"),
        ({"type": OrderType.LIMIT, "limit_price": Decimal(52_501)}, {}, Reason.PRICE, "a buy at most 52500.00"),
        ({**LIMIT, "side": Side.SELL, "limit_price": Decimal(47_499)}, {}, Reason.PRICE, "a sell at least 47500.00"),
        ({}, {"status": "SETTLING"}, Reason.STATUS, "BTCUSDT trades, its status was SETTLING"),
        (STOP, {"order_types": ("LIMIT",)}, Reason.ORDER_TYPE, "takes LIMIT, was STOP_MARKET"),
    ],
)
def test_what_does_not_fit_says_why(changes: dict[str, Any], rules: dict[str, Any], reason: Reason, said: str) -> None:
    answer = fit(wanted(**changes), replace(RULES, **rules), MARK)
    assert isinstance(answer, Unfit)
    assert answer.reason is reason
    assert said in answer.rule


def test_a_position_can_be_left_however_small_and_whatever_becomes_of_the_symbol() -> None:
    leaving = wanted(quantity=Decimal("0.01"), reduce_only=True, side=Side.SELL)
    rules = replace(RULES, status="SETTLING", notional_min=Decimal(10_000))
    assert fit(leaving, rules, MARK) == leaving
    assert isinstance(fit(replace(leaving, reduce_only=False), rules, MARK), Unfit)
