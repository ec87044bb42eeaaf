"""Band: the positions a rule permits, as an interval that always contains flat.

Bands meet by intersection. Because every band contains flat, a meeting is never empty, its order never matters,
and one more rule can never loosen the result. Clamping to a band moves a wish toward flat and never past it.
"""

from typing import NamedTuple

from qt_ray.core.compiled import inlined

UNBOUNDED = 1 << 62


class Band(NamedTuple):
    """Every position from `low` to `high` in whole steps, both included."""

    low: int
    high: int


@inlined
def anything() -> Band:
    """Permit every position."""
    return Band(-UNBOUNDED, UNBOUNDED)


@inlined
def flat() -> Band:
    """Permit no position at all."""
    return Band(0, 0)


@inlined
def holding(position: int) -> Band:
    """Permit what is held and anything less: no new exposure, every exit open."""
    return Band(min(position, 0), max(position, 0))


@inlined
def within(limit: int, position: int) -> Band:
    """Permit at most `limit` either way, or what is already held."""
    bound = max(limit, 0)
    return Band(min(position, -bound), max(position, bound))


@inlined
def around(position: int, reach: int) -> Band:
    """Permit one order of at most `reach` from here, and every exit."""
    room = min(max(reach, 0), UNBOUNDED)
    return Band(min(position - room, 0), max(position + room, 0))


@inlined
def meet(one: Band, other: Band) -> Band:
    """Return the positions both permit."""
    return Band(max(one.low, other.low), min(one.high, other.high))


@inlined
def clamp(band: Band, wish: int) -> int:
    """Return the permitted position nearest to `wish`."""
    return min(max(wish, band.low), band.high)
