"""Features: one bar of a hundred symbols as it closes, and a million rows in blocks, by the same kernel.

The peer is pandas on the same bars in the same run; it makes the fourteen classic columns only, where we make
all of them. A subset may not cost more than the whole.
"""

from collections.abc import Callable
from itertools import cycle
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.form import Row, Sample, at_least, at_most, less_is_better, main, more_is_better, timed
from benchmarks.market import minute_bars
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema

PUSH_US_MAX = 100.0
ROWS_PER_S_MIN = 2e6
CLASSIC = FeatureSchema().names[:14]


def classic_in_pandas(bars: Bars) -> pd.DataFrame:
    """Make the fourteen classic columns of the first symbol, each in its usual one line of pandas."""
    high, low, close, volume = (pd.Series(column[:, 0]) for column in (bars.high, bars.low, bars.close, bars.volume))
    step = close.diff()
    ema = {span: close.ewm(span=span, adjust=False).mean() for span in (10, 12, 20, 26, 50)}
    gain = step.clip(lower=0.0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-step).clip(lower=0.0).ewm(alpha=1 / 14, adjust=False).mean()
    macd = ema[12] - ema[26]
    signal = macd.ewm(span=9, adjust=False).mean()
    change = close.pct_change()
    return pd.DataFrame(
        {
            "price_change": change,
            "high_low_range": (high - low) / close,
            "volume_change": volume.pct_change(),
            "volume_ma_ratio": volume / volume.rolling(20).mean(),
            "ema_10": ema[10],
            "ema_20": ema[20],
            "ema_50": ema[50],
            "ema_10_20_cross": ema[10] / ema[20] - 1.0,
            "ema_10_50_cross": ema[10] / ema[50] - 1.0,
            "rsi_14": 100.0 - 100.0 / (1.0 + gain / loss),
            "volatility_20": change.rolling(20).std(),
            "macd": macd,
            "macd_signal": signal,
            "macd_hist": macd - signal,
        }
    )


def block_of(bars: Bars, schema: FeatureSchema, fresh: bool = False) -> Callable[[], object]:
    """Return the work of one new engine over `bars`, into room that is already there unless `fresh`."""
    out = None if fresh else np.empty((len(bars), len(bars.symbols), len(schema)))
    return lambda: FeatureEngine(schema, bars.symbols, bars.interval_ms).block(bars, out)


def pushes(bars: Bars, schema: FeatureSchema, calls: int) -> Callable[[], object]:
    """Return the work of `calls` pushes on one warm engine that goes on from run to run."""
    engine = FeatureEngine(schema, bars.symbols, bars.interval_ms)
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.funding, bars.mark)
    absent = np.full(bars.close.shape, np.nan)
    plain = [absent if column is None else column for column in columns]
    lines = cycle(list(zip(*plain, strict=True)))

    def work() -> None:
        ts = 0 if engine.last_ts is None else engine.last_ts + bars.interval_ms
        for number in range(calls):
            engine.push(ts + number * bars.interval_ms, *next(lines))

    return work


def in_turn(runs: int, *works: Callable[[], object]) -> list[Sample]:
    """Time several works by turns, so that a busy machine is as busy for one as for the other."""
    for work in works:
        work()
    rounds = [[timed(work, 1).value for work in works] for _ in range(runs)]
    return [Sample(median(walls), runs, (min(walls), max(walls))) for walls in zip(*rounds, strict=True)]


def blocks(quick: bool, runs: int) -> list[Row]:
    """Measure rows per second: one long symbol, a hundred at once, and the classic subset."""
    rows, schema = (50_000 if quick else 1_000_000), FeatureSchema()
    one, many = minute_bars(1, rows)[0], minute_bars(100, rows // 100)[0]
    works = (
        block_of(one, schema),
        lambda: classic_in_pandas(one),
        block_of(one, schema.subset(CLASSIC)),
        block_of(one, schema, fresh=True),
        block_of(many, schema),
    )
    whole, pandas, subset, fresh, wide = (sample.rate(rows) for sample in in_turn(runs, *works))
    count, unit = len(schema), "rows/s"
    return [
        at_least(f"block of {rows} rows, 1 symbol, {count} features", unit, whole, ROWS_PER_S_MIN),
        at_least("the same into memory fresh from the system", unit, fresh, ROWS_PER_S_MIN),
        at_least(f"block of {rows} rows, 100 symbols, {count} features", unit, wide, ROWS_PER_S_MIN),
        more_is_better(f"block, {count} features, peer pandas making 14", unit, whole, pandas.value, 1.0),
        more_is_better("block, 14 features, peer pandas making the same", unit, subset, pandas.value, 1.0),
        more_is_better("block, 14 features, peer all", unit, subset, whole.value, 1.0),
    ]


def streams(quick: bool, runs: int) -> list[Row]:
    """Measure microseconds per push of a hundred symbols, all features and the classic fourteen."""
    calls, schema = (200 if quick else 2_000), FeatureSchema()
    bars = minute_bars(100, calls)[0]

    works = (pushes(bars, schema, calls), pushes(bars, schema.subset(CLASSIC), calls))
    whole, subset = (sample.scaled(1e6 / calls) for sample in in_turn(runs, *works))
    return [
        at_most(f"push, 100 symbols × 1 bar, {len(schema)} features", "µs/push", whole, PUSH_US_MAX),
        less_is_better("push, 100 symbols × 1 bar, 14 features, peer all", "µs/push", subset, whole.value, 1.0),
    ]


def measure(quick: bool) -> list[Row]:
    """Measure the stream, then the blocks."""
    runs = 2 if quick else 5
    return [*streams(quick, runs), *blocks(quick, runs)]


if __name__ == "__main__":
    main(measure)
