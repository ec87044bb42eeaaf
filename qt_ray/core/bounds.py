"""Bounds: each limit is declared once, with its range and with the side on which it lets more risk in.

From the same declaration follow validation, the comparison of two policies and the documentation, so a
limit cannot be added without saying what loosening it would mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, get_args

from qt_ray.core.codec import decimal_text
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import hints


class Side(Enum):
    """Where more risk lies."""

    UP = 1
    DOWN = -1
    EITHER = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """The range of a limit and the side of it that is looser."""

    low: Decimal
    high: Decimal
    side: Side


def more(low: int | str, high: int | str) -> Bound:
    """Bound a limit that lets in more risk as it grows."""
    return Bound(Decimal(low), Decimal(high), Side.UP)


def less(low: int | str, high: int | str) -> Bound:
    """Bound a limit that lets in more risk as it shrinks."""
    return Bound(Decimal(low), Decimal(high), Side.DOWN)


def either(low: int | str, high: int | str) -> Bound:
    """Bound a limit whose every change counts as loosening, because neither side is plainly safer."""
    return Bound(Decimal(low), Decimal(high), Side.EITHER)


def bound_of(kind: Any, name: str) -> Bound | None:
    """Return the bound declared with a field."""
    return _bound_of(kind, name)


@cache
def _bound_of(kind: Any, name: str) -> Bound | None:
    extras = getattr(hints(kind)[name], "__metadata__", ())
    return next((extra for extra in extras if isinstance(extra, Bound)), None)


def check(value: Any) -> None:
    """Raise on the first field of `value` that has the wrong kind or lies outside its declared range."""
    for field in fields(value):
        item, hint = getattr(value, field.name), hints(type(value))[field.name]
        bound = bound_of(type(value), field.name)
        if bound is not None:
            _check_number(item, get_args(hint)[0], bound, field.name)
        elif hint is bool and not isinstance(item, bool):
            raise Invalid(f"{field.name}: true or false, was {item!r}")


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any, Bound | None]]:
    """Yield the dotted name, the value and the bound of every leaf under a dataclass."""
    for field in fields(value):
        item = getattr(value, field.name)
        name = f"{where}.{field.name}" if where else field.name
        if is_dataclass(item) and not isinstance(item, type):
            yield from leaves(item, name)
        else:
            yield name, item, bound_of(type(value), field.name)


def _check_number(item: object, kind: type[Any], bound: Bound, where: str) -> None:
    if type(item) is not kind:
        raise Invalid(f"{where}: a {kind.__name__}, was {item!r}")
    if not isinstance(item, int | Decimal) or (isinstance(item, Decimal) and not item.is_finite()):
        raise Invalid(f"{where}: a finite number, was {item!r}")
    if not bound.low <= item <= bound.high:
        low, high = decimal_text(bound.low), decimal_text(bound.high)
        raise Invalid(f"{where}: from {low} to {high}, was {item}")
