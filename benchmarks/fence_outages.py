"""Fence outages: for how long a kill kept entries away, read off the moments at which the exchange took some.

A gateway whose store was killed goes on until its lease ends, so an outage need not begin with the kill. A kill that
something else fell into says nothing about itself, and is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from qt_ray.governance.leases import LEASE_MS

# A desk that asks ten times a second and is not served for so long is not served.
SILENCE_MS: Final = 1_000
BEGINS_MS: Final = LEASE_MS + 500


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that may keep entries away by itself, from when until when."""

    from_ms: int
    until_ms: int
    is_kill: bool = False


def outages(blows: Sequence[Blow], entries_ms: Iterable[int]) -> list[int]:
    """Return the milliseconds from each kill that nothing else fell into to the first entry after what it caused."""
    times = sorted(entries_ms)
    found = []
    for blow in blows:
        back_ms = _back_ms(blow.from_ms, times) if blow.is_kill else None
        if back_ms is not None and not any(_meets(other, blow.from_ms, back_ms) for other in blows if other != blow):
            found.append(back_ms - blow.from_ms)
    return found


def _back_ms(killed_ms: int, times: Sequence[int]) -> int | None:
    """Return when entries were back, or nothing if they never stayed away or did not come again."""
    after = [killed_ms, *(at_ms for at_ms in times if at_ms > killed_ms)]
    silences = ((since, back) for since, back in pairwise(after) if back - since >= SILENCE_MS)
    since, back = next(silences, (None, None))
    return back if since is not None and since <= killed_ms + BEGINS_MS else None


def _meets(other: Blow, from_ms: int, until_ms: int) -> bool:
    return other.from_ms <= until_ms and other.until_ms >= from_ms
