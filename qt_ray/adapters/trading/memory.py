"""Memory: one journal holds what became of orders and what was posted, in the one order in which it was believed."""

from typing import Any

from qt_ray.adapters.journal_file import JournalFile
from qt_ray.core.codec import decode
from qt_ray.core.restore import restore_as
from qt_ray.execution.entries import Moved, Opening, Traded
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.records import Record

Entry = Opening | Traded | Moved
Line = Record | Entry


def line_of(data: bytes) -> Line:
    """Return what the bytes of a journal record say."""
    found: Line = restore_as(Line, decode(data), "journal")
    return found


def remembered(journal: JournalFile, book: Book) -> list[Entry]:
    """Fold what a journal says of orders into `book`, and return what it says of the books, oldest first."""
    entries: list[Entry] = []
    for record in journal.replay():
        line: Any = line_of(record.payload)
        if isinstance(line, Opening | Traded | Moved):
            entries.append(line)
        else:
            book.apply(line)
    return entries
