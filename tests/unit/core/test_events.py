from dataclasses import replace
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core import payloads
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.events import REGISTRY, Event, decode_event, encode_event, event, order_event
from qt_ray.core.orders import Intent, Order, OrderType, Planned, Side, Working

pytestmark = pytest.mark.unit

texts = st.text("abcäß ", min_size=1, max_size=8)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1000, max_value=1000)
INTENT = Intent("qt-a-0-0", "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal("0.5"), "d", 1, 1)
orders = st.sampled_from([Planned(INTENT, 4), Working(INTENT, 5, "77")])
st.register_type_strategy(Decimal, amounts)
TABLES: dict[str, st.SearchStrategy[Any]] = {
    "votes": st.dictionaries(texts, st.none() | st.floats(0, 1), max_size=3),
    "residual": st.dictionaries(texts, amounts, max_size=3),
    **dict.fromkeys(("bound", "parts", "left", "reasons"), st.lists(texts, max_size=3).map(tuple)),
}

KINDS = sorted(kind for kind in REGISTRY if not kind.startswith("order."))


def payload(kind: str) -> st.SearchStrategy[Any]:
    hints = get_type_hints(REGISTRY[kind])
    finite = {name: st.floats(-1, 1) for name, hint in hints.items() if hint is float}
    optional = {name: st.none() | st.floats(-1, 1) for name, hint in hints.items() if hint == float | None}
    whole = {name: st.integers(0, 2**40) for name, hint in hints.items() if hint in (int, int | None)}
    words = {name: texts for name, hint in hints.items() if hint is str}
    tables = {name: table for name, table in TABLES.items() if name in hints}
    return st.builds(REGISTRY[kind], **finite, **optional, **whole, **words, **tables)


@pytest.mark.requirement("P1-01")
@pytest.mark.p1_patches
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(data=st.data())
def test_every_kind_of_event_survives_the_wire(kind: str, data: st.DataObject) -> None:
    happened = event(kind, data.draw(payload(kind)), "desk", 7)
    assert decode_event(encode_event(happened)) == happened
    assert encode_event(decode_event(encode_event(happened))) == encode_event(happened)


@given(orders)
def test_an_order_event_is_named_after_the_state(order: Order) -> None:
    happened = order_event(order, "gateway")
    assert happened.type == f"order.{order.kind}"
    assert decode_event(encode_event(happened)) == happened
    with pytest.raises(Invalid, match="names the state"):
        replace(happened, type="order.filled")


def test_the_same_happening_has_the_same_id_and_another_has_another() -> None:
    alert = payloads.RiskAlert("warning", "funding", "high")
    assert event("risk.alert", alert, "guard", 5) == event("risk.alert", alert, "guard", 5)
    ids = {
        event("risk.alert", alert, "guard", 5).id,
        event("risk.alert", alert, "guard", 6).id,
        event("risk.alert", alert, "desk", 5).id,
        event("risk.alert", replace(alert, detail="low"), "guard", 5).id,
    }
    assert len(ids) == 4


def test_an_effect_of_an_event_belongs_to_its_trace() -> None:
    cause = event("risk.alert", payloads.RiskAlert("warning", "funding", "high"), "guard", 5)
    after = order_event(Working(INTENT, 6, "77"), "gateway", cause)
    assert (after.trace_id, after.causation) == (cause.trace_id, cause.id)
    assert cause.causation is None


def _shown() -> dict[str, Any]:
    shown: dict[str, Any] = decode(encode_event(event("risk.alert", payloads.RiskAlert("w", "r", "d"), "guard", 5)))
    return shown


@pytest.mark.requirement("P1-01")
@pytest.mark.p1_patches
@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"type": "risk.unheard_of"}, "in the registry"),
        ({"type": None}, "a table with a type"),
        ({"payload": {}}, r"risk\.alert\.severity: required"),
        ({"payload": None}, r"risk\.alert: a table"),
        (
            {"payload": {"severity": "w", "rule": "r", "detail": "d", "extra": 1}},
            r"risk\.alert\.extra: unknown",
        ),
        ({"time_ms": "5"}, r"event\.time_ms: a whole number"),
        ({"surprise": 1}, r"event\.surprise: unknown"),
        ({"id": ""}, "has an id"),
    ],
)
def test_an_event_that_is_not_ours_is_refused_by_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid, match=place):
        decode_event(canonical({**_shown(), **change}))


def test_bytes_that_are_no_event_are_refused() -> None:
    for data in (b"", b"[]", b"{}", b"null", b"\x00"):
        with pytest.raises(Invalid):
            decode_event(data)


@pytest.mark.requirement("P1-01")
@pytest.mark.p1_patches
def test_a_payload_of_another_kind_is_refused() -> None:
    with pytest.raises(Invalid, match=r"risk\.block: carries RiskBlock, was RiskAlert"):
        event("risk.block", payloads.RiskAlert("w", "r", "d"), "guard", 1)


def test_money_and_emergencies_are_critical_and_ticks_are_not() -> None:
    critical = {kind for kind in REGISTRY if kind.startswith(("order.", "trade.", "system.emergency."))}
    assert all(Event("i", k, _any(k), "t", None, "s", 1).is_critical for k in critical - _orders())
    assert not event("market.tick", payloads.Tick("X", Decimal(1), Decimal(1)), "feed", 1).is_critical


def _orders() -> set[str]:
    return {kind for kind in REGISTRY if kind.startswith("order.")}


def _any(kind: str) -> Any:
    return REGISTRY[kind](**dict.fromkeys(get_type_hints(REGISTRY[kind]), None))


def test_every_catalogued_event_of_trading_is_registered() -> None:
    named = """market.tick market.regime.changed signal.generated decision.made trade.execution_requested
        trade.executed trade.closed position.opened position.closed account.equity.updated risk.alert
        risk.block risk.drawdown.soft_breach risk.drawdown.hard_breach system.emergency.triggered
        system.emergency.recovered system.redis_recovered policy.updated policy.mode.changed
        model.promoted model.drift_detected
        model.prediction_ready order.planned order.submitted order.filled order.unknown order.rejected"""
    assert set(named.split()) <= set(REGISTRY)
