"""Venue clock: what time it is at the venue, from the question whose answer travelled least.

It runs on the monotonic clock from its best sample on, so a step of this machine's wall clock moves no timestamp. The
wall clock's own error is known too: beyond a quarter of a second it is worth a warning, beyond a second no entry is
sent, because whatever else reads that clock is wrong as well.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SAMPLES_MAX: Final = 8
WARN_MS: Final = 250
STOP_MS: Final = 1_000
DRIFT_PPM: Final = 100
NS: Final = 1_000_000


class Verdict(StrEnum):
    """What the wall clock is good for."""

    GOOD = "good"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Sample:
    """The venue's time, and when by the monotonic clock it was asked for and heard."""

    server_ms: int
    sent_ns: int
    heard_ns: int

    def error_ns(self, now_ns: int) -> int:
        """Return how far off this sample may be by now: half its way, and the drift since."""
        return (self.heard_ns - self.sent_ns) // 2 + max(now_ns - self.heard_ns, 0) * DRIFT_PPM // 1_000_000

    def at(self, now_ns: int) -> int:
        """Return the venue's milliseconds at a monotonic moment."""
        return self.server_ms + (now_ns - (self.sent_ns + self.heard_ns) // 2) // NS


@dataclass(frozen=True, slots=True)
class ClockView:
    """How far the wall clock is ahead of the venue's, how sure that is, and the verdict."""

    ahead_ms: int
    error_ms: int
    verdict: Verdict


class VenueClock:
    """The last few samples, of which the surest speaks."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)

    def hear(self, sample: Sample) -> None:
        """Take in one answer; an older sample is dropped when the venue's clock has left it behind."""
        kept = [s for s in self._samples if _agree(s, sample)]
        self._samples.clear()
        self._samples.extend([*kept[1 - SAMPLES_MAX :], sample])

    @property
    def is_set(self) -> bool:
        """Return whether the venue was ever heard."""
        return bool(self._samples)

    def venue_ms(self, wall_ms: int, now_ns: int) -> int:
        """Return the venue's time; until it was heard, the wall clock's is the best guess."""
        return self._best(now_ns).at(now_ns) if self._samples else wall_ms

    def view(self, wall_ms: int, now_ns: int) -> ClockView:
        """Return how good the wall clock is; what was never compared is not known to be wrong."""
        if not self._samples:
            return ClockView(0, 0, Verdict.WARN)
        best = self._best(now_ns)
        ahead = wall_ms - best.at(now_ns)
        error = best.error_ns(now_ns) // NS
        return ClockView(ahead, error, _verdict(abs(ahead) - error))

    def _best(self, now_ns: int) -> Sample:
        return min(self._samples, key=lambda sample: sample.error_ns(now_ns))


def _agree(older: Sample, newer: Sample) -> bool:
    now = newer.heard_ns
    return abs(older.at(now) - newer.at(now)) * NS <= older.error_ns(now) + newer.error_ns(now) + NS


def _verdict(off_ms: int) -> Verdict:
    if off_ms > STOP_MS:
        return Verdict.STOP
    return Verdict.WARN if off_ms > WARN_MS else Verdict.GOOD
