from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.effects import (
    Alert,
    AskOrder,
    CancelOrder,
    Flatten,
    Lane,
    PlaceOrder,
    Publish,
    Severity,
    VenueEffect,
    in_lanes,
)
from qt_ray.core.errors import Invalid
from qt_ray.core.events import event
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.core.payloads import RiskAlert

pytestmark = pytest.mark.unit

ENTRY = Intent("qt-a-0-0", "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(1), "d", 1, 1)
EXIT = replace(ENTRY, client_id="qt-a-1-0", reduce_only=True)
STOP = replace(EXIT, client_id="qt-a-2-0", type=OrderType.STOP_MARKET, trigger_price=Decimal(9))
EFFECTS: list[VenueEffect] = [
    AskOrder("BTCUSDT", "qt-a-0-0"),
    PlaceOrder(ENTRY),
    PlaceOrder(EXIT),
    PlaceOrder(STOP),
    CancelOrder("BTCUSDT", "qt-a-0-0"),
    Flatten("main", 2, "flash crash"),
]


@given(st.permutations(EFFECTS))
def test_whatever_lessens_risk_stands_before_whatever_adds_it(effects: list[VenueEffect]) -> None:
    assert [effect.lane for effect in in_lanes(tuple(effects))] == list(Lane)


def test_within_a_lane_nothing_overtakes() -> None:
    cancels = tuple(CancelOrder("BTCUSDT", f"qt-a-{n}-0") for n in range(5))
    assert in_lanes(cancels) == cancels


def test_the_same_effect_has_the_same_key_and_another_has_another() -> None:
    assert len({effect.key for effect in EFFECTS}) == len(EFFECTS)
    assert PlaceOrder(ENTRY).key == PlaceOrder(replace(ENTRY)).key
    assert AskOrder("X", "a").key != AskOrder("X", "a", 1).key
    told = Publish(event("risk.alert", RiskAlert("w", "r", "d"), "guard", 1))
    assert told.key == f"publish:{told.event.id}"
    alert = Alert(Severity.CRITICAL, "flatten failed", "BTCUSDT", 5)
    assert alert.key != replace(alert, at_ms=6).key


def test_nothing_is_flattened_without_a_reason() -> None:
    with pytest.raises(Invalid):
        Flatten("main", 2, " ")
