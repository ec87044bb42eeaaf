"""Journal lines: what a journal and its shelf hold, read by whoever does not write it.

It only reads, so a copy will do, and a journal that another writes meanwhile ends where it ended then. Segments must
follow each other; the journal's own words about snapshots are left out.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from qt_ray.adapters.journal_file import PATTERN
from qt_ray.governance.journal import HEAD_BYTES, Head, Record, digest_of, follows, head_of, records
from qt_ray.governance.snapshots import vouched_in

ARCHIVE: Final = "archive"


def lines_in(folder: Path, after: int = 0) -> Iterator[Record]:
    """Yield every record with a number above `after`, the oldest first."""
    before: tuple[Head, bytes, int] | None = None
    paths = _segments(folder, after)
    for path in paths:
        data = path.read_bytes()
        head = head_of(path.name, data)
        if before is not None:
            follows(path.name, head, *before)
        size, beyond = HEAD_BYTES, head.first
        for record in records(path.name, data, head.first, torn_may_end=path is paths[-1]):
            size, beyond = record.end, record.sequence + 1
            if record.sequence > after and vouched_in(record.payload) is None:
                yield record
        before = (head, digest_of(data[:size]), beyond)


def _segments(folder: Path, after: int) -> list[Path]:
    """Return the segments that hold what lies after a number, the shelf's before the others."""
    paths = sorted([*(folder / ARCHIVE).glob(PATTERN), *folder.glob(PATTERN)], key=lambda path: path.name)
    passed = sum(_first_in(later) <= after + 1 for _, later in pairwise(paths))
    return paths[passed:]


def _first_in(path: Path) -> int:
    with path.open("rb") as source:
        return head_of(path.name, source.read(HEAD_BYTES)).first
