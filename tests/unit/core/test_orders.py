from decimal import Decimal
from typing import Any

import pytest

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import (
    Cancelled,
    Execution,
    Filled,
    Intent,
    Order,
    OrderType,
    PartiallyFilled,
    Planned,
    Progress,
    Rejected,
    Side,
    Status,
    Unknown,
    Working,
    in_flight,
    order_of,
    progress_of,
)

pytestmark = pytest.mark.unit


def intent(**changes: Any) -> Intent:
    given = {
        "client_id": "qt-trend-00000000000000000000-0",
        "symbol": "BTCUSDT",
        "side": Side.SELL,
        "type": OrderType.MARKET,
        "quantity": Decimal("0.3"),
        "decision_id": "d",
        "policy_version": 1,
        "epoch": 1,
    }
    return Intent(**{**given, **changes})


def execution(trade_id: int, quantity: str, price: str = "100") -> Execution:
    return Execution(trade_id, Decimal(quantity), Decimal(price), Decimal("0.01"), "USDT", False, 5)


PART = Progress("77", (execution(1, "0.1"), execution(2, "0.1", "101")), Decimal("0.2"))
ORDERS: list[tuple[Order, str]] = [
    (Planned(intent(), 1), "-0.3"),
    (Unknown(intent(), 1), "-0.3"),
    (Working(intent(side=Side.BUY), 1, "77"), "0.3"),
    (PartiallyFilled(intent(), 1, PART), "-0.1"),
    (Cancelled(intent(), 1, PART, "by hand"), "0"),
    (Filled(intent(), 1, PART), "0"),
    (Rejected(intent(), 1, "-2019"), "0"),
]


@pytest.mark.parametrize(("order", "left"), ORDERS)
def test_what_may_still_trade_is_known_in_every_state(order: Order, left: str) -> None:
    assert in_flight(order) == Decimal(left)


@pytest.mark.parametrize(("order", "left"), ORDERS)
def test_every_state_survives_the_wire(order: Order, left: str) -> None:
    shown = decode(canonical(order))
    assert shown["kind"] == order.kind
    assert order_of(shown) == order
    with pytest.raises(Invalid, match="a kind of planned, submitted"):
        order_of({**shown, "kind": "lost"})


def test_a_state_carries_only_what_it_knows() -> None:
    assert not hasattr(Planned(intent(), 1), "venue_id")
    assert not hasattr(Rejected(intent(), 1, "-2019"), "progress")
    assert progress_of(Planned(intent(), 1)) is None
    assert progress_of(Working(intent(), 1, "77")) == Progress("77")


def test_progress_says_what_was_missed() -> None:
    assert (PART.executed, PART.missing, PART.average_price) == (Decimal("0.2"), 0, Decimal("100.5"))
    assert Progress("77", PART.executions, Decimal("0.25")).missing == Decimal("0.05")
    assert Progress("77").average_price is None


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": Decimal(0)},
        {"quantity": Decimal(-1)},
        {"quantity": Decimal("NaN")},
        {"limit_price": Decimal(1)},
        {"type": OrderType.LIMIT},
        {"type": OrderType.LIMIT, "limit_price": Decimal(0)},
        {"type": OrderType.STOP_MARKET},
        {"type": OrderType.STOP, "trigger_price": Decimal(1)},
        {"type": OrderType.TRAILING_STOP_MARKET, "trigger_price": Decimal(1)},
    ],
)
def test_an_order_names_exactly_the_prices_it_uses(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        intent(**changes)


def test_conditional_orders_are_told_from_plain_ones() -> None:
    plain = {OrderType.MARKET, OrderType.LIMIT}
    assert {kind for kind in OrderType if not kind.is_conditional} == plain
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert len(Status) == 9


@pytest.mark.parametrize(("quantity", "price"), [("0", "1"), ("1", "0"), ("-1", "1"), ("NaN", "1"), ("1", "Infinity")])
def test_an_execution_is_something_at_some_price(quantity: str, price: str) -> None:
    with pytest.raises(Invalid):
        execution(1, quantity, price)
