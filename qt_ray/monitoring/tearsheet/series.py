"""Series: long records made small enough for a page without hiding what hurt.

Each bucket keeps its lowest and its highest point, so the deepest drawdown of half a million bars is drawn to
its full depth. Points that are kept are the record's own; none is averaged.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.instruments import Instrument
from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.market.bars import Floats, Ints
from qt_ray.monitoring.performance import Performance, leverage
from qt_ray.monitoring.trips import nets

BUCKETS = 800
PRICE_BUCKETS = 600
PRICE_POINTS_MAX = 24_000
SYMBOLS_MAX = 60
TRIPS_MAX = 6_000

Json = dict[str, object]


def extremes(columns: Sequence[Floats], buckets: int) -> Ints:
    """Return the rows at which any column is lowest or highest within its bucket, and both ends."""
    count = len(columns[0])
    if count <= 2 * buckets:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, buckets + 1).astype(np.int64)
    rows = [np.array([0, count - 1])]
    for column in columns:
        known = np.isfinite(column)
        rows.append(_lowest(np.where(known, column, np.inf), edges))
        rows.append(_lowest(np.where(known, -column, np.inf), edges))
    return np.unique(np.concatenate(rows)).astype(np.int64)


def _lowest(values: Floats, edges: Ints) -> Ints:
    low = np.minimum.reduceat(values, edges[:-1])
    sizes = np.diff(edges)
    hits = np.flatnonzero(values == np.repeat(low, sizes))
    bucket = np.searchsorted(edges, hits, side="right") - 1
    _, first = np.unique(bucket, return_index=True)
    return np.asarray(hits[first], dtype=np.int64)


def listed(values: Floats, digits: int = 7) -> list[float | None]:
    """Return numbers to `digits` significant digits, None where they are not known."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values.tolist()]


def seconds(ts: Ints) -> list[int]:
    """Return times in whole seconds."""
    return [int(t) for t in (ts // 1000).tolist()]


def equity_series(run: Run, performance: Performance) -> Json:
    """Return growth of the initial balance, what holding would have made of it, and the drawdown."""
    curve, held = performance.curve, performance.held
    start = run.initial / 1e8
    columns = [np.concatenate(([1.0], curve.growth)), np.concatenate(([0.0], curve.drawdown))]
    if held is not None:
        columns.append(np.concatenate(([1.0], held.growth)))
    rows = extremes(columns, BUCKETS)
    ts = np.concatenate(([curve.start_ms], curve.ts))
    names = ("fund", "drawdown", "held")
    scale = (start, 1.0, start)
    return {"t": seconds(ts[rows])} | {
        name: listed(column[rows] * by) for name, column, by in zip(names, columns, scale, strict=False)
    }


def exposure_series(run: Run) -> Json:
    """Return gross and net exposure as multiples of equity."""
    gross, net = leverage(run)
    rows = extremes((gross, net), BUCKETS)
    return {
        "t": seconds(run.cycles["ts"][rows]),
        "gross": listed(gross[rows], 4),
        "net": listed(net[rows], 4),
    }


def rolling_series(performance: Performance) -> Json:
    """Return the rolling Sharpe ratio from its first value on."""
    known = np.flatnonzero(np.isfinite(performance.rolling))
    start = int(known[0]) if len(known) else len(performance.rolling)
    values, ts = performance.rolling[start:], performance.returns.ts[start:]
    rows = extremes((values,), BUCKETS) if len(values) else np.zeros(0, dtype=np.int64)
    return {"t": seconds(ts[rows]), "sharpe": listed(values[rows], 4)}


def price_series(run: Run, performance: Performance) -> list[Json]:
    """Return each symbol's price and round trips; the most traded symbols first when there are many."""
    turnover = np.array([row.turnover for row in performance.symbols], dtype=np.float64)
    chosen = np.argsort(-turnover, kind="stable")[:SYMBOLS_MAX].tolist()
    buckets = max(100, min(PRICE_BUCKETS, PRICE_POINTS_MAX // max(1, len(chosen))))
    trips_max = TRIPS_MAX // max(1, len(chosen))
    return [
        {"name": run.bars.symbols[number], "places": places(run.instruments[number])}
        | _prices(run, number, buckets)
        | _trips(run, performance, number, trips_max)
        for number in chosen
    ]


def places(instrument: Instrument) -> int:
    """Return how many decimals a price has."""
    exponent = instrument.tick.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _prices(run: Run, number: int, buckets: int) -> Json:
    bars = run.bars
    count = len(bars)
    edges = np.unique(np.linspace(0, count, min(buckets, count) + 1).astype(np.int64))
    starts, last = edges[:-1], edges[1:] - 1
    low = np.fmin.reduceat(bars.low[:, number], starts)
    high = np.fmax.reduceat(bars.high[:, number], starts)
    known = np.where(np.isfinite(bars.close[:, number]), np.arange(count), -1)
    at = np.maximum.reduceat(known, starts)
    close = np.where(at >= 0, bars.close[np.maximum(at, 0), number], np.nan)
    return {
        "t": seconds(bars.ts[last] + bars.interval_ms),
        "low": listed(low),
        "high": listed(high),
        "close": listed(close),
    }


def _trips(run: Run, performance: Performance, number: int, most: int) -> Json:
    trips = performance.trips[performance.trips["symbol"] == number]
    total, instrument = len(trips), run.instruments[number]
    if total > most:
        ranked = np.argsort(nets(trips), kind="stable")
        trips = trips[np.sort(np.concatenate((ranked[: most // 2], ranked[-(most // 2) :])))]
    tick = float(instrument.tick)
    rows = [
        [
            int(trip["opened"]) // 1000,
            float(f"{int(trip['entry_value']) / int(trip['quantity']) * tick:.8g}"),
            int(trip["side"]),
            f"{instrument.quantity(int(trip['quantity'])).normalize():f}",
            *_ending(trip, tick),
        ]
        for trip in trips
    ]
    return {"trips": rows, "trips_total": total}


def _ending(trip: np.void, tick: float) -> list[object]:
    if trip["closed"] == 0:
        return []
    price = int(trip["exit_value"]) / int(trip["exit_quantity"]) * tick
    net = (int(trip["realised"]) - int(trip["fees"])) / 1e8
    cause = Cause(int(trip["cause"])).name.lower().replace("_", " ")
    return [int(trip["closed"]) // 1000, float(f"{price:.8g}"), float(f"{net:.8g}"), cause]


def spans(performance: Performance, run: Run) -> list[list[object]]:
    """Return what to shade on the charts: emergencies while they lasted, liquidations when they happened."""
    end = int(performance.curve.ts[-1])
    shaded: list[list[object]] = [
        [e.ts // 1000, (e.until_ms or end) // 1000, "emergency stop"] for e in performance.emergencies[:100]
    ]
    times: NDArray[np.int64] = np.unique(run.fills["ts"][run.fills["cause"] == Cause.LIQUIDATION])
    return shaded + [[int(ts) // 1000, int(ts) // 1000, "liquidation"] for ts in times[:100]]
