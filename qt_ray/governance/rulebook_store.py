"""Where a rulebook is kept: entries in a chain, each durable before it is acknowledged, and a plain copy beside it.

An entry names the one it follows, so of two stores that believe to own the book one finds out before it has done harm.
The copy is for the day that the entries are lost; whichever of both is newer is believed, so nothing old, neither a
copy nor a restored backup, ends a newer emergency.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.core.restore import restore_as
from qt_ray.governance.rulebook import Rulebook
from qt_ray.governance.rulebook_entries import Proposed, Revision, RulebookEntry

GENESIS: Final = "0" * 64
HISTORY_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry in its place; `link` is the digest of it and of all before."""

    sequence: int
    link: str
    entry: RulebookEntry


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Somebody else has written to the book: its last entry is `sequence`, and nothing was added."""

    sequence: int


class RulebookStore(Protocol):
    """Keeps one rulebook. Retryable when it cannot be read or written now, Invalid when what it holds is damaged."""

    def load(self) -> tuple[Rulebook | None, int]:
        """Return the book as it stands and its last sequence; no book and 0 before the first entry."""

    def last(self) -> int:
        """Return the sequence of the last entry, 0 before the first; cheap enough to ask at every lease."""

    def append(self, entry: RulebookEntry, after: int) -> Kept | Overtaken:
        """Keep an entry behind the one numbered `after`; it is durable when this returns."""

    def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        """Return up to `count` entries, the newest first, from below `before`."""

    def verify(self) -> int:
        """Return the number of entries after reading each; Invalid names the first that the chain does not bear."""


def link_of(previous: str, body: bytes) -> str:
    """Return the digest of an entry's bytes and of all entries before."""
    return sha256(previous.encode() + body).hexdigest()


def body_of(entry: RulebookEntry) -> bytes:
    """Return an entry as it is kept."""
    return canonical(entry)


def entry_of(body: bytes) -> RulebookEntry:
    """Return the entry that kept bytes spell."""
    entry: RulebookEntry = restore_as(RulebookEntry, decode(body), "entry")
    return entry


def proposal_in(entry: RulebookEntry) -> str | None:
    """Return the proposal that an entry opens or closes."""
    return entry.proposal.id if isinstance(entry, Proposed) else entry.proposal


def why_not_first(entry: RulebookEntry, after: int) -> str | None:
    """Return why an entry cannot stand there, or nothing."""
    if after == 0 and not isinstance(entry, Revision):
        return f"a rulebook begins with a revision, was {entry.kind}"
    return None


def believed(stored: Policy | None, copy: Policy | None) -> Policy | None:
    """Return the newer of a store's policy and its copy; the epoch decides, since an emergency changes it."""
    if stored is None or copy is None:
        return stored or copy
    return max(stored, copy, key=lambda policy: (policy.epoch, policy.version))


def checked(entries: Iterable[tuple[int, str, bytes]]) -> int:
    """Return how many entries there are, each in its place in the chain; Invalid names the first that is not."""
    link, place = GENESIS, 0
    for place, (sequence, kept, body) in enumerate(entries, start=1):
        link = link_of(link, body)
        if (sequence, link) != (place, kept):
            raise Invalid(f"entry {place} of a rulebook follows from those before it, it does not")
        entry_of(body)
    return place
