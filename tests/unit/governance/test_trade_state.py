from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.core.restore import restore
from qt_ray.governance.trade_state import TRANSITIONS, Trade, TradeSignal, TradeStatus

pytestmark = pytest.mark.unit

ENDS = {
    TradeStatus.CLOSED_TP,
    TradeStatus.CLOSED_SL,
    TradeStatus.CLOSED_PARTIAL,
    TradeStatus.CLOSED_TIME,
    TradeStatus.REJECTED,
}
HELD = (TradeStatus.OPEN, TradeStatus.PARTIAL_TP, TradeStatus.BREAKEVEN, TradeStatus.TRAILING)


@pytest.mark.requirement("S3 TradeLifecycle")
def test_every_state_is_reachable_and_only_ends_are_ends() -> None:
    assert TRANSITIONS.reachable == set(TradeStatus)
    assert TRANSITIONS.terminal == ENDS
    assert {status for status in TradeStatus if status.is_over} == ENDS


@pytest.mark.parametrize("status", HELD)
def test_whatever_is_held_can_be_closed_in_every_way(status: TradeStatus) -> None:
    ends = (TradeSignal.TARGET_HIT, TradeSignal.STOPPED, TradeSignal.SOLD_OUT, TradeSignal.TIMED_OUT)
    assert {TRANSITIONS.advance(status, signal) for signal in ends} == ENDS - {TradeStatus.REJECTED}


@pytest.mark.requirement("S2 TradeStateStore")
@given(st.lists(st.sampled_from(TradeSignal), max_size=20))
def test_a_trade_never_goes_back(signals: list[TradeSignal]) -> None:
    order = list(TradeStatus)
    status = TRANSITIONS.initial
    for signal in signals:
        if TRANSITIONS.foresees(status, signal):
            after = TRANSITIONS.advance(status, signal)
            assert order.index(after) >= order.index(status)
            status = after


def test_a_trade_is_rejected_only_before_it_is_held() -> None:
    assert {state for state in TradeStatus if TRANSITIONS.foresees(state, TradeSignal.REJECT)} == {
        TradeStatus.NEW,
        TradeStatus.APPROVED,
    }


def test_a_trade_survives_its_own_spelling() -> None:
    trade = Trade("a", "BTCUSDT", Side.SELL, Decimal("0.10"), "d", 1, 2, entry_price=Decimal(5))
    assert restore(Trade, decode(canonical(trade))) == trade


@pytest.mark.parametrize(
    ("name", "quantity", "filled", "rule"),
    [
        ("", "1", "0", "name has 1 to"),
        ("a" * 65, "1", "0", "name has 1 to"),
        ("a", "0", "0", "quantity: positive"),
        ("a", "NaN", "0", "quantity: positive"),
        ("a", "1", "2", "filled: from 0"),
        ("a", "1", "-1", "filled: from 0"),
    ],
)
def test_a_trade_that_cannot_be_is_refused(name: str, quantity: str, filled: str, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        Trade(name, "BTCUSDT", Side.BUY, Decimal(quantity), "d", 0, 0, filled=Decimal(filled))
