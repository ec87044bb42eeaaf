"""Exposure: a position beside the stop it is to have, and what counts as protecting it.

An order protects only if it closes, is for this very position, and waits on the side on which the position loses.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import ZERO, OrderType, PositionSide, Side
from qt_ray.execution.venue.views import OrderView

SLICES_MAX: Final = 20

Key = tuple[str, PositionSide]


@dataclass(frozen=True, slots=True)
class Exposure:
    """A position and the stop it is to have; `adopted` when somebody else opened it, and may have his own stop."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    mark: Decimal
    stop_price: Decimal
    slice_max: Decimal
    decision_id: str
    policy_version: int
    epoch: int
    adopted: bool = False

    @property
    def key(self) -> Key:
        """Return which position it is."""
        return self.symbol, self.side

    @property
    def closing_side(self) -> Side:
        """Return the side that closes it."""
        return Side.SELL if self.quantity > 0 else Side.BUY

    @property
    def is_crossed(self) -> bool:
        """Return whether the mark is at the stop or beyond it, so that the venue would refuse to hold it."""
        return self.closing_side.sign * (self.mark - self.stop_price) >= 0

    @property
    def slices(self) -> tuple[Decimal, ...]:
        """Return its quantity in parts that one market order may have."""
        left, parts = abs(self.quantity), list[Decimal]()
        while left > 0:
            parts.append(min(left, self.slice_max))
            left -= parts[-1]
            if len(parts) > SLICES_MAX:
                raise Invalid(f"{self.symbol}: a position has at most {SLICES_MAX} slices of {self.slice_max}")
        return tuple(parts)


def fallback_stop(quantity: Decimal, mark: Decimal, tick: Decimal, distance: Decimal) -> Decimal:
    """Return a stop for a position nobody made a plan for: a part of the mark away, on a tick, never a tick nearer."""
    edge = mark * (1 - distance if quantity > 0 else 1 + distance)
    ticks = edge // tick
    return ticks * tick if quantity > 0 or edge % tick == 0 else (ticks + 1) * tick


def protects(view: OrderView, exposure: Exposure) -> Decimal:
    """Return how much of a position somebody else's order would close before it loses without end."""
    is_stop = view.conditional and view.type is OrderType.STOP_MARKET and view.trigger_price is not None
    is_for_it = (view.symbol, view.position_side, view.side) == (*exposure.key, exposure.closing_side)
    if not is_stop or not is_for_it or view.status != "NEW" or view.trigger_price is None:
        return ZERO
    if exposure.closing_side.sign * (exposure.mark - view.trigger_price) >= 0:
        return ZERO
    if view.closes_position:
        return abs(exposure.quantity)
    only_closes = view.reduce_only or exposure.side is not PositionSide.BOTH
    return view.quantity if only_closes else ZERO
