from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.history import CHANNELS, LOOKBACK_MAX, History
from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from tests.unit.market.feature_bars import MINUTE_MS, MONDAY_MS, rows_of, symbol_of, walk, with_gaps, without_cells

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32 - 1)
LOOKBACK = 16
NOTHING = np.full((LOOKBACK, len(CHANNELS)), np.nan, np.float32)


def windows(history: History, bars: Bars) -> NDArray[np.float32]:
    """Return the window of every row `[t * symbols + s, bar, channel]`, NaN where there is none."""
    tape, ends = history.feed(bars)
    cut = [tape[end - LOOKBACK + 1 : end + 1] if end >= 0 else NOTHING for end in ends]
    return np.stack(cut) if cut else NOTHING[None][:0]


def whole(bars: Bars) -> NDArray[np.float32]:
    return windows(History(bars.symbols, LOOKBACK), bars)


def same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return np.array_equal(one.view(np.int32), other.view(np.int32))


def channels(bars: Bars) -> NDArray[np.float64]:
    """Return the channels of one symbol's usable bars but the first, by definition."""
    here = ~np.isnan(bars.close[:, 0])
    high, low, close, volume = (getattr(bars, name)[here, 0] for name in ("high", "low", "close", "volume"))
    rows, level = [], 0.0
    for k in range(len(close)):
        level = log(volume[k]) if volume[k] > 0 else level
        place = (2 * close[k] - high[k] - low[k]) / (high[k] - low[k]) if high[k] > low[k] else 0.0
        rows.append((log(close[k] / close[k - 1]), log(high[k] / low[k]), place, level))
    return np.array(rows[1:])


@settings(max_examples=25, deadline=None)
@given(seeds, st.lists(st.integers(0, 120), max_size=6), st.sampled_from([0.0, 0.03, 0.4]))
def test_where_a_stream_is_cut_changes_no_window(seed: int, cuts: list[int], share: float) -> None:
    bars = with_gaps(seed, 120, 3, share)
    history, edges = History(bars.symbols, LOOKBACK), [0, *sorted(cuts), len(bars)]
    parts = [windows(history, bars.window(a, b)) for a, b in pairwise(edges)]
    assert same(np.concatenate(parts), whole(bars))


def test_one_bar_at_a_time_gives_the_windows_of_the_block() -> None:
    bars = with_gaps(1, 200, 3, 0.02)
    history = History(bars.symbols, LOOKBACK)
    assert same(np.concatenate([windows(history, bar) for bar in bars.blocks(1)]), whole(bars))


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([0.0, 0.02]))
def test_a_window_is_the_last_usable_bars_by_their_definition(seed: int, share: float) -> None:
    bars = with_gaps(seed, 150, 1, share)
    volume = np.where(np.random.default_rng(seed).random(bars.volume.shape) < 0.1, 0.0, bars.volume)
    bars = replace(bars, volume=np.where(np.isnan(bars.close), np.nan, volume))
    tape, ends = History(bars.symbols, LOOKBACK).feed(bars)
    np.testing.assert_allclose(tape, channels(bars), rtol=1e-6, atol=1e-7)
    assert tape.dtype == np.float32
    usable = np.cumsum(~np.isnan(bars.close[:, 0])) - 2
    assert all(end in (-1, place) for end, place in zip(ends, usable, strict=True))
    assert (ends >= 0).any()


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(1, 149))
def test_what_comes_later_changes_no_window_before_it(seed: int, cut: int) -> None:
    bars, other = walk(seed, 150, 2), walk(seed + 1, 150, 2)
    names = ("open", "high", "low", "close", "volume")
    later = {name: np.concatenate((getattr(bars, name)[:cut], 3 * getattr(other, name)[cut:])) for name in names}
    assert same(whole(bars)[: 2 * cut], whole(replace(bars, **later))[: 2 * cut])


def test_a_symbol_hears_nothing_of_the_others() -> None:
    bars = with_gaps(2, 150, 3, 0.02)
    made = whole(bars)
    for number in range(3):
        assert same(np.ascontiguousarray(made[number::3]), whole(symbol_of(bars, number)))


def test_the_first_bar_has_no_return_and_is_in_no_window() -> None:
    _, ends = History(("S0",), LOOKBACK).feed(walk(3, 40))
    assert (ends[:LOOKBACK] == -1).all()
    assert ends[LOOKBACK:].tolist() == list(range(LOOKBACK - 1, 39))


@pytest.mark.parametrize(("lost", "silent"), [(1, 0), (2, LOOKBACK - 1), (30, LOOKBACK - 1)])
def test_a_window_survives_a_hole_of_a_sixteenth_and_is_silent_while_a_larger_one_is_in_it(
    lost: int, silent: int
) -> None:
    bars = walk(4, 120)
    gone = np.zeros((120, 1), dtype=bool)
    gone[60 : 60 + lost] = True
    for holed in (without_cells(bars, gone), rows_of(bars, ~gone[:, 0])):
        _, ends = History(("S0",), LOOKBACK).feed(holed)
        after = ends[-(60 - lost) :]
        assert (after == -1).sum() == silent
        assert (after[:silent] == -1).all()


@pytest.mark.parametrize(
    ("name", "value"), [("open", 0.0), ("high", np.inf), ("low", -1.0), ("close", np.nan), ("volume", -1.0)]
)
def test_a_bar_with_an_unusable_field_is_missing(name: str, value: float) -> None:
    bars = walk(5, 80)
    broken = np.array(getattr(bars, name))
    broken[40] = value
    gone = np.zeros((80, 1), dtype=bool)
    gone[40] = True
    assert same(whole(replace(bars, **{name: broken})), whole(without_cells(bars, gone)))


def test_volume_before_any_trade_is_nought_and_a_flat_bar_closes_in_its_middle() -> None:
    price = np.full((4, 1), 7.0)
    volume = np.array([[0.0], [0.0], [20.0], [0.0]])
    bars = Bars(
        ("S0",), MINUTE_MS, MONDAY_MS + MINUTE_MS * np.arange(4, dtype=np.int64), price, price, price, price, volume
    )
    tape, _ = History(("S0",), 1).feed(bars)
    assert tape[:, :3].tolist() == [[0.0, 0.0, 0.0]] * 3
    assert tape[:, 3] == pytest.approx([0.0, log(20.0), log(20.0)])


def test_a_block_of_nothing_gives_the_tail_and_asks_nothing() -> None:
    bars = walk(6, 40)
    history = History(bars.symbols, LOOKBACK)
    history.feed(bars)
    tape, ends = history.feed(bars.window(0, 0))
    assert (tape.shape, len(ends)) == ((LOOKBACK, len(CHANNELS)), 0)


def test_a_history_is_of_its_symbols_and_not_endless() -> None:
    with pytest.raises(Invalid, match=r"^history: a block has the 2 symbols it began with"):
        History(("A", "B"), 4).feed(walk(1, 3))
    for lookback in (0, LOOKBACK_MAX + 1):
        with pytest.raises(Invalid, match=f"lookback is from 1 to {LOOKBACK_MAX}, was {lookback}"):
            History(("A",), lookback)
