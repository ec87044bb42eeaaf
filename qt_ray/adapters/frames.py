"""Frames: bars in and results out as pandas, for people who work in notebooks.

A frame is refused where a bar could not have happened, for frames pass no quality gate. Money and quantities come out
as floats for analysis; the exact integers stay in the run.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.engine.rows import Action
from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.market.bars import Bars
from qt_ray.market.regime import Regime
from qt_ray.risk.reasons import Reason

PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume")
WELCOME = ("funding", "mark")
MINUTE_MS = 60_000
GRID_MAX = 50_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def bars_of(frames: Mapping[str, pd.DataFrame], interval_ms: int | None = None) -> Bars:
    """Return frames of one symbol each, indexed by time, as bars on their common grid.

    A bar that a frame does not have, or has as NaN throughout, is missing; times without a zone are UTC.
    """
    if not frames:
        raise Invalid("bars: at least one frame, had none")
    times = {symbol: _times(symbol, frame) for symbol, frame in frames.items()}
    step = interval_ms or _step(times.values())
    start, end = min(int(at[0]) for at in times.values()), max(int(at[-1]) for at in times.values())
    for symbol, at in times.items():
        off = np.flatnonzero((at - start) % step)
        if len(off):
            raise Invalid(f"{symbol}: bars lie {step} ms apart, row {off[0] + 1} does not")
    count = (end - start) // step + 1
    if count > GRID_MAX:
        raise Invalid(f"bars: a grid has at most {GRID_MAX} rows, {step} ms apart it had {count}")
    ts = start + step * np.arange(count, dtype=np.int64)
    cells = {symbol: _cells(symbol, frame) for symbol, frame in frames.items()}

    def column(name: str) -> Floats | None:
        if not any(name in one for one in cells.values()):
            return None
        placed = np.full((len(ts), len(cells)), np.nan)
        for at, (symbol, one) in enumerate(cells.items()):
            placed[(times[symbol] - start) // step, at] = one.get(name, np.nan)
        return placed

    columns: dict[str, Any] = {name: column(name) for name in (*FIELDS, *WELCOME)}
    return Bars(tuple(frames), step, ts, **columns)


def _step(times: Iterable[Ints]) -> int:
    """Return the shortest distance between two bars of one frame."""
    steps = [int(np.diff(at).min()) for at in times if len(at) > 1]
    return min(steps, default=MINUTE_MS)


def _times(symbol: str, frame: pd.DataFrame) -> Ints:
    """Return the open times of a frame in milliseconds UTC; they ascend."""
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise Invalid(f"{symbol}: a frame is indexed by time, was {type(frame.index).__name__}")
    if len(frame) == 0:
        raise Invalid(f"{symbol}: a frame has at least one bar, had none")
    if frame.index.hasnans:
        raise Invalid(f"{symbol}: every bar has a time, row {int(np.argmax(frame.index.isna())) + 1} has none")
    utc = frame.index.tz_localize("UTC") if frame.index.tz is None else frame.index.tz_convert("UTC")
    ts: Ints = np.asarray(utc.as_unit("ms").asi8)
    late = np.flatnonzero(np.diff(ts) <= 0)
    if len(late):
        raise Invalid(f"{symbol}: open times ascend, row {late[0] + 2} does not")
    return ts


def _cells(symbol: str, frame: pd.DataFrame) -> dict[str, Floats]:
    missing = [name for name in FIELDS if name not in frame]
    if missing:
        raise Invalid(f"{symbol}: a frame has {', '.join(FIELDS)}, lacks {', '.join(missing)}")
    cells = {name: _numbers(symbol, name, frame[name]) for name in (*FIELDS, *WELCOME) if name in frame}
    absent = np.isnan([cells[name] for name in PRICES])
    with np.errstate(invalid="ignore"):
        prices = np.array([cells[name] for name in PRICES])
        opened, high, low, close = prices
        rules = {
            "a bar has all four prices or none": absent.any(axis=0) & ~absent.all(axis=0),
            "a price is positive and finite": ((prices <= 0) | np.isinf(prices)).any(axis=0),
            "high and low enclose open and close": (high < np.maximum(opened, close))
            | (low > np.minimum(opened, close)),
            "a bar has a volume, finite and not negative": ~absent.any(axis=0)
            & ~((cells["volume"] >= 0) & np.isfinite(cells["volume"])),
            "a mark is positive and finite": _odd(cells.get("mark"), 0.0, np.inf),
            "a funding rate is a fraction": _odd(cells.get("funding"), -1.0, 1.0),
        }
    for rule, broken in rules.items():
        if np.any(broken):
            raise Invalid(f"{symbol}: {rule}, row {int(np.argmax(broken)) + 1} breaks it")
    return cells


def _odd(values: Floats | None, low: float, high: float) -> NDArray[np.bool_]:
    return np.zeros(1, bool) if values is None else (values <= low) | (values >= high)


def _numbers(symbol: str, name: str, column: "pd.Series[Any] | pd.DataFrame") -> Floats:
    if column.ndim != 1:
        raise Invalid(f"{symbol}: a frame has each column once, has {name} twice")
    try:
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise Invalid(f"{symbol}: column {name} holds numbers, {error!s:.80}") from error


def equity_frame(run: Run) -> pd.DataFrame:
    """Return the account at every close, in the quote currency."""
    cycles = run.cycles
    index = pd.to_datetime(cycles["ts"], unit="ms", utc=True)
    money = ("equity", "wallet", "gross", "net", "realised", "fees", "funding", "slippage", "maintenance")
    frame = pd.DataFrame({name: cycles[name] / 1e8 for name in money}, index=index)
    return frame.assign(drawdown_bps=cycles["drawdown_bps"], positions=cycles["positions"], ess=cycles["ess"])


def fills_frame(run: Run) -> pd.DataFrame:
    """Return every fill, with quantities and prices in the instrument's own units."""
    fills = run.fills
    ticks = np.array([float(i.tick) for i in run.instruments])[fills["symbol"]]
    steps = np.array([float(i.step) for i in run.instruments])[fills["symbol"]]
    return pd.DataFrame(
        {
            "time": pd.to_datetime(fills["ts"], unit="ms", utc=True),
            "symbol": np.array(run.bars.symbols)[fills["symbol"]],
            "quantity": fills["quantity"] * steps,
            "price": fills["price"] * ticks,
            "arrival": fills["arrival"] * ticks,
            "fee": fills["fee"] / 1e8,
            "realised": fills["realised"] / 1e8,
            "position": fills["position"] * steps,
            "cause": _names(Cause, fills["cause"]),
            "maker": fills["maker"] == 1,
            "order": fills["order"],
            "decided": fills["decided"],
        }
    )


def decisions_frame(run: Run, symbol: str) -> pd.DataFrame:
    """Return every decision about one symbol."""
    if symbol not in run.bars.symbols:
        raise Invalid(f"decisions: a symbol of this run ({', '.join(run.bars.symbols)}), was {symbol!r}")
    at = run.bars.symbols.index(symbol)
    rows, step = run.decisions[:, at], float(run.instruments[at].step)
    return pd.DataFrame(
        {
            "wish": rows["wish"] * step,
            "granted": rows["granted"] * step,
            "score": rows["score"],
            "confidence": rows["confidence"],
            "action": _names(Action, rows["action"]),
            "binding": _names(Reason, rows["binding"]),
            "regime": _names(Regime, rows["regime"]),
        },
        index=pd.to_datetime(run.cycles["ts"], unit="ms", utc=True),
    )


def _names(kind: type[IntEnum], values: NDArray[np.uint8]) -> NDArray[np.str_]:
    names = np.array([member.name.lower() for member in kind])
    return names[values]
