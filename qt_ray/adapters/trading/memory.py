"""Memory: one journal holds what became of orders and what was posted, in the one order in which it was believed.

Now and then all that it leads to is kept beside it, so that a start reads what came after and not a whole life. That
is a short cut and never needed: without it the journal alone leads to the same state, digest for digest.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from qt_ray.adapters.disk import Disk
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.snapshots import SnapshotFiles
from qt_ray.core.codec import canonical, decode
from qt_ray.core.restore import restore, restore_as
from qt_ray.execution.entries import Moved, Opening, Traded
from qt_ray.execution.gateway.book import Book, Pages, book_of
from qt_ray.execution.gateway.records import Record

Entry = Opening | Traded | Moved
Line = Record | Entry

SNAPSHOT_EVERY: Final = 10_000
# A segment that all snapshots have left behind is moved aside, so it is small enough to be left behind soon.
SEGMENT_BYTES: Final = 8 << 20


class Memory:
    """What an account must not forget: the book of its orders, and the entries of its books."""

    def __init__(
        self, folder: Path, book: Book, disk: Disk | None = None, segment_bytes_max: int = SEGMENT_BYTES
    ) -> None:
        """Fold what `folder` holds into `book`, empty until now; the journal is ours until `close`."""
        self.book = book
        self.entries: list[Entry] = []
        self._lines: list[bytes] = []
        self.passed_over: tuple[str, ...] = ()
        self._folder = folder
        self._journal = JournalFile(folder, segment_bytes_max, disk)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._snapshots = SnapshotFiles(folder / "snapshots", self._journal)
            self._kept = self._recall()
            undo.pop_all()

    def append_many(self, payloads: Sequence[bytes]) -> int:
        """Return the sequence of the first of `payloads` once all are durable."""
        return self._journal.append_many(payloads)

    def note(self, entries: Sequence[Entry]) -> list[bytes]:
        """Take entries of the books in and return their lines, which must be durable before anything rests on them."""
        lines = [canonical(entry) for entry in entries]
        self._lines.extend(lines)
        self.entries.extend(entries)
        return lines

    def post(self, entries: Sequence[Entry]) -> None:
        """Return once entries of the books are durable."""
        self.append_many(self.note(entries))

    @property
    def is_due(self) -> bool:
        """Return whether enough has happened since the last snapshot for another one."""
        return self._news >= SNAPSHOT_EVERY

    def keep(self) -> None:
        """Take a snapshot if there is anything new; only where the book is what the journal says, between two steps.

        A disk that refuses it raises OSError, and then nothing has changed.
        """
        if self._news == 0:
            return
        self._kept = self._snapshots.take(b"\n".join((canonical(self.book.snapshot()), *self._lines))) + 1
        oldest = self._snapshots.oldest
        if oldest is not None:
            self._journal.shelve(oldest + 1, self._folder / "archive")

    def close(self) -> None:
        """Give the journal back; all that was promised is durable already."""
        self._journal.close()

    @property
    def _news(self) -> int:
        return self._journal.next - 1 - self._kept

    def _recall(self) -> int:
        """Return the sequence of the last record that the newest snapshot spares a later start."""
        found = self._snapshots.recover()
        self.passed_over = found.words
        if found.snapshot is not None:
            # The book, and then entry by entry as the journal had them: canonical bytes hold no line break.
            pages, *entries = found.snapshot.state.split(b"\n")
            book_of(restore(Pages, decode(pages)), self.book)
            self._fold(entries)
        self._fold(record.payload for record in found.records)
        return self._journal.next - 1 - len(found.records)

    def _fold(self, payloads: Iterable[bytes]) -> None:
        for payload in payloads:
            line: Any = line_of(payload)
            if isinstance(line, Opening | Traded | Moved):
                self._lines.append(payload)
                self.entries.append(line)
            else:
                self.book.apply(line)


def line_of(data: bytes) -> Line:
    """Return what the bytes of a journal record say."""
    found: Line = restore_as(Line, decode(data), "journal")
    return found
