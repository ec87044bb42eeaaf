from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.market.features.engine import FeatureEngine
from tests.unit.market.feature_bars import (
    COLUMNS,
    FULL,
    MINUTE_MS,
    MONDAY_MS,
    engine_for,
    features,
    same,
    symbol_of,
    walk,
    with_gaps,
)

pytestmark = pytest.mark.unit

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(0, 399))
def test_a_restored_engine_goes_on_to_the_same_bits(seed: int, cut: int) -> None:
    bars = with_gaps(seed, 400, 2, 0.02)
    first, second = engine_for(bars), engine_for(bars)
    first.block(bars.window(0, cut))
    second.restore(first.state_bytes())
    rest = bars.window(cut, len(bars))
    assert second.last_ts == first.last_ts
    assert same(first.block(rest), second.block(rest))
    assert first.state_bytes() == second.state_bytes()


def test_a_state_is_refused_unless_whole_and_of_the_same_engine() -> None:
    bars = walk(12, 50, 2)
    engine = engine_for(bars)
    engine.block(bars)
    saved = engine.state_bytes()
    others = (
        engine_for(bars, FULL.scale_free()),
        FeatureEngine(FULL, ("S1", "S0"), MINUTE_MS),
        FeatureEngine(FULL, bars.symbols, 2 * MINUTE_MS),
    )
    for other in others:
        with pytest.raises(Invalid, match="same schema, symbols and interval"):
            other.restore(saved)
    for torn in (b"", saved[:-1], saved[:-1] + b"x", saved + b"x"):
        with pytest.raises(Invalid, match="whole"):
            engine_for(bars).restore(torn)


def test_columns_may_be_of_any_layout() -> None:
    bars = walk(13, 100, 2)
    fortran = replace(bars, **{name: np.asfortranarray(getattr(bars, name)) for name in COLUMNS})
    locked = replace(bars, **{name: getattr(bars, name).copy() for name in COLUMNS})
    for name in COLUMNS:
        getattr(locked, name).flags.writeable = False
    assert same(features(bars), features(fortran))
    assert same(features(bars), features(locked))


def test_a_block_fills_the_array_it_is_given() -> None:
    bars = walk(14, 10, 2)
    room = np.empty((10, 2, len(FULL)))
    assert engine_for(bars).block(bars, room) is room
    assert same(room, features(bars))
    for wrong in (room[:5], room.astype(np.float32), np.asfortranarray(room)):
        with pytest.raises(Invalid, match="out is a C-ordered float64 array"):
            engine_for(bars).block(bars, wrong)


def test_bars_of_other_symbols_or_times_are_refused() -> None:
    bars = walk(15, 10, 2)
    engine = engine_for(bars)
    with pytest.raises(Invalid, match="engine's 2 symbols"):
        engine.block(symbol_of(bars, 0))
    with pytest.raises(Invalid, match="engine's 2 symbols"):
        engine.block(replace(bars, interval_ms=2 * MINUTE_MS))
    engine.block(bars)
    with pytest.raises(Invalid, match="opens after the last one"):
        engine.block(bars)
    line = np.ones(2)
    with pytest.raises(Invalid, match="close has one value per symbol"):
        engine.push(int(bars.ts[-1]) + MINUTE_MS, line, line, line, np.ones(3), line)
    with pytest.raises(Invalid, match="opens after the last one"):
        engine.push(int(bars.ts[-1]), line, line, line, line, line)


@pytest.mark.parametrize("off", [1, -1, -2 * MONDAY_MS])
def test_a_bar_off_the_grid_is_refused_before_anything_is_remembered(off: int) -> None:
    bars = walk(16, 3)
    astray = replace(bars, ts=bars.ts + off)
    engine = engine_for(bars)
    fresh = engine.state_bytes()
    with pytest.raises(Invalid, match=f"multiples of 60000 ms, one opened at {astray.ts[0]}"):
        engine.block(astray)
    with pytest.raises(Invalid, match=f"multiples of 60000 ms, one opened at {astray.ts[0]}"):
        engine.push(int(astray.ts[0]), *(getattr(bars, name)[0] for name in COLUMNS))
    assert engine.state_bytes() == fresh


def test_an_engine_needs_an_interval_and_distinct_symbols() -> None:
    with pytest.raises(Invalid, match="interval_ms is positive"):
        FeatureEngine(FULL, ("A",), 0)
    with pytest.raises(Invalid, match="knows a symbol once"):
        FeatureEngine(FULL, ("A", "A"), MINUTE_MS)
