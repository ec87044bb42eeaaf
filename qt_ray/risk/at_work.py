"""At work: the entries of an account that may still fill, as its gateway tells of them again and again.

They count as held for everybody but their owner, until the asker's own books hold what became of them: books that are
older than a look may lack a fill that it shows no more, so every look since those books counts, and of each order the
most. An order may come and fill between two looks; until books are as new as a look that was begun after it could still
come, its reservation stands for it, so books that are older than that are too old. What was not looked at of late is
not known, and on what is not known nothing grows.
"""

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from qt_ray.risk.reservations import HANDED_MS, LEASE_MS

LOOK_AGE_MAX_MS: Final = LEASE_MS - HANDED_MS
LOOKS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Entering:
    """An order that may still open or enlarge something: whose it is, and how much is left of it, signed."""

    client_id: str
    owner: str
    symbol: str
    left: Decimal


@dataclass(frozen=True, slots=True)
class AtWork:
    """All entries that were at work once everything up to the tiding `number` was told."""

    number: int
    entries: tuple[Entering, ...] = ()


class Looks:
    """What was seen of late; nothing is known before a look that was begun at `since_ms` or later."""

    def __init__(self, since_ms: int = 0) -> None:
        self._since_ms, self._seen_ms = since_ms, -1
        self._looks: deque[tuple[AtWork, int]] = deque(maxlen=LOOKS_MAX)

    @property
    def is_begun(self) -> bool:
        """Return whether anything was ever seen."""
        return bool(self._looks)

    def saw(self, look: AtWork, at_ms: int) -> None:
        """Take in what a look that was begun at a moment has shown."""
        if self._looks and look.number < self._looks[-1][0].number:
            self._looks.clear()  # another journal: its numbers begin anew
        if self._looks and self._looks[-1][0] == look:
            self._looks.pop()
        self._looks.append((look, at_ms))
        self._seen_ms = at_ms

    def why_unseen(self, at_ms: int) -> str:
        """Return why nothing may grow whatever is asked, or nothing."""
        if at_ms < self._since_ms:
            return "what an earlier life has granted may be under way"
        if self._seen_ms < self._since_ms or at_ms - self._seen_ms >= LOOK_AGE_MAX_MS:
            return "no entry before the gateway has told what is at work"
        return ""

    def why_newer(self, books: int, at_ms: int) -> str:
        """Return why nothing may grow in books that are told up to a number, or nothing."""
        young = (look.number for look, seen_ms in self._looks if at_ms - seen_ms < LOOK_AGE_MAX_MS)
        least = next(young, 0)
        return f"books are told up to {least} at least, were up to {books}" if books < least else ""

    def at_work(self, books: int, owner: str) -> tuple[Entering, ...]:
        """Return what of others may have filled since books of that number, or may yet."""
        looks = [look for look, _ in self._looks]
        held = [at for at, look in enumerate(looks) if look.number <= books]
        found: dict[str, Entering] = {}
        for look in looks[held[-1] if held else 0 :]:
            for entry in look.entries:
                most = max(abs(entry.left), abs(found.get(entry.client_id, entry).left))
                found[entry.client_id] = replace(entry, left=most.copy_sign(entry.left))
        return tuple(entry for entry in found.values() if entry.owner != owner)
