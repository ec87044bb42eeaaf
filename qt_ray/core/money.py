"""Money: whole units of 1e-8 of the quote currency, in 64 bits, never a float.

Amounts enter and leave as Decimal and live as integers in between: a compiled ledger step on integers is some fifty
times faster than on Decimal and just as exact (`benchmarks/money.py`). Products that could leave
64 bits are taken by quotient and remainder, so nothing here overflows below 9e10 of the quote currency.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invalid

UNIT = Decimal("1e-8")
AMOUNT_MAX = Decimal("5e8")
PPM = 1_000_000
BPS = 10_000


def money(value: Decimal) -> int:
    """Return a quote amount in units of 1e-8, nearest."""
    if not value.is_finite() or abs(value) > AMOUNT_MAX:
        raise Invalid(f"an amount is finite and at most {AMOUNT_MAX:f}, was {value}")
    return int(value.quantize(UNIT, ROUND_HALF_EVEN).scaleb(8))


def decimal(units: int) -> Decimal:
    """Return money units as a quote amount."""
    return UNIT * int(units)


def ppm(rate: Decimal) -> int:
    """Return a rate in parts per million, which must be exact."""
    scaled = rate * PPM
    if not scaled.is_finite() or scaled % 1 != 0:
        raise Invalid(f"a rate is a whole number of parts per million, was {rate}")
    return int(scaled)


@inlined
def nearest(numerator: int, denominator: int, whole: int = 0) -> int:
    """Return `whole` plus a quotient, the sum rounded half to even; the denominator is positive."""
    quotient = numerator // denominator
    twice = 2 * (numerator - quotient * denominator)
    total = whole + quotient
    if twice > denominator or (twice == denominator and total % 2 != 0):
        return total + 1
    return total


@inlined
def portion(amount: int, part: int, whole: int) -> int:
    """Return `amount * part / whole` rounded half to even, for 0 <= part and 0 < whole < 3e18."""
    quotient = amount // whole
    rest = amount - quotient * whole
    if part < 3_000_000_000 and whole < 3_000_000_000:
        return nearest(rest * part, whole, quotient * part)
    return _long_portion(rest, part, whole, quotient * part)


@compiled
def _long_portion(rest: int, part: int, whole: int, exact: int) -> int:
    """Multiply `rest` by `part` bit by bit, dividing by `whole` at each step, so that nothing leaves 64 bits."""
    quotient, left = 0, 0
    for bit in range(61, -1, -1):
        left = 2 * left + (rest if part >> bit & 1 else 0)
        quotient = 2 * quotient + left // whole
        left %= whole
    return nearest(left, whole, exact + quotient)


@inlined
def per_million(amount: int, rate_ppm: int) -> int:
    """Return `amount` times a rate in parts per million, rounded half to even."""
    quotient = amount // 1_000_000
    rest = amount - quotient * 1_000_000
    return nearest(rest * rate_ppm, 1_000_000, quotient * rate_ppm)


@inlined
def per_hundred_million(amount: int, rate: int) -> int:
    """Return `amount` times a rate in units of 1e-8 (funding), rounded half to even."""
    quotient = amount // 100_000_000
    rest = amount - quotient * 100_000_000
    return nearest(rest * rate, 100_000_000, quotient * rate)


@inlined
def bps_of(amount: int, bps: int) -> int:
    """Return basis points of an amount, rounded down, so a limit never grows by rounding."""
    quotient = amount // 10_000
    rest = amount - quotient * 10_000
    return quotient * bps + rest * bps // 10_000


@inlined
def ratio_bps(part: int, whole: int) -> int:
    """Return part of whole in basis points, rounded down, for 0 < whole < 9e16; it ends at plus and minus 9e18."""
    if abs(part) < 900_000_000_000_000:
        return part * 10_000 // whole
    quotient = part // whole
    if not -900_000_000_000_000 <= quotient < 900_000_000_000_000:
        return 9_000_000_000_000_000_000 if part > 0 else -9_000_000_000_000_000_000
    percent = (part - quotient * whole) * 100
    hundredth = (percent - percent // whole * whole) * 100
    return quotient * 10_000 + percent // whole * 100 + hundredth // whole
