"""Money: what exactness costs, as Decimal objects and as scaled integers in a compiled loop.

Both ledgers round at the same places and must agree to the last unit, so the ratio is the price of a
representation and of nothing else. This is why hot paths count 1e-8 of the quote currency in 64 bits.
"""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from benchmarks.form import Row, Sample, at_most, main, median_of, more_is_better
from qt_ray.core.compiled import compiled, inlined

UNIT = 1_000
TICK, STEP, MONEY = Decimal("0.1"), Decimal("0.0001"), Decimal("1e-8")
TAKER_PPM, TAKER = 400, Decimal("0.0004")
MILLION = 1_000_000
TIMES_FASTER = 20.0

Ints = NDArray[np.int64]
Totals = tuple[int, int, int, int]


def fills(count: int, seed: int = 7) -> tuple[Ints, Ints]:
    """Return signed steps and ticks of fills that open, add, reduce and flip around a walking price."""
    dice = np.random.Generator(np.random.PCG64(seed))
    steps = dice.integers(1, 20_000, count) * dice.choice(np.array([-1, 1]), count)
    return steps, 600_000 + np.cumsum(dice.integers(-20, 21, count))


@inlined
def share(amount: int, part: int, whole: int) -> int:
    """Return `amount * part / whole`, half to even; no overflow while part and whole stay in 31 bits."""
    kept, left = amount // whole, amount % whole
    quotient, remainder = left * part // whole, left * part % whole
    total = kept * part + quotient
    if 2 * remainder > whole or (2 * remainder == whole and total % 2 != 0):
        total += 1
    return total


@compiled
def scaled(steps: Ints, ticks: Ints) -> Totals:
    """Post every fill at average cost and return position, cost, realised and fees in whole units."""
    held, cost, realised, fees = 0, 0, 0, 0
    for at in range(len(steps)):
        quantity, worth = steps[at], ticks[at] * UNIT
        fees += share(abs(quantity) * worth, TAKER_PPM, MILLION)
        if held * quantity < 0:
            closed = min(abs(quantity), abs(held))
            released = share(abs(cost), closed, abs(held))
            sign = 1 if held > 0 else -1
            realised += sign * (closed * worth - released)
            cost -= sign * released
            held -= sign * closed
            quantity += sign * closed
        cost += quantity * worth
        held += quantity
    return held, cost, realised, fees


def cents(value: Decimal) -> Decimal:
    """Return a value rounded to whole money units."""
    return value.quantize(MONEY, ROUND_HALF_EVEN)


def decimals(quantities: list[Decimal], prices: list[Decimal]) -> Totals:
    """Post the same fills in Decimal and return the same totals in the same units."""
    held = cost = realised = fees = Decimal(0)
    for quantity, price in zip(quantities, prices, strict=True):
        fees += cents(abs(quantity) * price * TAKER)
        if held * quantity < 0:
            closed = min(abs(quantity), abs(held))
            sign = 1 if held > 0 else -1
            released = cents(abs(cost) * closed / abs(held))
            realised += sign * (closed * price - released)
            cost -= sign * released
            held -= sign * closed
            quantity += sign * closed
        cost += quantity * price
        held += quantity
    return int(held / STEP), int(cost / MONEY), int(realised / MONEY), int(fees / MONEY)


def measure(quick: bool) -> list[Row]:
    """Post the same fills both ways, compare the ledgers, and time them."""
    count, runs = (20_000, 1) if quick else (200_000, 5)
    steps, ticks = fills(count)
    quantities, prices = [STEP * s for s in steps.tolist()], [TICK * t for t in ticks.tolist()]
    with localcontext() as context:
        context.prec = 40
        slow = median_of(lambda: decimals(quantities, prices), runs)
        apart = max(abs(a - b) for a, b in zip(decimals(quantities, prices), scaled(steps, ticks), strict=True))
    fast = median_of(lambda: scaled(steps, ticks), runs).rate(count)
    difference = Sample(float(apart), 1, (float(apart), float(apart)))
    return [
        more_is_better("fill and fee, scaled int64 vs Decimal", "fills/s", fast, slow.rate(count).value, TIMES_FASTER),
        at_most("largest difference of the two ledgers", "1e-8", difference, 0.0),
    ]


if __name__ == "__main__":
    main(measure)
