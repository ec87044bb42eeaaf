"""Seeded bars for tests of features: a walk with candles, volume, settlements and marks."""

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema

FULL = FeatureSchema()
MINUTE_MS = 60_000
EIGHT_HOURS_MS = 28_800_000
# Monday, 1 January 2024, midnight: a week, a settlement and every coarse bar begin here.
MONDAY_MS = 1_704_067_200_000
COLUMNS = ("open", "high", "low", "close", "volume", "funding", "mark")


def walk(seed: int, rows: int, symbols: int = 1, move: float = 2e-3, start: int = MONDAY_MS) -> Bars:
    """Return one-minute bars of `symbols` random walks, opens away from the close before."""
    dice = np.random.default_rng(seed)
    shape = (rows, symbols)
    close = 100.0 * np.exp(np.cumsum(move * dice.standard_normal(shape), axis=0))
    opened = np.vstack((np.full((1, symbols), 100.0), close[:-1])) * (1 + 0.1 * move * dice.random(shape))
    high = np.maximum(opened, close) * (1 + move * dice.random(shape))
    low = np.minimum(opened, close) / (1 + move * dice.random(shape))
    ts = start + MINUTE_MS * np.arange(rows, dtype=np.int64)
    settles = (ts % EIGHT_HOURS_MS == 0)[:, None]
    funding = np.where(settles, 1e-4 * dice.standard_normal(shape), np.nan)
    mark = close * (1 + 1e-4 * dice.standard_normal(shape))
    names = tuple(f"S{number}" for number in range(symbols))
    volume = dice.exponential(50.0, shape)
    return Bars(names, MINUTE_MS, ts, opened, high, low, close, volume, funding, mark)


def flat(rows: int, price: float = 100.0, volume: float = 0.0) -> Bars:
    """Return a market in which nothing happens."""
    still = np.full((rows, 1), price)
    ts = MONDAY_MS + MINUTE_MS * np.arange(rows, dtype=np.int64)
    funding = np.full((rows, 1), np.nan)
    funding[0] = 1e-4
    traded = np.full((rows, 1), volume)
    return Bars(("S0",), MINUTE_MS, ts, still, still, still, still, traded, funding, still)


def without_cells(bars: Bars, gone: NDArray[np.bool_]) -> Bars:
    """Return `bars` with NaN in every field of the cells that are `gone`."""
    return replace(bars, **{name: np.where(gone, np.nan, getattr(bars, name)) for name in COLUMNS})


def scaled(bars: Bars, price: float = 1.0, volume: float = 1.0) -> Bars:
    """Return `bars` quoted in other units."""
    prices = {name: getattr(bars, name) * price for name in ("open", "high", "low", "close", "mark")}
    return replace(bars, volume=bars.volume * volume, **prices)


def rows_of(bars: Bars, keep: NDArray[np.bool_]) -> Bars:
    """Return the rows that `keep` marks."""
    return replace(bars, ts=bars.ts[keep], **{name: getattr(bars, name)[keep] for name in COLUMNS})


def symbol_of(bars: Bars, number: int) -> Bars:
    """Return one symbol of `bars` alone."""
    column = {name: getattr(bars, name)[:, number : number + 1] for name in COLUMNS}
    assert {field.name for field in fields(bars)} == {"symbols", "interval_ms", "ts", *COLUMNS}
    return replace(bars, symbols=(bars.symbols[number],), **column)


def with_gaps(seed: int, rows: int, symbols: int, share: float) -> Bars:
    gone = np.random.default_rng(seed).random((rows, symbols)) < share
    return without_cells(walk(seed, rows, symbols), gone)


def engine_for(bars: Bars, schema: FeatureSchema = FULL) -> FeatureEngine:
    return FeatureEngine(schema, bars.symbols, bars.interval_ms)


def features(bars: Bars, schema: FeatureSchema = FULL) -> np.ndarray:
    return engine_for(bars, schema).block(bars)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays hold the same bits, NaN included."""
    return bool(np.array_equal(one.view(np.int64), other.view(np.int64)))
