"""Memory: one journal holds what became of orders and what was posted, in the one order in which it was believed.

Now and then all that it leads to is kept beside it, so that a start reads what came after and not a whole life. That
is a short cut and never needed: without it the journal alone leads to the same state, digest for digest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from qt_ray.adapters.disk import Disk
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.snapshots import SnapshotFiles
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore, restore_as
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Moved, Opening, Traded
from qt_ray.execution.gateway.book import Book, Pages, book_of
from qt_ray.execution.gateway.records import Record
from qt_ray.execution.standing import Proven, Shelf, Standing

Entry = Opening | Traded | Moved
Line = Record | Entry

SNAPSHOT_EVERY: Final = 10_000
# A segment that all snapshots have left behind is moved aside, so it is small enough to be left behind soon.
SEGMENT_BYTES: Final = 8 << 20


class Follower(Protocol):
    """Whoever reads a journal along, line by line, in the order of their numbers."""

    def begun(self, pages: Pages, names: Sequence[str], sequence: int) -> None:
        """Take in what all lines up to `sequence` have led to: the book, and the name of each entry."""

    def wrote(self, sequence: int, payload: bytes) -> None:
        """Take in a line that is durable; it may be read whenever there is time."""


class Memory:
    """What an account must not forget: the book of its orders, and the entries of its books."""

    def __init__(
        self,
        folder: Path,
        book: Book,
        disk: Disk | None = None,
        segment_bytes_max: int = SEGMENT_BYTES,
        follower: Follower | None = None,
    ) -> None:
        """Fold what `folder` holds into `book`, empty until now; the journal is ours until `close`."""
        self.book = book
        self._follower = follower
        self.standing: Standing | None = None
        self._names: list[str] = []
        self._lines: list[bytes] = []
        self._summed = 0
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
        first = self._journal.append_many(payloads)
        if self._follower is not None:
            for sequence, payload in enumerate(payloads, first):
                self._follower.wrote(sequence, payload)
        return first

    def note(self, entries: Sequence[Entry]) -> list[bytes]:
        """Take entries of the books in and return their lines, which must be durable before anything rests on them."""
        lines = [canonical(entry) for entry in entries]
        self._lines.extend(lines)
        self._names.extend(map(_name, entries))
        return lines

    def post(self, entries: Sequence[Entry]) -> None:
        """Return once entries of the books are durable."""
        self.append_many(self.note(entries))

    @property
    def is_empty(self) -> bool:
        """Return whether no books have been opened yet."""
        return not self._lines

    @property
    def entries(self) -> list[Entry]:
        """Return every entry there ever was, read anew: for whoever looks back, and not for a start."""
        return [entry_of(line) for line in self._lines]

    def books(self, quotes: Mapping[str, str]) -> Books:
        """Return the books that the entries lead to; what a snapshot has summed up is not read for that."""
        if self.standing is None:
            opening, *entries = self.entries
            if not isinstance(opening, Opening):
                raise Invalid(f"journal: books begin with an opening, was {opening.kind}")
            return Books.of(opening, quotes, _posted(entries))
        named = zip(self._names[: self._summed], self._lines[: self._summed], strict=True)
        books = Books.resumed(self.standing, quotes, Shelf(pair for pair in named if pair[0]))
        for entry in _posted(map(entry_of, self._lines[self._summed :])):
            books.post(entry)
        return books

    @property
    def is_due(self) -> bool:
        """Return whether enough has happened since the last snapshot for another one."""
        return self._news >= SNAPSHOT_EVERY

    def keep(self, books: Books, proven: Proven) -> None:
        """Take a snapshot if there is anything new; only where book and books are what the journal says, between steps.

        A line that the books do not hold, since it changed nothing, is of no name: who begins here is not to hold it.
        A disk that refuses it raises OSError, and then nothing has changed.
        """
        if self._news == 0:
            return
        names = [name if books.holds(name) else "" for name in self._names]
        summed = canonical(self.book.snapshot()), canonical(books.standing(proven)), canonical(names)
        self._kept = self._snapshots.take(b"\n".join((*summed, *self._lines))) + 1
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
            # What it led to, and then entry by entry as the journal had them: canonical bytes hold no line break.
            pages, standing, names, *self._lines = found.snapshot.state.split(b"\n")
            book_of(restore(Pages, decode(pages)), self.book)
            self.standing, self._names = restore(Standing, decode(standing)), decode(names)
            self._summed = len(self._lines)
            if self._follower is not None:
                self._follower.begun(restore(Pages, decode(pages)), self._names, found.snapshot.sequence)
        self._fold(record.payload for record in found.records)
        if self._follower is not None:
            for record in found.records:
                self._follower.wrote(record.sequence, record.payload)
        return self._journal.next - 1 - len(found.records)

    def _fold(self, payloads: Iterable[bytes]) -> None:
        for payload in payloads:
            line: Any = line_of(payload)
            if isinstance(line, Opening | Traded | Moved):
                self._lines.append(payload)
                self._names.append(_name(line))
            else:
                self.book.apply(line)


def entry_of(data: bytes) -> Entry:
    """Return what the bytes of an entry say."""
    found: Entry = restore_as(Entry, decode(data), "journal")
    return found


def _posted(entries: Iterable[Entry]) -> Iterator[Traded | Moved]:
    return (entry for entry in entries if not isinstance(entry, Opening))


def _name(entry: Entry) -> str:
    return "" if isinstance(entry, Opening) else entry.key


def line_of(data: bytes) -> Line:
    """Return what the bytes of a journal record say."""
    found: Line = restore_as(Line, decode(data), "journal")
    return found
