"""A rulebook in SQLite: entries are only ever added, each with the digest of itself and of all before it.

The row that follows is written in the transaction that has read the last one, so two stores cannot both have written
behind the same entry.
"""

from pathlib import Path
from sqlite3 import Connection
from typing import Final

from qt_ray.adapters.sqlite_file import BUSY_MS_MAX, SqliteFile
from qt_ray.core.errors import Invalid
from qt_ray.governance.rulebook import Rulebook
from qt_ray.governance.rulebook_entries import RulebookEntry
from qt_ray.governance.rulebook_store import (
    GENESIS,
    HISTORY_MAX,
    Kept,
    Overtaken,
    body_of,
    checked,
    entry_of,
    link_of,
    proposal_in,
    why_not_first,
)

SCHEMA: Final = 1
APPLICATION: Final = 0x51545250

_TABLE: Final = """
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, proposal TEXT, link TEXT NOT NULL, body BLOB NOT NULL
) STRICT
"""
_INDEXES: Final = (
    "CREATE INDEX by_kind ON entries (kind, sequence)",
    "CREATE INDEX by_proposal ON entries (proposal, sequence)",
)
_LAST: Final = "SELECT sequence, link FROM entries ORDER BY sequence DESC LIMIT 1"
_NEWEST_REVISION: Final = """
SELECT link, (SELECT link FROM entries WHERE sequence = e.sequence - 1), body FROM entries AS e
WHERE kind = 'revision' ORDER BY sequence DESC LIMIT 1
"""
_OPEN: Final = """
SELECT body FROM entries AS made WHERE kind = 'proposed' AND NOT EXISTS (
    SELECT 1 FROM entries AS closed
    WHERE closed.proposal = made.proposal AND closed.kind <> 'proposed' AND closed.sequence > made.sequence
) ORDER BY sequence
"""


class SqliteRulebook:
    """A RulebookStore in one file, for any number of threads and processes."""

    def __init__(self, path: Path, busy_ms_max: int = BUSY_MS_MAX) -> None:
        """Open the book at `path`, or make it; a file that is damaged or of another program is refused."""
        self._file = SqliteFile(path, "a rulebook", APPLICATION, SCHEMA, (_TABLE, *_INDEXES), busy_ms_max)

    def load(self) -> tuple[Rulebook | None, int]:
        """Return the book as it stands and its last sequence; no book and 0 before the first entry."""
        with self._file.reading() as link:
            last, _ = _last(link)
            if last == 0:
                return None, 0
            kept, before, body = link.execute(_NEWEST_REVISION).fetchone()
            if link_of(before or GENESIS, body) != kept:
                raise Invalid(f"{self._file.name}: the policy in force follows from those before it, it does not")
            entries = [entry_of(body), *(entry_of(row[0]) for row in link.execute(_OPEN))]
        return Rulebook.of(entries), last

    def last(self) -> int:
        """Return the sequence of the last entry, 0 before the first."""
        with self._file.reading() as link:
            return _last(link)[0]

    def append(self, entry: RulebookEntry, after: int) -> Kept | Overtaken:
        """Keep an entry behind the one numbered `after`; it is durable when this returns."""
        if (why := why_not_first(entry, after)) is not None:
            raise Invalid(why)
        body = body_of(entry)
        with self._file.writing() as link:
            last, before = _last(link)
            if last != after:
                return Overtaken(last)
            kept = Kept(last + 1, link_of(before, body), entry)
            row = (kept.sequence, entry.kind, proposal_in(entry), kept.link, body)
            link.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
        return kept

    def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        """Return up to `count` entries, the newest first, from below `before`."""
        shown = (before or 2**62, min(count, HISTORY_MAX))
        ask = "SELECT sequence, link, body FROM entries WHERE sequence < ? ORDER BY sequence DESC LIMIT ?"
        with self._file.reading() as link:
            rows = link.execute(ask, shown).fetchall()
        return tuple(Kept(sequence, kept, entry_of(body)) for sequence, kept, body in rows)

    def verify(self) -> int:
        """Return the number of entries after reading each; Invalid names the first that the chain does not bear."""
        with self._file.reading() as link:
            return checked(link.execute("SELECT sequence, link, body FROM entries ORDER BY sequence"))

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _last(link: Connection) -> tuple[int, str]:
    sequence, kept = link.execute(_LAST).fetchone() or (0, GENESIS)
    return int(sequence), str(kept)
