"""Positions: what is held of one symbol, and what it cost, exact.

A position keeps its signed cost and the cash that moved, never a rounded average: realised is cash plus
cost, so realised and unrealised together are cash plus market value to the last digit, however the average
is rounded. Only what people read is rounded, half up, to the cent.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, localcontext
from functools import reduce

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Execution, Side

ZERO = Decimal(0)
CENT = Decimal("0.01")
SHARE = Decimal("1e-18")
# Wide enough that sums and products of venue numbers are exact; an amount that would not be is refused.
EXACT = Context(prec=100, traps=[Inexact])
AVERAGE = Context(prec=60)
DISPLAY = Context(prec=100)


def cents(value: Decimal) -> Decimal:
    """Return an amount as people read it, half up to the cent."""
    return value.quantize(CENT, ROUND_HALF_UP, DISPLAY)


@dataclass(frozen=True, slots=True)
class Position:
    """Signed quantity and cost of one symbol; `cash` is what trading it brought, before fees."""

    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    cash: Decimal = ZERO
    fees: Decimal = ZERO

    def __post_init__(self) -> None:
        for name in ("quantity", "cost", "cash", "fees"):
            value: Decimal = getattr(self, name)
            if not value.is_finite():
                raise Invalid(f"{self.symbol}.{name}: finite, was {value}")
        if (self.quantity > 0) is not (self.cost > 0) or (self.quantity < 0) is not (self.cost < 0):
            raise Invalid(f"{self.symbol}.cost: has the sign of quantity {self.quantity}, was {self.cost}")

    @property
    def is_flat(self) -> bool:
        """Return whether nothing is held."""
        return self.quantity == 0

    @property
    def average_entry(self) -> Decimal | None:
        """Return the average price of what is held, or nothing when flat."""
        return None if self.is_flat else AVERAGE.divide(self.cost, self.quantity)

    @property
    def realised(self) -> Decimal:
        """Return the profit that closing has fixed, before fees."""
        return EXACT.add(self.cash, self.cost)

    def market_value(self, mark: Decimal) -> Decimal:
        """Return the signed value of what is held at `mark`."""
        return EXACT.multiply(self.quantity, _positive(self.symbol, mark))

    def unrealised(self, mark: Decimal) -> Decimal:
        """Return the profit that closing at `mark` would fix, before fees."""
        return EXACT.subtract(self.market_value(mark), self.cost)

    def apply_fill(self, side: Side, execution: Execution) -> "Position":
        """Return the position after one execution: it closes first, and what is left over opens."""
        with localcontext(EXACT):
            quantity = side.sign * execution.quantity
            closed = _closing(self.quantity, quantity)
            opened = quantity - closed
            return replace(
                self,
                quantity=self.quantity + quantity,
                cost=self.cost - _share(self.cost, closed, self.quantity) + opened * execution.price,
                cash=self.cash - quantity * execution.price,
                fees=self.fees + execution.fee,
            )


def position_of(symbol: str, fills: tuple[tuple[Side, Execution], ...]) -> Position:
    """Return the position that a sequence of executions leaves."""
    return reduce(lambda held, fill: held.apply_fill(*fill), fills, Position(symbol))


def _closing(held: Decimal, quantity: Decimal) -> Decimal:
    if held * quantity >= 0:
        return ZERO
    return min(quantity, -held) if quantity > 0 else max(quantity, -held)


def _share(cost: Decimal, closed: Decimal, held: Decimal) -> Decimal:
    if closed == 0:
        return ZERO
    if closed == -held:
        return cost
    return AVERAGE.divide(EXACT.multiply(cost, abs(closed)), abs(held)).quantize(SHARE, context=AVERAGE)


def _positive(symbol: str, mark: Decimal) -> Decimal:
    if not mark.is_finite() or mark <= 0:
        raise Invalid(f"{symbol}: a mark is positive, was {mark}")
    return mark
