"""Stress: named catastrophes as values, laid over the synthetic market at a chosen bar.

A shape is a path of extra log returns and perhaps a jump of the open. It overrides the planted sign where it
lies, so accuracy is measured outside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid

SHAPE_BARS_MAX = 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stress:
    """Extra log returns from bar `at` on; `gap` moves that bar's open away from the close before it.

    No symbols means all of them.
    """

    name: str
    at: int
    returns: tuple[float, ...] = ()
    gap: float = 0.0
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.at < 0:
            raise Invalid(f"stress {self.name}: starts at bar 0 or later, was {self.at}")
        if len(self.returns) > SHAPE_BARS_MAX:
            raise Invalid(f"stress {self.name}: lasts at most {SHAPE_BARS_MAX} bars, was {len(self.returns)}")

    @property
    def until(self) -> int:
        """Return the first bar after the shape."""
        return self.at + max(len(self.returns), 1)


def flash_crash(
    at: int,
    depth: float = 0.15,
    fall_bars: int = 6,
    rebound_bars: int = 30,
    recovered: float = 0.8,
    symbols: Sequence[str] = (),
) -> Stress:
    """Return an accelerating fall by `depth`, of which `recovered` comes back ever more slowly."""
    _need("flash_crash", 0 < depth < 1, f"depth is between 0 and 1, was {depth}")
    _need("flash_crash", fall_bars > 0 and rebound_bars > 0, "falls and rebounds for at least one bar each")
    down = log(1.0 - depth)
    returns = (*_ramp(down, fall_bars), *reversed(_ramp(-down * recovered, rebound_bars)))
    return Stress("flash_crash", at, returns, 0.0, tuple(symbols))


def gap(at: int, size: float = -0.08, symbols: Sequence[str] = ()) -> Stress:
    """Return an open that lies `size` away from the close before it, with no trade between."""
    _need("gap", size > -1, f"size is above -1, was {size}")
    return Stress("gap", at, (), log(1.0 + size), tuple(symbols))


def melt_up(at: int, height: float = 0.25, bars: int = 60, symbols: Sequence[str] = ()) -> Stress:
    """Return an accelerating rise by `height`."""
    _need(
        "melt_up",
        height > 0 and bars > 0,
        f"rises by more than 0 over 1 bar or more, was {height} over {bars}",
    )
    return Stress("melt_up", at, _ramp(log(1.0 + height), bars), 0.0, tuple(symbols))


def _need(name: str, holds: bool, rule: str) -> None:
    if not holds:
        raise Invalid(f"stress {name}: {rule}")


def _ramp(total: float, bars: int) -> tuple[float, ...]:
    """Split `total` over `bars`, each step larger than the one before."""
    return tuple(total * 2.0 * step / (bars * (bars + 1)) for step in range(1, bars + 1))


def laid(stresses: Sequence[Stress], symbols: Sequence[str], start: int, count: int) -> tuple[Floats, Floats]:
    """Return the extra returns and the gaps of bars `start` to `start + count`, both `[time, symbol]`."""
    returns, gaps = np.zeros((count, len(symbols))), np.zeros((count, len(symbols)))
    for stress in stresses:
        columns = [symbols.index(name) for name in stress.symbols] or list(range(len(symbols)))
        if start <= stress.at < start + count:
            gaps[stress.at - start, columns] += stress.gap
        for bar in range(max(stress.at, start), min(stress.at + len(stress.returns), start + count)):
            returns[bar - start, columns] += stress.returns[bar - stress.at]
    return returns, gaps
