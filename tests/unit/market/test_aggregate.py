import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.market.aggregate import BarBuilder, bars_from_trades, coarsen, settle
from qt_ray.market.bars import Bars
from qt_ray.market.columns import Bar

pytestmark = pytest.mark.unit

MINUTE, HOUR = 60_000, 3_600_000
START = 1_700_000_000_000 // (24 * HOUR) * 24 * HOUR
CELLS = ("open", "high", "low", "close", "volume", "funding", "mark")


def bars(count: int, offset: int = 0, holes: frozenset[int] = frozenset(), seed: int = 3) -> Bars:
    chance = np.random.default_rng(seed)
    close = np.round(100 + np.cumsum(chance.normal(0, 0.1, (count, 2)), axis=0), 2)
    cells = {
        "open": close - 0.01,
        "high": close + 0.05,
        "low": close - 0.05,
        "close": close,
        "volume": np.round(chance.lognormal(1, 1, (count, 2)), 3),
        "mark": close + 0.02,
    }
    for row in holes:
        for column in cells.values():
            column[row % count, 0] = np.nan
    funding = np.full((count, 2), np.nan)
    funding[::7] = 1e-4
    ts = START + (offset + np.arange(count)) * MINUTE
    return Bars(("A", "B"), MINUTE, ts, **cells, funding=funding)


def one(source: Bars, row: int, symbol: int) -> Bar:
    cells = {name: getattr(source, name) for name in CELLS}
    return Bar(int(source.ts[row]), **{n: float(c[row, symbol]) for n, c in cells.items() if c is not None})


def rows(source: Bars, symbol: int) -> list[tuple[float, ...]]:
    return [astuple(one(source, row, symbol)) for row in range(len(source))]


def astuple(bar: Bar) -> tuple[float, ...]:
    return (float(bar.ts), *(float(getattr(bar, name)) for name in CELLS))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 120), st.integers(0, 20), st.frozensets(st.integers(0, 119), max_size=5))
def test_stream_and_block_build_the_same_bars(count: int, offset: int, holes: frozenset[int]) -> None:
    fine = bars(count, offset, holes)
    coarse = coarsen(fine, 15 * MINUTE)
    for symbol in range(2):
        builder = BarBuilder(15 * MINUTE, MINUTE)
        built = [builder.bar(one(fine, row, symbol)) for row in range(count)]
        told = [astuple(bar) for bar in (*built, builder.close()) if bar is not None]
        np.testing.assert_array_equal(told, rows(coarse, symbol))


@settings(max_examples=50, deadline=None)
@given(st.integers(60, 240), st.frozensets(st.integers(0, 239), max_size=4))
def test_coarsening_in_two_steps_or_one_is_the_same(count: int, holes: frozenset[int]) -> None:
    fine = bars(count, 0, holes)
    once, twice = coarsen(fine, 60 * MINUTE), coarsen(coarsen(fine, 15 * MINUTE), 60 * MINUTE)
    np.testing.assert_array_equal(once.ts, twice.ts)
    for name in ("open", "high", "low", "close", "mark"):
        np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))
    np.testing.assert_allclose(once.volume, twice.volume, rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(16, 120), st.integers(0, 14), st.integers(0, 119))
def test_a_group_with_a_missing_part_is_missing_and_never_guessed(count: int, offset: int, hole: int) -> None:
    coarse = coarsen(bars(count, offset, frozenset({hole})), 15 * MINUTE)
    opens = START + (offset + np.arange(count)) * MINUTE // (15 * MINUTE) * (15 * MINUTE)
    opens = (START + (offset + np.arange(count)) * MINUTE) // (15 * MINUTE) * (15 * MINUTE)
    for row, ts in enumerate(coarse.ts):
        parts = int((opens == ts).sum())
        assert np.isfinite(coarse.close[row, 1]) == (parts == 15)
        whole = parts == 15 and opens[hole % count] != ts
        assert np.isfinite(coarse.close[row, 0]) == whole
        assert np.isnan(coarse.volume[row, 0]) == (not whole)


def test_a_coarse_bar_is_first_highest_lowest_last_and_the_sum() -> None:
    fine = bars(30)
    coarse = coarsen(fine, 15 * MINUTE)
    assert coarse.ts.tolist() == [START, START + 15 * MINUTE]
    np.testing.assert_array_equal(coarse.open[1], fine.open[15])
    np.testing.assert_array_equal(coarse.high[1], fine.high[15:].max(0))
    np.testing.assert_array_equal(coarse.low[1], fine.low[15:].min(0))
    np.testing.assert_array_equal(coarse.close[1], fine.close[29])
    np.testing.assert_allclose(coarse.volume[1], fine.volume[15:].sum(0))
    assert coarse.mark is not None
    assert fine.mark is not None
    np.testing.assert_array_equal(coarse.mark[1], fine.mark[29])


def test_all_funding_of_a_group_is_kept_even_when_its_price_is_missing() -> None:
    coarse = coarsen(bars(15, 0, frozenset({3})), 15 * MINUTE)
    assert np.isnan(coarse.close[0, 0])
    assert coarse.funding is not None
    np.testing.assert_allclose(coarse.funding[0], 3e-4)


trades = st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 500)), min_size=1, max_size=60)


@settings(max_examples=50, deadline=None)
@given(trades)
def test_trades_make_the_same_bars_one_by_one_and_at_once(told: list[tuple[int, int]]) -> None:
    steps, prices = np.array(told).T
    ts = START + np.cumsum(steps * 100)
    price, quantity = prices / 10.0, np.ones(len(prices)) * 0.5
    block = bars_from_trades("A", ts, price, quantity, MINUTE)
    builder = BarBuilder(MINUTE)
    streamed = [builder.trade(int(t), float(p), 0.5) for t, p in zip(ts, price, strict=True)]
    closed = {bar.ts: bar for bar in (*streamed, builder.close()) if bar is not None}
    for row in range(len(block)):
        bar = closed.get(int(block.ts[row]))
        if bar is None:
            assert math.isnan(block.close[row, 0])
            continue
        assert bar.open == block.open[row, 0]
        assert bar.volume == block.volume[row, 0]
    assert np.nansum(block.volume) == pytest.approx(quantity.sum())


def test_a_late_trade_is_counted_and_changes_nothing() -> None:
    builder = BarBuilder(MINUTE)
    assert builder.close() is None
    builder.trade(START + 5, 10.0, 1.0)
    builder.trade(START + 4, 99.0, 1.0)
    assert builder.late == 1
    bar = builder.close()
    assert bar is not None
    assert (bar.high, bar.volume) == (10.0, 1.0)


@pytest.mark.parametrize("jitter", [-400, 0, 9, 900])
def test_a_settlement_goes_to_the_bar_it_opens_whatever_its_milliseconds(jitter: int) -> None:
    opens = START + np.arange(24) * HOUR
    funding = settle(opens, HOUR, np.array([START + 8 * HOUR + jitter]), np.array([2e-4]))
    assert np.flatnonzero(np.isfinite(funding)).tolist() == [8]


def test_settlements_within_one_long_bar_are_summed_and_those_outside_left_out() -> None:
    day = np.array([START])
    ts = START + np.array([-8, 0, 8, 16, 24]) * HOUR
    funding = settle(day, 24 * HOUR, ts, np.array([9.0, 1e-4, 2e-4, 3e-4, 9.0]))
    assert funding[0] == pytest.approx(6e-4)
    assert len(settle(np.zeros(0, np.int64), HOUR, ts, np.ones(5))) == 0


def test_parts_must_divide_the_interval_and_trades_must_ascend() -> None:
    with pytest.raises(Invalid, match="whole number of parts"):
        coarsen(bars(10), 90_000)
    with pytest.raises(Invalid, match="row 3 does not"):
        bars_from_trades("A", START + np.array([1, 2, 0]), np.ones(3), np.ones(3), MINUTE)
    with pytest.raises(Invalid, match="at least one trade"):
        bars_from_trades("A", np.zeros(0, np.int64), np.zeros(0), np.zeros(0), MINUTE)
    with pytest.raises(Invalid, match="interval_ms is positive"):
        BarBuilder(0)
