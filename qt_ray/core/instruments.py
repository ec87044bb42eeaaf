"""Instruments: what may be traded and in which units.

Prices are whole ticks, quantities whole steps, money whole 1e-8 of the quote currency. `unit` is what one tick
times one step is worth, so a notional is `ticks * steps * unit`, exact in 64 bits up to 9e10 of the quote currency.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.core.money import UNIT, money, ppm
from qt_ray.core.records import I32, I64, U8, empty

BRACKETS_MAX = 12
CLUSTERS_MAX = 64
LEVERAGE_MAX = 200


@dataclass(frozen=True, slots=True)
class Bracket:
    """Notional from `floor` up: the leverage allowed and the maintenance margin it needs."""

    floor: Decimal
    leverage_max: int
    maintenance_rate: Decimal
    deduction: Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """A venue's contract: filters, fees and leverage brackets."""

    symbol: str
    tick: Decimal
    step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    market_quantity_max: Decimal
    notional_min: Decimal
    price_min: Decimal
    price_max: Decimal
    maker_rate: Decimal
    taker_rate: Decimal
    liquidation_rate: Decimal
    brackets: tuple[Bracket, ...]
    cluster: int = 0

    def __post_init__(self) -> None:
        if not all(size.is_finite() and size > 0 for size in (self.tick, self.step)):
            raise Invalid(f"{self.symbol}: tick and step are positive, were {self.tick} and {self.step}")
        if self.unit_exact % 1 != 0:
            raise Invalid(f"{self.symbol}: tick times step is a multiple of 1e-8, was {self.tick * self.step}")
        if not 1 <= len(self.brackets) <= BRACKETS_MAX or self.brackets[0].floor != 0:
            raise Invalid(f"{self.symbol}: 1 to {BRACKETS_MAX} brackets, the first from 0")
        if any(upper.floor <= lower.floor for lower, upper in pairwise(self.brackets)):
            raise Invalid(f"{self.symbol}: brackets rise, were {[str(b.floor) for b in self.brackets]}")
        leverages = [bracket.leverage_max for bracket in self.brackets]
        if not 1 <= min(leverages) <= max(leverages) <= LEVERAGE_MAX:
            raise Invalid(f"{self.symbol}: leverage is from 1 to {LEVERAGE_MAX}, was {leverages}")
        if not 0 <= self.cluster < CLUSTERS_MAX:
            raise Invalid(f"{self.symbol}: a cluster is from 0 to {CLUSTERS_MAX - 1}, was {self.cluster}")

    @property
    def unit_exact(self) -> Decimal:
        """Return what one tick of one step is worth, in 1e-8 of the quote currency."""
        return self.tick * self.step / UNIT

    def ticks(self, price: Decimal) -> int:
        """Return `price` as whole ticks, nearest."""
        return int((price / self.tick).to_integral_value(ROUND_HALF_EVEN))

    def steps(self, quantity: Decimal) -> int:
        """Return `quantity` as whole steps, toward zero, so rounding never adds risk."""
        return int(quantity // self.step)

    def price(self, ticks: int) -> Decimal:
        """Return whole ticks as a price."""
        return self.tick * ticks

    def quantity(self, steps: int) -> Decimal:
        """Return whole steps as a quantity."""
        return self.step * steps


class InstrumentRow:
    """An instrument as compiled code sees it; rates are parts per million."""

    unit: I64
    quantity_min: I64
    quantity_max: I64
    market_quantity_max: I64
    notional_min: I64
    price_min: I64
    price_max: I64
    maker_ppm: I64
    taker_ppm: I64
    liquidation_ppm: I64
    first_bracket: I32
    brackets: I32
    cluster: I32
    allowed: U8


class BracketRow:
    """A leverage bracket as compiled code sees it."""

    floor: I64
    deduction: I64
    maintenance_ppm: I64
    leverage_max: I64


def instrument_rows(instruments: Sequence[Instrument]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return the rows of `instruments` and of all their brackets, for compiled code."""
    rows = empty(InstrumentRow, len(instruments))
    brackets = empty(BracketRow, sum(len(i.brackets) for i in instruments))
    at = 0
    for row, instrument in zip(rows, instruments, strict=True):
        _fill_row(row, instrument, at)
        for bracket in instrument.brackets:
            brackets[at] = (
                money(bracket.floor),
                money(bracket.deduction),
                ppm(bracket.maintenance_rate),
                bracket.leverage_max,
            )
            at += 1
    return rows, brackets


def _fill_row(row: np.void, instrument: Instrument, first_bracket: int) -> None:
    row["unit"] = int(instrument.unit_exact)
    for name in ("quantity_min", "quantity_max", "market_quantity_max"):
        row[name] = instrument.steps(getattr(instrument, name))
    row["notional_min"] = money(instrument.notional_min)
    row["price_min"] = instrument.ticks(instrument.price_min)
    row["price_max"] = instrument.ticks(instrument.price_max)
    row["maker_ppm"] = ppm(instrument.maker_rate)
    row["taker_ppm"] = ppm(instrument.taker_rate)
    row["liquidation_ppm"] = ppm(instrument.liquidation_rate)
    row["first_bracket"] = first_bracket
    row["brackets"] = len(instrument.brackets)
    row["cluster"] = instrument.cluster
    row["allowed"] = 1
