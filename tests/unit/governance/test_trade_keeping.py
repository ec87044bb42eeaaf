"""TradeStateStore in a running fund: rows follow the events, once, whatever is repeated and whoever died meanwhile."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.core.orders import Filled, Side
from qt_ray.governance.trade_keeping import UNTOLD_MS, TradeKeeping
from qt_ray.governance.trade_state import Trade, TradeSignal, TradeStatus
from tests.conformance.trade_memory import MemoryTrades
from tests.unit.monitoring import happenings as told

pytestmark = [pytest.mark.unit, pytest.mark.p0_patches]

WHOLE_TRADE = [
    told.submitted(11),
    told.working(12),
    told.partly(13),
    told.held(13),
    told.filled(14),
    told.held(30, 0),
    told.closed(31, "take_profit"),
]


def kept(store: MemoryTrades, *events: Event) -> TradeKeeping:
    keeping = TradeKeeping(store)
    for happened in events:
        keeping.take(happened)
    return keeping


def row(store: MemoryTrades, name: str = "d1") -> Trade:
    found = store.get(name)
    assert found is not None
    return found


@pytest.mark.requirement("P0-04")
def test_a_trade_is_followed_from_its_first_order_to_its_end() -> None:
    store, seen = MemoryTrades(), []
    keeping = TradeKeeping(store)
    for happened in WHOLE_TRADE:
        keeping.take(happened)
        seen.append(row(store).status)
    open_, approved = TradeStatus.OPEN, TradeStatus.APPROVED
    assert seen == [approved, approved, open_, open_, open_, open_, TradeStatus.CLOSED_TP]
    assert (row(store).filled, row(store).entry_price, row(store).reason) == (2, 100, "take_profit")
    assert keeping.open_trades == ()


@pytest.mark.requirement("P0-04")
@settings(max_examples=60)
@given(st.data())
def test_hearing_again_and_dying_in_between_leave_the_same_row(data: st.DataObject) -> None:
    store = MemoryTrades()
    keeping = TradeKeeping(store)
    for at, happened in enumerate(WHOLE_TRADE):
        keeping.take(happened)
        if data.draw(st.booleans(), "dies"):
            keeping = TradeKeeping(store)
        for again in data.draw(st.lists(st.sampled_from(WHOLE_TRADE[: at + 1]), max_size=3), "again"):
            keeping.take(again)
    found = row(store)
    assert (found.status, found.filled, found.entry_price) == (TradeStatus.CLOSED_TP, 2, 100)
    assert store.list_open_trades() == ()


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        ("take_profit", TradeStatus.CLOSED_TP),
        ("STOP", TradeStatus.CLOSED_SL),
        ("emergency", TradeStatus.CLOSED_SL),
        ("time", TradeStatus.CLOSED_TIME),
        ("signal", TradeStatus.CLOSED_PARTIAL),
    ],
)
def test_a_trade_ends_as_its_cause_says(cause: str, status: TradeStatus) -> None:
    store = MemoryTrades()
    kept(store, told.submitted(), told.filled(), told.closed(20, cause))
    assert row(store).status is status


@pytest.mark.parametrize("ending", [told.cancelled(), told.rejected()])
def test_an_order_that_never_traded_opened_nothing(ending: Event) -> None:
    store = MemoryTrades()
    kept(store, told.submitted(), ending)
    assert row(store).status is TradeStatus.REJECTED
    kept(store, told.submitted(), ending)
    assert row(store).revision == 3


def test_a_position_that_vanished_untold_is_closed_as_stopped_after_a_while() -> None:
    store = MemoryTrades()
    keeping = kept(store, told.submitted(), told.filled(), told.held(30, 0))
    keeping.settle(30 + UNTOLD_MS - 1)
    assert row(store).status is TradeStatus.OPEN
    keeping.settle(30 + UNTOLD_MS)
    assert (row(store).status, row(store).reason) == (TradeStatus.CLOSED_SL, "flat, and nobody said how")
    keeping.settle(99 * UNTOLD_MS)
    assert row(store).updated_ms == 30


def test_a_new_trade_ends_one_that_is_flat_or_never_traded_and_no_other() -> None:
    store = MemoryTrades()
    keeping = kept(store, told.submitted())
    keeping.take(told.submitted(20, "d2", "qt-a-1-0"))
    assert (row(store).status, row(store, "d2").status) == (TradeStatus.REJECTED, TradeStatus.APPROVED)
    keeping.take(told.filled(21, "d2", "qt-a-1-0"))
    keeping.take(told.submitted(22, "d3", "qt-a-2-0"))
    assert store.get("d3") is None
    keeping.take(told.held(23, 0))
    keeping.take(told.submitted(24, "d4", "qt-a-3-0"))
    assert (row(store, "d2").status, row(store, "d4").status) == (TradeStatus.CLOSED_SL, TradeStatus.APPROVED)


def test_an_old_ending_told_late_does_not_end_the_trade_that_followed() -> None:
    store = MemoryTrades()
    keeping = kept(store, *WHOLE_TRADE)
    keeping.take(told.submitted(40, "d2", "qt-a-1-0"))
    keeping.take(told.filled(41, "d2", "qt-a-1-0"))
    for late in (told.closed(31, "take_profit"), told.held(30, 0), told.closed(50, "stop", Side.SELL)):
        keeping.take(late)
    assert row(store, "d2").status is TradeStatus.OPEN


def test_an_order_that_only_reduces_opens_no_trade() -> None:
    store = MemoryTrades()
    closing = told.told(Filled(told.intent("d9", "qt-a-9-0", reduce_only=True), 5, told.progress(1)))
    kept(store, closing, told.closed(), told.worth(1, 5))
    assert store.list_open_trades() == ()
    assert store.get("d9") is None


def test_another_writer_is_noticed_and_his_row_is_taken_up() -> None:
    store = MemoryTrades()
    keeping = kept(store, told.submitted())
    store.transition("d1", TradeSignal.FILLED, 12, row(store).revision)
    with pytest.raises(Retryable, match="another wrote it"):
        keeping.take(told.filled())
    keeping.take(told.filled())
    assert (row(store).status, row(store).filled) == (TradeStatus.OPEN, Decimal(2))
