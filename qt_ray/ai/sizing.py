"""Sizing: how much of an opinion to hold, in whole steps, before any rule has looked at it.

One compiled function sizes every symbol live and in a backtest. A view that has not changed keeps its position
until the wanted size has moved by the rebalance share, so fees are not paid for noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import inlined
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import bps_of
from qt_ray.core.records import I64, U8, empty


class Method(IntEnum):
    """How a size is found."""

    FIXED_QUANTITY = 0
    FIXED_FRACTION = 1
    VOLATILITY_TARGET = 2


class SizerRow:
    """One symbol's sizing; `fraction_bps` is of equity, volatility is ATR over price per bar."""

    quantity: I64
    fraction_bps: I64
    target_atr_bps: I64
    fraction_max_bps: I64
    rebalance_bps: I64
    method: U8


@dataclass(frozen=True, slots=True)
class SizerPlan:
    """How a fund sizes; fractions are of equity, the volatility target is ATR over price of one bar."""

    method: Method = Method.FIXED_FRACTION
    fraction_bps: int = 1_000
    fraction_max_bps: int = 5_000
    target_atr_bps: int = 50
    rebalance_bps: int = 2_500
    quantity: Decimal = Decimal(0)
    quantities: Mapping[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        amounts = (self.fraction_bps, self.fraction_max_bps, self.target_atr_bps, self.rebalance_bps)
        if min(amounts) < 0 or min((self.quantity, *self.quantities.values())) < 0:
            raise InvalidConfig("sizer: no number is negative")


def sizer_rows(instruments: Sequence[Instrument], plan: SizerPlan, scaling: Decimal = Decimal(1)) -> NDArray[np.void]:
    """Return one row per instrument; `scaling` is the policy mode's factor on fractions."""
    rows = empty(SizerRow, len(instruments))
    for row, instrument in zip(rows, instruments, strict=True):
        row["quantity"] = instrument.steps(plan.quantities.get(instrument.symbol, plan.quantity))
        row["fraction_bps"] = int(plan.fraction_bps * scaling)
        row["target_atr_bps"] = plan.target_atr_bps
        row["fraction_max_bps"] = int(plan.fraction_max_bps * scaling)
        row["rebalance_bps"] = plan.rebalance_bps
        row["method"] = plan.method
    return rows


@inlined
def target(sizer: SizerRow, equity: int, value: int, atr_bps: int) -> int:
    """Return the whole steps one direction is worth now; `value` is what one step costs.

    A volatility target without a volatility is no size: nothing known is not calm.
    """
    if sizer.method == Method.FIXED_QUANTITY:
        return sizer.quantity
    fraction = sizer.fraction_bps
    if sizer.method == Method.VOLATILITY_TARGET:
        wanted = fraction * sizer.target_atr_bps // atr_bps if atr_bps > 0 else 0
        fraction = min(wanted, sizer.fraction_max_bps)
    return bps_of(max(equity, 0), fraction) // value if value > 0 else 0


@inlined
def wish(sizer: SizerRow, score: float, position: int, spent: int, size: int) -> int:
    """Return the wanted position; an abstention keeps what is held, a spent view is not entered again."""
    if score != score:
        return position
    side = (1 if score > 0.0 else 0) - (1 if score < 0.0 else 0)
    if side == 0:
        return 0
    if side == spent and position == 0:
        return 0
    wanted = side * size
    if position * side > 0 and abs(wanted - position) * 10_000 <= abs(wanted) * sizer.rebalance_bps:
        return position
    return wanted
