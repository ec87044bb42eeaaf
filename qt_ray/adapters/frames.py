"""Frames: bars in and results out as pandas, for people who work in notebooks.

Money and quantities come out as floats for analysis; the exact integers stay in the run.
"""

from collections.abc import Mapping
from enum import IntEnum

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

PRICES = ("open", "high", "low", "close", "volume")


def bars_of(frames: Mapping[str, pd.DataFrame], interval_ms: int | None = None) -> Bars:
    """Return frames of one symbol each, indexed by time, as bars on their common grid."""
    if not frames:
        raise Invalid("bars: at least one frame, had none")
    columns = {symbol: _checked(symbol, frame) for symbol, frame in frames.items()}
    index = _union(columns)
    ts = index.as_unit("ms").asi8
    step = interval_ms or int(np.min(np.diff(ts))) if len(ts) > 1 else interval_ms or 60_000

    def column(name: str) -> NDArray[np.float64]:
        return np.column_stack([f[name].reindex(index).to_numpy(np.float64) for f in columns.values()])

    funding, mark = (column(n) if all(n in f for f in columns.values()) else None for n in ("funding", "mark"))
    opened, high, low, close, volume = (column(name) for name in PRICES)
    return Bars(tuple(frames), step, ts, opened, high, low, close, volume, funding, mark)


def _checked(symbol: str, frame: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in PRICES if name not in frame]
    if missing:
        raise Invalid(f"{symbol}: a frame has {', '.join(PRICES)}, lacks {', '.join(missing)}")
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise Invalid(f"{symbol}: a frame is indexed by time, was {type(frame.index).__name__}")
    utc = frame.index.tz_localize("UTC") if frame.index.tz is None else frame.index.tz_convert("UTC")
    return frame.set_axis(utc, axis=0)


def _union(frames: Mapping[str, pd.DataFrame]) -> pd.DatetimeIndex:
    indexes = [frame.index for frame in frames.values()]
    joined = indexes[0]
    for index in indexes[1:]:
        joined = joined.union(index)
    return pd.DatetimeIndex(joined)


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
