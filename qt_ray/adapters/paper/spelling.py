"""Spelling: exact numbers as the venue writes them, plain digits in a string, never an exponent, never minus zero."""

from decimal import Decimal

EIGHT = Decimal("1e-8")


def text(value: Decimal) -> str:
    """Return a number with the digits it has."""
    return format(value, "f") if value else "0"


def eight(value: Decimal) -> str:
    """Return a computed number with eight places."""
    return format(value.quantize(EIGHT), "f") if value else "0.00000000"


def like(value: Decimal, step: Decimal) -> str:
    """Return a number with as many places as a tick or step has."""
    return format(value.quantize(step), "f")


def places(step: Decimal) -> int:
    """Return how many places a tick or step has."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
