"""Wrong keys: how often an address was turned away, so that guessing is slow and the record of it short.

Only those who are turned away are counted, so nobody's guesses shut out a person who has a key from the same address.
"""

from dataclasses import dataclass
from typing import Final

PER_SECOND_MAX: Final = 20
ADDRESSES_MAX: Final = 1_000
WINDOW_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether an address asks too often, and how many refusals are to be told now; 0 while others were just told."""

    is_flood: bool
    times: int


@dataclass(slots=True)
class _Count:
    since_ms: int
    times: int
    untold: int


class WrongKeys:
    """Counts refusals by address, the newest addresses only."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def seen(self, address: str, at_ms: int) -> Seen:
        """Take one more refusal in: the first of a second is told at once, those after it together with the next."""
        count = self._counts.pop(address, None)
        if count is None or not 0 <= at_ms - count.since_ms < WINDOW_MS:
            told = 1 + (count.untold if count else 0)
            count = _Count(at_ms, 1, 0)
        else:
            told = 0
            count.times, count.untold = count.times + 1, count.untold + 1
        self._counts[address] = count
        if len(self._counts) > ADDRESSES_MAX:
            del self._counts[next(iter(self._counts))]
        return Seen(count.times > PER_SECOND_MAX, told)
