"""Labels: what came after each bar, and when that was known. An outcome nobody could have seen whole is unknown.

A label spans no missing bar and no hole in the grid: what happened there would be a guess. `until` is the close of the
bar that decided; whoever is judged before that moment may not have learned from the label.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, log, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import InvalidConfig
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema
from qt_ray.market.features.wilder import usable

HORIZON_BARS_MAX = 10_080
UNKNOWN = -1


class Kind(StrEnum):
    """What decides: the close at the horizon, or the first barrier touched on the way there."""

    HORIZON = "horizon"
    BARRIERS = "barriers"


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """How outcomes are told; `cost_bps` is a round trip's taker fees and spread.

    Barriers stand `take_atr` above and `stop_atr` below the close, in multiples of the ATR known there.
    """

    kind: Kind = Kind.HORIZON
    horizon_bars: int = 1
    cost_bps: float = 10.0
    stop_atr: float = 2.0
    take_atr: float = 2.0

    def __post_init__(self) -> None:
        if self.kind not in tuple(Kind):
            raise InvalidConfig(f"labels: kind is one of {', '.join(Kind)}, was {self.kind!r}")
        if not 1 <= self.horizon_bars <= HORIZON_BARS_MAX:
            raise InvalidConfig(f"labels: horizon_bars is from 1 to {HORIZON_BARS_MAX}, was {self.horizon_bars}")
        if not 0.0 <= self.cost_bps < inf:
            raise InvalidConfig(f"labels: cost_bps is a number from 0, was {self.cost_bps}")
        if not (0.0 < self.stop_atr < inf and 0.0 < self.take_atr < inf):
            raise InvalidConfig(f"labels: barriers are above 0 ATR, were {self.stop_atr} and {self.take_atr}")

    @property
    def symmetric(self) -> bool:
        """Return whether a market upside down has the same outcomes upside down."""
        return self.kind == Kind.HORIZON or self.stop_atr == self.take_atr


class Labels(NamedTuple):
    """Columns `[time, symbol]`; where the outcome is unknown `ret` and `up` are NaN, `until` -1 and `pays` 0.

    `ret` is the log return to what decided: the close at the horizon, or the barrier. `up` is 1 above zero, 0 below
    it, NaN on it. `pays` is 1 where a long earned more than its costs, -1 where a short did, else 0. Funding is paid
    for settlements from the entry on and before the exit, so of labels laid end to end each settlement is in one.
    """

    ret: Floats
    up: Singles
    until: Ints
    pays: NDArray[np.int8]


class _Tape(NamedTuple):
    """Bars `[time, symbol]`; `reach` is the unit of barriers: infinite where there are none, NaN where unknown."""

    ts: Ints
    high: Floats
    low: Floats
    close: Floats
    funding: Floats
    reach: Floats


class _Rules(NamedTuple):
    interval_ms: int
    horizon: int
    take: float
    stop: float
    cost: float


def label(bars: Bars, plan: LabelPlan) -> Labels:
    """Return what came after every bar of `bars`."""
    shape = bars.close.shape
    rules = _Rules(bars.interval_ms, plan.horizon_bars, plan.take_atr, plan.stop_atr, plan.cost_bps * 1e-4)
    out = Labels(
        ret=np.full(shape, nan),
        up=np.full(shape, nan, np.float32),
        until=np.full(shape, UNKNOWN, np.int64),
        pays=np.zeros(shape, np.int8),
    )
    _label_columns(_tape(bars, plan.kind), rules, out)
    return out


def _tape(bars: Bars, kind: Kind) -> _Tape:
    high, low, close = _plain(bars.high), _plain(bars.low), _plain(bars.close)
    funding = np.full(close.shape, nan) if bars.funding is None else _plain(bars.funding)
    reach = np.full(close.shape, inf)
    if kind == Kind.BARRIERS:
        engine = FeatureEngine(FeatureSchema().subset(["atr_14"]), bars.symbols, bars.interval_ms)
        reach = engine.block(bars).reshape(close.shape)
    return _Tape(np.require(bars.ts, np.int64, ("C", "W")), high, low, close, funding, reach)


def _plain(column: Floats) -> Floats:
    """Return `column` as the one kind of array the kernels are compiled for."""
    return np.require(column, np.float64, ("C", "W"))


@compiled
def _label_columns(tape: _Tape, rules: _Rules, out: Labels) -> None:
    for s in range(tape.close.shape[1]):
        for t in range(tape.close.shape[0]):
            entered = usable(tape.high[t, s], tape.low[t, s], tape.close[t, s])
            if entered and tape.reach[t, s] == tape.reach[t, s]:
                _label(tape, rules, t, s, out)


@inlined
def _label(tape: _Tape, rules: _Rules, t: int, s: int, out: Labels) -> None:
    """Walk from the bar after `t` to the one that decides; a missing bar on the way leaves the outcome unknown."""
    upper = tape.close[t, s] + rules.take * tape.reach[t, s]
    lower = tape.close[t, s] - rules.stop * tape.reach[t, s]
    last = t + rules.horizon
    funding = 0.0
    for at in range(t + 1, min(last, len(tape.ts) - 1) + 1):
        high, low, close = tape.high[at, s], tape.low[at, s], tape.close[at, s]
        if tape.ts[at] - tape.ts[at - 1] != rules.interval_ms or not usable(high, low, close):
            return
        if tape.funding[at, s] == tape.funding[at, s]:
            funding += tape.funding[at, s]
        above, below = high >= upper, low <= lower
        if above and below:
            return
        if above or below or at == last:
            price = upper if above else (lower if below else close)
            out.until[t, s] = tape.ts[at] + rules.interval_ms
            _write(out, t, s, price / tape.close[t, s], funding, rules.cost)
            return


@inlined
def _write(out: Labels, t: int, s: int, growth: float, funding: float, cost: float) -> None:
    earned = growth - 1.0 - funding
    out.ret[t, s] = log(growth)
    out.up[t, s] = nan if growth == 1.0 else (1.0 if growth > 1.0 else 0.0)
    out.pays[t, s] = 1 if earned > cost else (-1 if -earned > cost else 0)
