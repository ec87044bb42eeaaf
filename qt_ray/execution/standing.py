"""Standing: what the entries of an account have led to, so that a start need not read them all again.

It is a short cut and no second truth: whoever posts the same entries arrives at the same standing, and an entry that
an earlier life wrote is read the moment that anybody asks for it. So books from a standing answer every question as
books from the whole journal do, and what a start costs does not grow with the age of the account.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.core.codec import decode
from qt_ray.core.restore import restore_as
from qt_ray.execution.entries import Cause, Moved, Opening, Traded
from qt_ray.execution.venue.views import PositionSide

Posted = Traded | Moved


@dataclass(frozen=True, slots=True)
class Held:
    """A position as its last trade left it; before any trade it is that of the opening, and the name is empty."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    cost: Decimal
    cash: Decimal
    trade_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Up to where the venue has shown everything: the last trade of each symbol, and the movements until a moment."""

    cursors: dict[str, int] = field(default_factory=dict)
    income_ms: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Wallets, their causes and positions after every entry so far, and up to where nothing can be missing."""

    opening: Opening
    wallets: dict[str, Decimal]
    causes: tuple[tuple[Cause, str, Decimal], ...]
    positions: tuple[Held, ...]
    proven: Proven


def posted_of(line: bytes) -> Posted:
    """Return the entry that a line spells."""
    found: Posted = restore_as(Posted, decode(line), "entry")
    return found


class Shelf:
    """Entries by name; one that was only written is read when it is asked for, and then kept as it was read."""

    def __init__(self, written: Iterable[tuple[str, bytes]] = ()) -> None:
        """Take over what was written; of two lines under one name the later one counts."""
        self._found: dict[str, Posted | bytes] = dict(written)

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[Posted]:
        """Yield every entry, by name."""
        return (self._taken(name) for name in sorted(self._found))

    def get(self, name: str) -> Posted | None:
        """Return an entry, or nothing if there is none of that name."""
        return self._taken(name) if name in self._found else None

    def put(self, entry: Posted) -> None:
        """Keep an entry, in the place of what bore its name."""
        self._found[entry.key] = entry

    def _taken(self, name: str) -> Posted:
        found = self._found[name]
        if isinstance(found, bytes):
            found = self._found[name] = posted_of(found)
        return found
