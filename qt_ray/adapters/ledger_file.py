"""Ledger file: the books of an account as a journal of their entries; durable first, posted then.

The journal is the books: a restart folds it again and has the same digest. What is known already is not written again,
and what contradicts is refused before it is written, so a journal never holds two truths.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from qt_ray.adapters.disk import Disk
from qt_ray.adapters.journal_file import BATCH_MAX, SEGMENT_BYTES_MAX, JournalFile
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Invariant
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Moved, Opening, Traded, entry_of


class LedgerFile:
    """The durable books of one account; one process writes them."""

    def __init__(
        self, folder: Path, quotes: Mapping[str, str], opening: Opening | None = None, disk: Disk | None = None
    ) -> None:
        """Fold the journal in `folder`; where there is none yet, the books begin with `opening`."""
        self._journal = JournalFile(folder, SEGMENT_BYTES_MAX, disk)
        with ExitStack() as undo:
            undo.callback(self.close)
            self.books = self._folded(folder.name, quotes) or self._opened(folder.name, quotes, opening)
            undo.pop_all()

    def take(self, entries: Iterable[Traded | Moved]) -> tuple[Traded | Moved, ...]:
        """Return the entries that were new, durable and posted; Retryable leaves the books as they were."""
        fresh: dict[str, Traded | Moved] = {}
        for entry in entries:
            self.books.admit(entry)
            twin = fresh.get(entry.key, entry)
            if twin.content != entry.content:
                raise Invariant(f"{entry.key}: a name means one thing, was {twin} and {entry}")
            if not self.books.knows(entry):
                fresh[entry.key] = entry
        new = tuple(fresh.values())
        for first in range(0, len(new), BATCH_MAX):
            batch = new[first : first + BATCH_MAX]
            self._journal.append_many([canonical(entry) for entry in batch])
            for entry in batch:
                self.books.post(entry)
        return new

    def close(self) -> None:
        """Give the journal back."""
        self._journal.close()

    def _folded(self, name: str, quotes: Mapping[str, str]) -> Books | None:
        entries = (entry_of(decode(record.payload)) for record in self._journal.replay())
        opening = next(entries, None)
        if opening is None:
            return None
        if not isinstance(opening, Opening):
            raise Invalid(f"{name}: books are opened by their first entry and no other, was {opening.kind}")
        books = Books(opening, quotes)
        for entry in entries:
            if isinstance(entry, Opening):
                raise Invalid(f"{name}: books are opened by their first entry and no other, was {entry.kind}")
            books.post(entry)
        return books

    def _opened(self, name: str, quotes: Mapping[str, str], opening: Opening | None) -> Books:
        if opening is None:
            raise Invalid(f"{name}: new books begin with an opening, there was none")
        self._journal.append(canonical(opening))
        return Books(opening, quotes)
