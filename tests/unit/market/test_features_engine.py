from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.market.bars import Bars
from qt_ray.market.features.catalogue import Part, Source, Unit
from qt_ray.market.features.engine import BLOCK_ROWS, FeatureEngine
from tests.unit.market.feature_bars import (
    COLUMNS,
    FULL,
    MINUTE_MS,
    MONDAY_MS,
    engine_for,
    features,
    flat,
    rows_of,
    same,
    scaled,
    symbol_of,
    walk,
    with_gaps,
    without_cells,
)

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32 - 1)


def streamed(engine: FeatureEngine, bars: Bars) -> np.ndarray:
    lines = zip(*(getattr(bars, name) for name in COLUMNS), strict=True)
    return np.stack([engine.push(int(ts), *line) for ts, line in zip(bars.ts, lines, strict=True)])


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([0.0, 0.02, 0.5]))
def test_a_stream_and_a_block_give_the_same_bits(seed: int, share: float) -> None:
    bars = with_gaps(seed, 200, 3, share)
    assert same(streamed(engine_for(bars), bars), features(bars))


@settings(max_examples=15, deadline=None)
@given(seeds, st.lists(st.integers(0, 1_400), max_size=6))
def test_where_a_stream_is_cut_cannot_matter(seed: int, cuts: list[int]) -> None:
    bars = with_gaps(seed, 1_400, 2, 0.01)
    engine, edges = engine_for(bars), [0, *sorted(cuts), len(bars)]
    parts = [engine.block(bars.window(a, b)) for a, b in pairwise(edges)]
    assert same(np.concatenate(parts), features(bars))


def test_a_block_longer_than_the_kernels_share_is_one_stream() -> None:
    bars = walk(1, BLOCK_ROWS + 100)
    engine = engine_for(bars)
    halves = (engine.block(bars.window(0, 5_000)), engine.block(bars.window(5_000, len(bars))))
    assert same(np.concatenate(halves), features(bars))


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(1, 1_399))
def test_what_comes_later_changes_nothing_before_it(seed: int, cut: int) -> None:
    bars = walk(seed, 1_400)
    other = walk(seed + 1, 1_400)
    later = {name: np.concatenate((getattr(bars, name)[:cut], 3.0 * getattr(other, name)[cut:])) for name in COLUMNS}
    assert same(features(bars)[:cut], features(replace(bars, **later))[:cut])


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(-30, 30), st.integers(-30, 30))
def test_scale_free_features_do_not_know_the_unit_of_price_or_volume(seed: int, price: int, volume: int) -> None:
    bars = walk(seed, 1_300)
    schema = FULL.scale_free()
    assert same(features(bars, schema), features(scaled(bars, 2.0**price, 2.0**volume), schema))


def test_any_other_unit_costs_no_more_than_rounding() -> None:
    bars = walk(5, 1_400)
    schema = FULL.scale_free()
    one, other = features(bars, schema), features(scaled(bars, 0.00137, 7.3), schema)
    np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


def test_price_features_scale_as_price_does() -> None:
    bars = walk(6, 100)
    schema = FULL.subset(feature.name for feature in FULL.features if feature.unit is Unit.PRICE)
    assert same(features(bars, schema) * 8.0, features(scaled(bars, 8.0), schema))


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([0.01, 0.3]))
def test_a_missing_bar_is_counted_and_otherwise_as_if_it_never_was(seed: int, share: float) -> None:
    bars = with_gaps(seed, 1_400, 1, share)
    here = ~np.isnan(bars.close[:, 0])
    engine = engine_for(bars)
    out = engine.block(bars)
    assert np.isnan(out[~here]).all()
    assert engine.missing[0] == (~here).sum()
    assert engine.seen[0] == here.sum()
    assert same(np.ascontiguousarray(out[here]), features(rows_of(bars, here)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("open", np.nan),
        ("open", 0.0),
        ("open", np.inf),
        ("high", np.nan),
        ("high", np.inf),
        ("low", -1.0),
        ("low", 0.0),
        ("close", np.nan),
        ("close", 0.0),
        ("volume", np.nan),
        ("volume", -1.0),
        ("volume", np.inf),
    ],
)
def test_a_bar_with_one_unusable_field_is_a_missing_bar(name: str, value: float) -> None:
    bars = walk(7, 120)
    broken = np.array(getattr(bars, name))
    broken[80] = value
    gone = np.zeros((120, 1), dtype=bool)
    gone[80] = True
    assert same(features(replace(bars, **{name: broken})), features(without_cells(bars, gone)))


def test_a_settlement_is_heard_though_its_bar_is_missing() -> None:
    bars = walk(8, 3)
    gone = np.array([[True], [False], [False]])
    silent = replace(without_cells(bars, gone), funding=bars.funding)
    rates = features(silent, FULL.subset(["funding_rate"]))[:, 0, 0]
    assert np.isnan(rates[0])
    assert bars.funding is not None
    assert (rates[1:] == bars.funding[0, 0]).all()


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_symbol_hears_nothing_of_the_others(seed: int) -> None:
    bars = with_gaps(seed, 300, 3, 0.02)
    out = features(bars)
    for number in range(3):
        alone = features(symbol_of(bars, number))[:, 0]
        assert same(np.ascontiguousarray(out[:, number]), np.ascontiguousarray(alone))


@settings(max_examples=15, deadline=None)
@given(seeds, st.lists(st.sampled_from(FULL.names), min_size=1, max_size=10, unique=True))
def test_a_subset_is_those_columns_of_the_whole(seed: int, names: list[str]) -> None:
    bars = with_gaps(seed, 200, 2, 0.02)
    whole = features(bars)[:, :, [FULL.index(name) for name in names]]
    assert same(features(bars, FULL.subset(names)), np.ascontiguousarray(whole))


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from([1e-6, 1e6]))
def test_a_window_forgets_a_bar_to_the_last_bit(seed: int, jump: float) -> None:
    bars = walk(seed, 200)
    windowed = FULL.subset(f.name for f in FULL.features if f.part in (Part.SUMS, Part.PEAKS, Part.BANDS, Part.BAR))
    wild = {name: np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")}
    for column in wild.values():
        column[70] *= jump
    calm, shaken = features(bars, windowed), features(replace(bars, **wild), windowed)
    assert not same(calm[:131], shaken[:131])
    assert same(calm[133:], shaken[133:])


def test_an_overflow_leaves_with_its_window() -> None:
    bars = walk(9, 200)
    volume = bars.volume.copy()
    volume[70] = 1e300
    schema = FULL.subset(f.name for f in FULL.features if f.part is Part.SUMS)
    assert same(features(bars, schema)[133:], features(replace(bars, volume=volume), schema)[133:])


@pytest.mark.parametrize("late", [0, 1, 2, 4, 14, 31, 59])
def test_a_feature_speaks_after_its_warmup_whatever_minute_the_stream_began(late: int) -> None:
    bars = walk(10, FULL.warmup + 60, start=MONDAY_MS + late * MINUTE_MS)
    assert bars.funding is not None
    bars.funding[0] = 1e-4
    out = features(bars)[:, 0]
    for feature in FULL.features:
        column = out[:, FULL.index(feature.name)]
        assert np.isnan(column[: feature.warmup - 1]).all(), feature.name
        assert np.isfinite(column[feature.warmup - 1 :]).all(), feature.name


@pytest.mark.parametrize("price", [1e-9, 100.0, 1e9])
@pytest.mark.parametrize("volume", [0.0, 1e-9, 1e12])
def test_a_dead_market_has_neutral_features_and_no_holes(price: float, volume: float) -> None:
    out = features(flat(FULL.warmup + 10, price, volume))[FULL.warmup :, 0]
    assert np.isfinite(out).all()
    neutral = {"rsi_14": 50.0, "bb_position": 0.5, "range_position_60": 0.5, "volatility_20_60_ratio": 1.0}
    neutral |= dict.fromkeys(
        ("volume_ma_ratio", "volume_ratio_60x", "volume_10_60_ratio", "illiquidity_20_60_ratio"), 1.0
    )
    zero = ("skew_60", "kurtosis_60", "adx_14", "volatility_60", "volume_zscore_60", "basis_zscore")
    for name, value in (neutral | dict.fromkeys(zero, 0.0)).items():
        np.testing.assert_allclose(out[:, FULL.index(name)], value, atol=1e-12, err_msg=name)


def test_without_funding_or_marks_their_columns_are_nan_and_the_rest_is_whole() -> None:
    bars = replace(walk(11, FULL.warmup + 10), funding=None, mark=None)
    out = features(bars)[-1, 0]
    bare = FULL.without(Source.FUNDING, Source.MARK)
    assert np.isfinite(out[[FULL.index(name) for name in bare.names]]).all()
    assert np.isnan(out).sum() == len(FULL) - len(bare)
    assert np.isfinite(features(bars, bare)[-1]).all()
