"""Desk journal: what a desk was told, durable before anything that follows from it leaves, and state to begin from.

The newest snapshot and what came after it lead to the same desk as the whole journal. A journal of another program's
version, or of another setup, cannot be gone on from: then a desk begins anew in it, and the venue says what is held.
Old segments are kept on a shelf, so that every decision there ever was can be made again.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from qt_ray.adapters.disk import Disk
from qt_ray.adapters.journal_file import PATTERN, JournalFile
from qt_ray.adapters.journal_lines import ARCHIVE, lines_in
from qt_ray.adapters.snapshots import SnapshotFiles
from qt_ray.core.errors import Invalid
from qt_ray.engine.desk import DeskBook, Outcome
from qt_ray.engine.desk_entries import Began, Entry, encoded, entry_of
from qt_ray.engine.desk_kept import Kept

SNAPSHOT_EVERY: Final = 500
SEGMENT_BYTES: Final = 8 << 20
SNAPSHOTS: Final = "snapshots"

# Hears of an entry that is folded again: its number, what it says, what came of it, and whose desk that was.
Heard = Callable[[int, Entry, Outcome, Began], None]


def unheard(number: int, entry: Entry, outcome: Outcome, began: Began) -> None:
    """Tell nobody what came of an entry."""


class DeskJournal:
    """One desk's journal; `words` is what a person should know of how it was found."""

    def __init__(self, folder: Path, disk: Disk | None = None, segment_bytes_max: int = SEGMENT_BYTES) -> None:
        """Open the journal in `folder`, or begin one; it is ours until `close`."""
        self.words: tuple[str, ...] = ()
        self.folder, self._kept = folder, 0
        self._journal = JournalFile(folder, segment_bytes_max, disk)
        self._snapshots = SnapshotFiles(folder / SNAPSHOTS, self._journal)

    def recovered(self, heard: Heard = unheard) -> DeskBook | None:
        """Return the desk that the journal leads to; nothing if there was none, or if `words` say why it cannot be."""
        try:
            found = self._snapshots.recover()
            self.words = found.words
            book = DeskBook.resumed(Kept.of(found.snapshot.state)) if found.snapshot else None
            self._kept = self._journal.next - 1 - len(found.records)
            return folded([(record.sequence, entry_of(record.payload)) for record in found.records], book, heard)
        except Invalid as error:
            self.words = (*self.words, f"a desk begins anew, {error}")
            return None

    def append(self, *entries: Entry) -> int:
        """Return the number of the last of `entries` once they are durable; on Retryable none may be acted on."""
        return self._journal.append_many([encoded(entry) for entry in entries]) + len(entries) - 1

    @property
    def is_due(self) -> bool:
        """Return whether enough has happened since the last snapshot for another one."""
        return self._journal.next - 1 - self._kept >= SNAPSHOT_EVERY

    def keep(self, book: DeskBook) -> None:
        """Take a snapshot of what the journal says; a disk that refuses it raises, and nothing has changed."""
        self._kept = self._snapshots.take(book.kept.encoded()) + 1
        oldest = self._snapshots.oldest
        if oldest is not None:
            self._journal.shelve(oldest + 1, self.folder / ARCHIVE)

    def close(self) -> None:
        """Give the journal back; all that was promised is durable already."""
        self._journal.close()


def folded(
    entries: Sequence[tuple[int, Entry]], book: DeskBook | None = None, heard: Heard = unheard
) -> DeskBook | None:
    """Return the desk that entries lead to; what came before the last beginning is past, and is not even looked at."""
    beginnings = [at for at, (_, entry) in enumerate(entries) if isinstance(entry, Began)]
    for number, entry in entries[beginnings[-1] :] if beginnings else entries:
        if isinstance(entry, Began):
            book = DeskBook(entry)
        elif book is None:
            raise Invalid(f"journal: a desk begins before it is told anything, was {entry.kind}")
        else:
            heard(number, entry, book.take(entry), book.began)
    return book


def entries_in(folder: Path) -> Iterator[Entry]:
    """Yield every entry there ever was, from `folder` and its shelf; it only reads, so a copy will do."""
    if not any(folder.glob(PATTERN)):
        raise Invalid(f"{folder.name}: a folder with the segments of a desk's journal, had none")
    for record in lines_in(folder):
        yield entry_of(record.payload)
