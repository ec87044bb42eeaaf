"""Drift of a stream: since when the mean of what comes in one by one is another, and from what to what.

ADWIN (Bifet and Gavalda 2007) keeps as much of the past as still agrees with itself, in buckets whose sizes double, so
memory grows with the logarithm of what was seen and is bounded. Page-Hinkley adds up how much worse than usual it was
and finds a small, lasting change sooner. What is not known is not taken in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, log, sqrt
from typing import Final, NamedTuple

from qt_ray.core.errors import Invalid

BUCKETS_MAX: Final = 5
# 5 buckets each of 1, 2, 4 .. 2**31 values; what is older than that is forgotten.
ROWS_MAX: Final = 32
SIDE_MIN: Final = 8
# How often a cut is looked for, in values.
LOOK_EVERY: Final = 8
WARM_UP: Final = 64
# What never varied has a deviation of this much of its size, so that rounding is no rise.
ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Change:
    """A mean that became another one, and when it did."""

    since_ms: int
    before: float
    after: float


class Bucket(NamedTuple):
    """Some values that came one after another: how many, their mean, their squared deviations, when they began."""

    size: int
    mean: float
    spread: float
    since_ms: int

    def joined(self, later: "Bucket") -> "Bucket":
        """Return both as one."""
        count = self.size + later.size
        apart = later.mean - self.mean
        mean = self.mean + apart * later.size / count
        spread = self.spread + later.spread + apart * apart * self.size * later.size / count
        return Bucket(count, mean, spread, self.since_ms)

    def without(self, earlier: "Bucket") -> "Bucket":
        """Return what is left when values it began with are taken away."""
        count = self.size - earlier.size
        mean = (self.mean * self.size - earlier.mean * earlier.size) / count
        apart = mean - earlier.mean
        spread = self.spread - earlier.spread - apart * apart * earlier.size * count / self.size
        return Bucket(count, mean, max(spread, 0.0), earlier.since_ms)


class Adwin:
    """A window over values from `low` to `high` that drops its older part once the newer one has another mean."""

    def __init__(self, low: float = 0.0, high: float = 1.0, doubt: float = 0.002) -> None:
        """Begin with an empty window; `doubt` is how often a cut may be wrong."""
        if not (isfinite(low) and isfinite(high) and low < high):
            raise Invalid(f"a range ascends, was [{low}, {high}]")
        if not 0.0 < doubt < 1.0:
            raise Invalid(f"doubt: inside 0 and 1, was {doubt}")
        self._low, self._high, self._doubt = low, high, doubt
        self._rows: list[list[Bucket]] = [[]]
        self._seen = 0

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Return what is remembered, oldest first."""
        return tuple(bucket for row in reversed(self._rows) for bucket in row)

    @property
    def count(self) -> int:
        """Return how many values the window holds."""
        return sum(bucket.size for bucket in self.buckets)

    def see(self, at_ms: int, value: float) -> Change | None:
        """Take in a value, cut off at the ends of the range, and return the change it gave away."""
        if not isfinite(value):
            return None
        kept = min(max(float(value), self._low), self._high)
        self._rows[0].append(Bucket(1, kept, 0.0, at_ms))
        self._compress()
        self._seen += 1
        return self._cut() if self._seen % LOOK_EVERY == 0 else None

    def _compress(self) -> None:
        for level, row in enumerate(self._rows):
            if len(row) <= BUCKETS_MAX:
                return
            older = row.pop(0).joined(row.pop(0))
            if level + 1 == ROWS_MAX:
                return
            if level + 1 == len(self._rows):
                self._rows.append([])
            self._rows[level + 1].append(older)

    def _cut(self) -> Change | None:
        """Forget what came before the plainest break; less is kept than in the paper, so that it names the moment."""
        breaks = [(excess, cut) for cut, excess in self._excesses() if excess > 0.0]
        if not breaks:
            return None
        _, cut = max(breaks)
        older, newer = self.buckets[:cut], self.buckets[cut:]
        for row in reversed(self._rows):
            gone = min(cut, len(row))
            del row[:gone]
            cut -= gone
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
        return Change(newer[0].since_ms, _whole(older).mean, _whole(newer).mean)

    def _excesses(self) -> Iterator[tuple[int, float]]:
        """Yield by how much the means on both sides of every cut differ more than they may."""
        buckets = self.buckets
        whole, older = _whole(buckets), buckets[0]
        for cut, bucket in enumerate(buckets[1:], 1):
            newer = whole.without(older)
            if min(older.size, newer.size) >= SIDE_MIN:
                yield cut, abs(older.mean - newer.mean) - self._allowed(older, newer, whole)
            older = older.joined(bucket)

    def _allowed(self, older: Bucket, newer: Bucket, whole: Bucket) -> float:
        """Return Bernstein's bound on how far two means of values within the range differ by chance."""
        harmonic = 1.0 / (1.0 / older.size + 1.0 / newer.size)
        surprise = log(2.0 * log(whole.size) / self._doubt)
        noise = sqrt(2.0 / harmonic * whole.spread / whole.size * surprise)
        return noise + 2.0 / (3.0 * harmonic) * surprise * (self._high - self._low)


class PageHinkley:
    """Says when a stream has risen for good; limits are in deviations of the values it warmed up with."""

    def __init__(self, tolerance: float = 0.25, threshold: float = 20.0) -> None:
        """Begin with nothing seen; more tolerance or a higher threshold is slower and errs less."""
        if not (0.0 < tolerance < threshold and isfinite(threshold)):
            raise Invalid(f"a tolerance is above 0 and below the threshold, were {tolerance} and {threshold}")
        self._tolerance, self._threshold = tolerance, threshold
        self._past: Bucket | None = None
        self._worse: Bucket | None = None
        self._risen, self._scale, self._usual = 0.0, 0.0, 0.0

    def see(self, at_ms: int, value: float) -> Change | None:
        """Take in a value, and return the rise it gave away; after one the watch begins anew."""
        if not isfinite(value):
            return None
        one = Bucket(1, float(value), 0.0, at_ms)
        self._past = one if self._past is None else self._past.joined(one)
        if self._past.size <= WARM_UP:
            deviation = sqrt(self._past.spread / self._past.size)
            self._scale, self._usual = max(deviation, abs(self._past.mean) * ROUNDING, ROUNDING), self._past.mean
            return None
        excess = value - self._past.mean - self._tolerance * self._scale
        if self._risen + excess <= 0.0:
            self._risen, self._worse, self._usual = 0.0, None, self._past.mean
            return None
        self._risen += excess
        self._worse = one if self._worse is None else self._worse.joined(one)
        return self._found() if self._risen > self._threshold * self._scale else None

    def _found(self) -> Change | None:
        worse, usual = self._worse, self._usual
        if worse is None or worse.size < SIDE_MIN:
            return None
        self._begin()
        return Change(worse.since_ms, usual, worse.mean)

    def _begin(self) -> None:
        self._past, self._worse = None, None
        self._risen, self._scale, self._usual = 0.0, 0.0, 0.0


def _whole(buckets: tuple[Bucket, ...]) -> Bucket:
    found = buckets[0]
    for bucket in buckets[1:]:
        found = found.joined(bucket)
    return found
