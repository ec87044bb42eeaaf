"""Pace: how often one reader may ask, so that a page gone wild spends its own time and nobody else's.

Each reader has a bucket that fills by so much a second and holds a burst. Only the newest readers are known, and one
that was forgotten begins with a full bucket: its memory is bounded, and nobody is shut out by a crowd of others.
"""

from dataclasses import dataclass
from typing import Final

PER_SECOND: Final = 20
BURST: Final = 100
KNOWN_MAX: Final = 1_000


@dataclass(slots=True)
class _Bucket:
    thousandths: int
    filled_ms: int


class Pace:
    """The buckets of all readers."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def allows(self, who: str, at_ms: int) -> bool:
        """Take one more question in, and return whether it is answered."""
        bucket = self._buckets.pop(who, None) or _Bucket(BURST * 1_000, at_ms)
        self._buckets[who] = bucket
        if len(self._buckets) > KNOWN_MAX:
            del self._buckets[next(iter(self._buckets))]
        # A clock that was set back fills nothing, and forward no more than the bucket holds.
        filled = bucket.thousandths + max(at_ms - bucket.filled_ms, 0) * PER_SECOND
        bucket.thousandths, bucket.filled_ms = min(filled, BURST * 1_000), at_ms
        if bucket.thousandths < 1_000:
            return False
        bucket.thousandths -= 1_000
        return True
