"""SPEC laws 3 and 10: live bars are what a stored series would hold, told once and in order; nobody waits for ever."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from qt_ray.market.closing import GRACE_MS, PATIENCE_MS, Closing, Hole
from qt_ray.market.recent import joined
from qt_ray.market.ticks import Candle
from tests.unit.market.candles import MINUTE_MS, NAMES, START_MS, candle, closed, mark, opened

pytestmark = pytest.mark.unit

ROWS = 12


def closing_of(symbols: Sequence[str] = NAMES, rows_max: int = 1_500) -> Closing:
    return Closing(symbols, "1m", START_MS, rows_max=rows_max)


def numbers(rows: Sequence[Bars]) -> list[int]:
    return [int((row.ts[0] - START_MS) // MINUTE_MS) for row in rows]


def undisturbed(count: int) -> Bars:
    closing, told = closing_of(), list[Bars]()
    for number in range(count):
        for symbol in NAMES:
            closing.heard(candle(symbol, number), closed(number))
        told += closing.due(closed(number))
    return joined(told)


def test_a_row_is_told_as_soon_as_every_symbol_has_closed() -> None:
    closing = closing_of()
    for symbol in NAMES[:2]:
        closing.heard(candle(symbol, 0), closed(0))
    closing.heard(candle("CUSDT", 0, over=False), closed(0))
    assert closing.due(closed(0)) == ()
    closing.heard(candle("CUSDT", 0, 101.0), closed(0))
    (row,) = closing.due(closed(0))
    np.testing.assert_array_equal(row.close, [[100.0, 100.0, 101.0]])
    assert closing.due(closed(0)) == ()


def test_a_symbol_that_nobody_can_get_holds_the_others_up_no_longer_than_the_patience() -> None:
    closing = closing_of()
    closing.heard(candle("AUSDT", 0), closed(0) + 5)
    assert closing.due(closed(0) + 5 + PATIENCE_MS - 1) == ()
    (row,) = closing.due(closed(0) + 5 + PATIENCE_MS)
    np.testing.assert_array_equal(row.close, [[100.0, np.nan, np.nan]])
    assert closing.counts["missing"] == 2
    closing.heard(candle("BUSDT", 0), closed(0) + 5 + PATIENCE_MS)
    assert (closing.due(closed(1)), closing.counts["late"]) == ((), 1)


def test_while_nobody_is_heard_nothing_is_given_up_and_what_is_missing_names_itself() -> None:
    closing = closing_of()
    assert closing.holes(closed(0) + GRACE_MS - 1) == ()
    assert closing.due(closed(9)) == ()
    assert closing.holes(closed(9) + GRACE_MS) == tuple(Hole(symbol, START_MS, opened(9)) for symbol in NAMES)


def test_what_the_venue_does_not_hold_either_is_missing_and_waited_for_no_more() -> None:
    closing, at_ms = closing_of(), closed(5) + PATIENCE_MS
    for hole in closing.holes(at_ms):
        closing.filled(
            hole, [candle(hole.symbol, n) for n in range(6) if n not in (2, 4 + (hole.symbol == "A"))], at_ms
        )
    told = closing.due(at_ms)
    assert numbers(told) == [0, 1, 2, 3, 4, 5]
    assert np.isnan(told[2].close).all()
    assert closing.holes(at_ms) == ()


def test_an_answer_about_the_last_moments_is_not_the_last_word() -> None:
    closing, at_ms = closing_of(("AUSDT",)), closed(0) + GRACE_MS
    (hole,) = closing.holes(at_ms)
    closing.filled(hole, [], at_ms)
    assert closing.due(at_ms) == ()
    assert closing.holes(at_ms) == (hole,)
    closing.filled(hole, [candle("AUSDT", 0)], at_ms)
    assert numbers(closing.due(at_ms)) == [0]


@st.composite
def disturbances(draw: st.DrawFn) -> list[tuple[Candle, bool]]:
    """Draw every candle of a while, in any order, some twice, some never."""
    all_ = [candle(symbol, number) for number in range(ROWS) for symbol in NAMES]
    shuffled = draw(st.permutations(all_))
    times = draw(st.lists(st.integers(0, 2), min_size=len(all_), max_size=len(all_)))
    repairs = draw(st.lists(st.booleans(), min_size=2 * len(all_), max_size=2 * len(all_)))
    heard = [one for one, count in zip(shuffled, times, strict=True) for _ in range(count)]
    return list(zip(heard, repairs, strict=False))


@given(disturbances())
@settings(max_examples=60, deadline=None)
def test_disorder_doubles_gaps_and_repairs_leave_the_rows_of_an_undisturbed_feed(
    story: list[tuple[Candle, bool]],
) -> None:
    closing, told = closing_of(), list[Bars]()
    at_ms = closed(ROWS - 1) + PATIENCE_MS - 1
    for heard, is_repaired in story:
        closing.heard(heard, at_ms)
        if is_repaired:
            repair(closing, at_ms)
        told += closing.due(at_ms)
    repair(closing, at_ms)
    told += closing.due(at_ms)
    assert joined(told).digest() == undisturbed(ROWS).digest()


def repair(closing: Closing, at_ms: int) -> None:
    for hole in closing.holes(at_ms):
        span = range((hole.first_ms - START_MS) // MINUTE_MS, (hole.last_ms - START_MS) // MINUTE_MS + 1)
        closing.filled(hole, [candle(hole.symbol, number) for number in span], at_ms)


HEARD = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 6), st.integers(0, 40)), max_size=40)


@given(HEARD)
@settings(max_examples=150, deadline=None)
def test_rows_come_in_order_each_once_and_none_is_left_out(story: list[tuple[str, int, int]]) -> None:
    closing, told, at_ms = closing_of(), list[int](), closed(6)
    for symbol, number, later in story:
        at_ms += later * 1_000
        closing.heard(candle(symbol, number), at_ms)
        told += numbers(closing.due(at_ms))
    told += numbers(closing.due(opened(100)))
    assert told == list(range(len(told)))
    assert len(told) == max((number for _, number, _ in story), default=-1) + 1


def test_the_past_is_never_longer_than_the_bound() -> None:
    closing = closing_of(("AUSDT",), rows_max=10)
    closing.heard(candle("AUSDT", 1), closed(30))
    closing.heard(candle("AUSDT", 30), closed(30))
    assert closing.counts["rows beyond the bound"] == 21
    assert numbers(closing.due(closed(30) + PATIENCE_MS)) == list(range(21, 31))


def test_a_bar_that_its_gate_turns_away_is_missing_and_holds_nobody_up() -> None:
    closing = closing_of(("AUSDT",))
    for number in range(80):
        closing.heard(candle("AUSDT", number), closed(80))
    assert len(closing.due(closed(80))) == 80
    closing.heard(candle("AUSDT", 80, 1_000.0), closed(80))
    (row,) = closing.due(closed(80))
    assert np.isnan(row.close).all()
    assert closing.counts["outlier"] == 1


def test_what_cannot_be_a_closed_candle_is_counted_and_heard_no_further() -> None:
    closing = closing_of(("AUSDT",))
    closing.heard(candle("AUSDT", 3), closed(0))
    closing.heard(replace(candle("AUSDT", 0), open_ms=START_MS + 1), closed(0))
    closing.heard(candle("ZUSDT", 0), closed(0))
    closing.heard(candle("AUSDT", 0, interval="5m"), closed(0))
    assert closing.due(closed(9)) == ()
    assert closing.counts == {"not over yet": 1, "off_grid": 1}


def test_a_candle_told_twice_counts_once_and_of_two_that_disagree_the_first() -> None:
    closing = closing_of(("AUSDT", "BUSDT"))
    for close in (100.0, 100.0, 100.5):
        closing.heard(candle("AUSDT", 0, close), closed(0))
    closing.heard(candle("BUSDT", 0), closed(0))
    (row,) = closing.due(closed(0))
    assert row.close[0, 0] == 100.0
    assert (closing.counts["duplicate"], closing.counts["conflicting_duplicate"]) == (1, 1)


def test_marks_and_settled_funding_stand_in_the_row_of_their_own_time_however_late_it_is_told() -> None:
    closing, settles_ms = closing_of(("AUSDT",)), opened(1)
    for price, rate, next_ms, time_ms in (
        (100.5, "0.0001", settles_ms, opened(0) + 1),
        (100.6, "0.0002", settles_ms, closed(0) - 1),
        (100.7, "0.0003", settles_ms + 480 * MINUTE_MS, opened(1) + 1),
        (100.8, "0.0003", settles_ms + 480 * MINUTE_MS, opened(2) + 1),
    ):
        closing.marked(mark("AUSDT", price, rate, next_ms, time_ms))
    closing.marked(mark("ZUSDT", 5, "0", settles_ms))
    for number in range(2):
        closing.heard(candle("AUSDT", number), closed(2))
    both = joined(closing.due(closed(2)))
    assert both.mark is not None
    assert both.funding is not None
    np.testing.assert_array_equal(both.mark, [[100.6], [100.7]])
    np.testing.assert_array_equal(both.funding, [[np.nan], [0.0002]])


def test_a_mark_that_comes_late_does_not_replace_a_later_one() -> None:
    closing = closing_of(("AUSDT",))
    for price, time_ms in ((100.6, opened(0) + 9), (100.5, opened(0) + 1)):
        closing.marked(mark("AUSDT", price, "0", opened(9), time_ms))
    closing.heard(candle("AUSDT", 0), closed(0))
    (row,) = closing.due(closed(0))
    assert row.mark is not None
    assert row.mark[0, 0] == 100.6


@pytest.mark.parametrize(("symbols", "interval"), [((), "1m"), (("A", "A"), "1m"), (("A",), "7m")])
def test_what_makes_no_sense_is_refused(symbols: tuple[str, ...], interval: str) -> None:
    with pytest.raises(Invalid):
        Closing(symbols, interval, 0)


def test_prices_are_exact_until_they_become_a_bar() -> None:
    closing = closing_of(("AUSDT",))
    closing.heard(replace(candle("AUSDT", 0), volume=Decimal("0.1")), closed(0))
    (row,) = closing.due(closed(0))
    assert row.volume[0, 0] == 0.1
