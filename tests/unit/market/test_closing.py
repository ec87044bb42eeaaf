"""SPEC laws 3 and 10: live bars are what a stored series would hold, told once and in order; nobody waits for ever."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from qt_ray.market.closing import PATIENCE_MS, ROWS_MAX, Closing
from qt_ray.market.ticks import Candle, MarkTick

pytestmark = pytest.mark.unit

MINUTE_MS = 60_000
START_MS = 1_704_067_200_000
NAMES = ("AUSDT", "BUSDT", "CUSDT")


def candle(symbol: str, number: int, close: float = 100.0, *, closed: bool = True, interval: str = "1m") -> Candle:
    price = Decimal(str(close))
    return Candle(
        symbol,
        interval,
        START_MS + number * MINUTE_MS,
        price,
        price + 1,
        price - 1,
        price,
        Decimal(10 + number),
        closed,
    )


def mark(symbol: str, price: float, rate: str, next_ms: int) -> MarkTick:
    value = Decimal(str(price))
    return MarkTick(symbol, value, value, Decimal(rate), next_ms, START_MS)


def opened(rows: tuple[Bars, ...]) -> list[int]:
    return [int((row.ts[0] - START_MS) // MINUTE_MS) for row in rows]


def test_a_row_is_told_as_soon_as_every_symbol_has_closed() -> None:
    closing = Closing(NAMES, "1m")
    for symbol in NAMES[:2]:
        closing.heard(candle(symbol, 0))
    assert closing.due(START_MS + MINUTE_MS) == ()
    closing.heard(candle("CUSDT", 0, closed=False))
    assert closing.due(START_MS + MINUTE_MS) == ()
    closing.heard(candle("CUSDT", 0, 101.0))
    (row,) = closing.due(START_MS + MINUTE_MS)
    np.testing.assert_array_equal(row.close, [[100.0, 100.0, 101.0]])
    assert closing.due(START_MS + MINUTE_MS) == ()


def test_a_symbol_that_is_missing_holds_nobody_up_for_longer_than_the_patience() -> None:
    closing = Closing(NAMES, "1m")
    closing.heard(candle("AUSDT", 0))
    assert closing.next_ms == START_MS + MINUTE_MS + PATIENCE_MS
    assert closing.due(START_MS + MINUTE_MS + PATIENCE_MS - 1) == ()
    (row,) = closing.due(START_MS + MINUTE_MS + PATIENCE_MS)
    np.testing.assert_array_equal(row.close, [[100.0, np.nan, np.nan]])
    assert closing.counts["missing"] == 2
    closing.heard(candle("BUSDT", 0))
    assert (closing.due(START_MS + 2 * MINUTE_MS), closing.counts["late"]) == ((), 1)
    assert closing.next_ms is None


HEARD = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 6), st.integers(0, 40)), max_size=40)


@given(HEARD)
@settings(max_examples=150)
def test_rows_come_in_order_each_at_most_once_whatever_is_heard(story: list[tuple[str, int, int]]) -> None:
    closing, told, at_ms = Closing(NAMES, "1m"), list[int](), START_MS
    for symbol, number, later in story:
        at_ms += later * 1_000
        closing.heard(candle(symbol, number, 100.0 + number / 10))
        told += opened(closing.due(at_ms))
    told += opened(closing.due(START_MS + 100 * MINUTE_MS))
    assert told == sorted(set(told))
    assert {number for _, number, _ in story} >= set(told)
    assert closing.next_ms is None


def test_a_bar_that_its_gate_turns_away_is_missing_and_holds_nobody_up() -> None:
    closing = Closing(("AUSDT",), "1m")
    for number in range(80):
        closing.heard(candle("AUSDT", number, 100.0 + number % 3 / 10))
    assert len(closing.due(START_MS + 200 * MINUTE_MS)) == ROWS_MAX
    closing.heard(candle("AUSDT", 80, 1_000.0))
    (row,) = closing.due(START_MS + 81 * MINUTE_MS)
    assert np.isnan(row.close).all()
    assert closing.counts["outlier"] == 1
    assert closing.counts["rows beyond the bound"] == 80 - ROWS_MAX


def test_marks_and_settled_funding_stand_in_the_row_of_their_bar() -> None:
    closing, settles_ms = Closing(("AUSDT",), "1m"), START_MS + MINUTE_MS
    closing.marked(mark("AUSDT", 100.5, "0.0001", settles_ms))
    closing.heard(candle("AUSDT", 0))
    (before,) = closing.due(START_MS + MINUTE_MS)
    assert before.mark is not None
    assert before.funding is not None
    np.testing.assert_array_equal((before.mark, before.funding), ([[100.5]], [[np.nan]]))
    closing.marked(mark("AUSDT", 100.6, "0.0002", settles_ms + 8 * 60 * MINUTE_MS))
    closing.heard(candle("AUSDT", 1))
    (after,) = closing.due(START_MS + 2 * MINUTE_MS)
    np.testing.assert_array_equal((after.mark, after.funding), ([[100.6]], [[0.0001]]))


def test_candles_of_others_are_nobody_s_bars() -> None:
    closing = Closing(("AUSDT",), "1m")
    closing.heard(candle("ZUSDT", 0))
    closing.heard(candle("AUSDT", 0, interval="5m"))
    assert (closing.due(START_MS + 9 * MINUTE_MS), closing.next_ms) == ((), None)


@pytest.mark.parametrize(("symbols", "interval"), [((), "1m"), (("A", "A"), "1m"), (("A",), "7m")])
def test_what_makes_no_sense_is_refused(symbols: tuple[str, ...], interval: str) -> None:
    with pytest.raises(Invalid):
        Closing(symbols, interval)
