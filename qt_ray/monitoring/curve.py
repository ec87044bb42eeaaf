"""Curve: equity over any length of time in a bounded number of points.

When it is full every second point goes and the spacing doubles, so the whole life stays in view and only its detail
fades. The first point and the newest are always there.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_ray.core.errors import Invalid

POINTS_MAX: Final = 2_000
SPACING_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Point:
    """What the account was worth at a moment."""

    at_ms: int
    equity: Decimal


class Curve:
    """One account's equity, oldest first."""

    def __init__(self, points_max: int = POINTS_MAX, spacing_ms: int = SPACING_MS) -> None:
        """Begin with nothing known."""
        if points_max < 4:
            raise Invalid(f"a curve has 4 points or more, was {points_max}")
        self._max, self._spacing_ms = points_max, spacing_ms
        self._points: list[Point] = []
        self._newest: Point | None = None

    def add(self, at_ms: int, equity: Decimal) -> None:
        """Take in what the account is worth; what arrives late is not drawn."""
        if self._newest is not None and at_ms < self._newest.at_ms:
            return
        self._newest = Point(at_ms, equity)
        if self._points and at_ms - self._points[-1].at_ms < self._spacing_ms:
            return
        self._points.append(self._newest)
        if len(self._points) >= self._max:
            self._points, self._spacing_ms = self._points[::2], self._spacing_ms * 2

    @property
    def newest(self) -> Point | None:
        """Return the last point, or nothing before the first."""
        return self._newest

    @property
    def points(self) -> tuple[Point, ...]:
        """Return the curve."""
        if self._newest is None:
            return ()
        kept = tuple(self._points)
        return kept if kept[-1] == self._newest else (*kept, self._newest)
