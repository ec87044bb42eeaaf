"""Native: files that other libraries write, read as anybody's input: measured, compared and refused, never repaired.

A file that says what our arithmetic would not do is worse than one that is broken, so every claim in it is checked.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.core.errors import Invalid

ARTEFACT_BYTES_MAX = 64 << 20


def require_size(kind: str, artefact: bytes) -> None:
    """Refuse a file that is larger than any model of ours."""
    if len(artefact) > ARTEFACT_BYTES_MAX:
        raise Invalid(f"{kind}: an artefact has at most {ARTEFACT_BYTES_MAX} bytes, was {len(artefact)}")


def require_equal(kind: str, what: str, wanted: object, given: object) -> None:
    """Refuse a file that says another thing than the one we can serve."""
    if given != wanted:
        raise Invalid(f"{kind}: {what} is {wanted!r:.200}, was {given!r:.200}")


def integers(what: str, given: Sequence[Any], count: int) -> Ints:
    """Return `count` integers from a list of numbers or of their spellings."""
    return _numbers(what, given, count, np.int64)


def floats(what: str, given: Sequence[Any], count: int) -> Floats:
    """Return `count` finite floats from a list of numbers or of their spellings."""
    numbers: Floats = _numbers(what, given, count, np.float64)
    if not np.isfinite(numbers).all():
        raise Invalid(f"{what}: finite numbers, had {numbers[~np.isfinite(numbers)][0]}")
    return numbers


def singles_at_most(bounds: Floats) -> Singles:
    """Return the largest float32 at most each bound: a float32 is at most the one if and only if at most the other."""
    with np.errstate(over="ignore"):
        near = bounds.astype(np.float32)
    return np.where(near > bounds, singles_below(near), near)


def singles_below(bounds: Singles) -> Singles:
    """Return the float32 before each bound: a float32 is at most the one if and only if it is less than the other."""
    with np.errstate(over="ignore"):
        return np.nextafter(bounds, np.float32(-np.inf))


def _numbers(what: str, given: Sequence[Any], count: int, kind: type[Any]) -> NDArray[Any]:
    if not isinstance(given, list) or len(given) != count:
        found = len(given) if isinstance(given, list) else type(given).__name__
        raise Invalid(f"{what}: a list of {count} numbers, was {found}")
    allowed = (str, int) if kind is np.int64 else (str, int, float)
    if any(type(number) not in allowed for number in given):
        raise Invalid(f"{what}: numbers, was {given!s:.60}")
    try:
        return np.array([int(number) if kind is np.int64 else float(number) for number in given], kind)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{what}: numbers, {error!s:.80}") from error
