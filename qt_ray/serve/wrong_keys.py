"""Wrong keys: how often somebody was turned away, so that guessing is slow and the record of it short but whole.

Only those who are turned away are counted, so nobody's guesses shut out a person who has a key from the same address.
"""

from dataclasses import dataclass
from typing import Final

PER_SECOND_MAX: Final = 20
KNOWN_MAX: Final = 1_000
WINDOW_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether somebody asks too often, how many refusals are to be told now, and whether others wait to be told."""

    is_flood: bool
    times: int
    begins_to_wait: bool = False


@dataclass(slots=True)
class _Count:
    since_ms: int
    times: int = 1
    untold: int = 0


class WrongKeys:
    """Counts refusals by whoever was refused, the newest only."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def seen(self, who: str, at_ms: int) -> Seen:
        """Take one more refusal in: the first of a second is told at once, those after it together."""
        count = self._counts.pop(who, None)
        if count is None or not 0 <= at_ms - count.since_ms < WINDOW_MS:
            told = 1 + (count.untold if count else 0)
            self._counts[who] = _Count(at_ms)
            self._forget()
            return Seen(False, told)
        count.times, count.untold = count.times + 1, count.untold + 1
        self._counts[who] = count
        return Seen(count.times > PER_SECOND_MAX, 0, count.untold == 1)

    def untold(self, who: str) -> int:
        """Return how many refusals were not told yet, and take them as told."""
        count = self._counts.get(who)
        if count is None:
            return 0
        told, count.untold = count.untold, 0
        return told

    def _forget(self) -> None:
        if len(self._counts) > KNOWN_MAX:
            del self._counts[next(iter(self._counts))]
