"""Journal: what returned from `append` survives; what did not return was never promised.

After a failed or short write, or a failed sync, nobody can say what the kernel still holds: that handle is closed and
never used again. The next append opens the file anew, proves that everything promised is there, cuts off the rest and
only then goes on. One process writes a journal; a second one is refused by a lock.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from qt_ray.adapters.disk import Disk, RealDisk
from qt_ray.adapters.files import locked, move, write_atomic
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.governance.journal import (
    FIRST,
    HEAD_BYTES,
    Head,
    Record,
    digest_of,
    follows,
    framed,
    head_of,
    records,
)

SEGMENT_BYTES_MIN: Final = 1 << 10
SEGMENT_BYTES_MAX: Final = 64 << 20
BATCH_MAX: Final = 4_096
PATTERN: Final = "segment-*.qtj"


@dataclass(frozen=True, slots=True)
class _Tail:
    """The end of what was promised: which segment, how long, and the sequence that comes next."""

    path: Path
    head: Head
    size: int
    next: int


class JournalFile:
    """Numbered records in a folder of segments, appended by one process and read by any."""

    def __init__(self, folder: Path, segment_bytes_max: int = SEGMENT_BYTES_MAX, disk: Disk | None = None) -> None:
        """Open the journal in `folder`, or begin one; a torn tail is cut off, any other damage is refused."""
        if segment_bytes_max < SEGMENT_BYTES_MIN:
            raise Invalid(f"journal: a segment has at least {SEGMENT_BYTES_MIN} bytes, was {segment_bytes_max}")
        self._folder, self._bytes_max, self._disk = folder, segment_bytes_max, disk or RealDisk()
        self._handle: int | None = None
        self._full = False
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = locked(folder, "a journal")
        with ExitStack() as undo:
            undo.callback(self.close)
            try:
                self._digest: Any = sha256()
                self._tail = self._found() or self._begun(Head(0, FIRST))
                self._reopen()
            except OSError as error:
                raise Retryable(f"{folder.name}: a journal can be opened, {error.strerror or error}") from error
            undo.pop_all()

    @property
    def next(self) -> int:
        """Return the sequence that the next record will bear."""
        return self._tail.next

    def append(self, payload: bytes) -> int:
        """Return the sequence of `payload` once it is durable; on Retryable it may not be, so do not act on it."""
        return self.append_many((payload,))

    def append_many(self, payloads: Sequence[bytes]) -> int:
        """Return the sequence of the first of `payloads` once all are durable, by one sync."""
        if not 1 <= len(payloads) <= BATCH_MAX:
            raise Invalid(f"journal: 1 to {BATCH_MAX} records at a time, was {len(payloads)}")
        if self._lock is None:
            raise Retryable(f"{self._folder.name}: a journal that was closed may have another writer, open it anew")
        first = self._tail.next
        data = framed(first, payloads)
        if HEAD_BYTES + len(data) > self._bytes_max:
            raise Invalid(f"journal: an append fits a segment of {self._bytes_max} bytes, had {len(data)}")
        try:
            self._make_room(len(data))
            self._force(data)
        except OSError as error:
            self._abandon()
            why = error.strerror or str(error)
            raise Retryable(
                f"{self._tail.path.name}: an append is durable, nothing from {first} on is: {why}"
            ) from error
        self._digest.update(data)
        self._tail = replace(self._tail, size=self._tail.size + len(data), next=first + len(payloads))
        return first

    def replay(self, after: int = 0) -> Iterator[Record]:
        """Yield every promised record with a sequence above `after`."""
        promised = self._tail.next
        for path in _segments(self._folder):
            data = path.read_bytes()
            head = head_of(path.name, data)
            for record in records(path.name, data, head.first, torn_may_end=True):
                if after < record.sequence < promised:
                    yield record

    def shelve(self, before: int, shelf: Path) -> int:
        """Move segments whose records all lie below `before` aside, the oldest first, and return how many."""
        moved = 0
        # One at a time and each durable, so that what stays is consecutive after a crash at any moment.
        for path, after in pairwise(_segments(self._folder)):
            if _first_in(after) > before:
                break
            move(path, shelf)
            moved += 1
        return moved

    def close(self) -> None:
        """Give handle and lock back; everything promised is on disk already."""
        self._abandon()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _force(self, data: bytes) -> None:
        handle = self._handle
        if handle is None:
            raise Invariant("journal: an open journal has a handle")
        taken = self._disk.write(handle, data)
        if taken != len(data):
            raise OSError(None, f"a write takes all {len(data)} bytes, took {taken}")
        self._disk.sync(handle)

    def _make_room(self, size: int) -> None:
        # Once a successor may exist, which names our digest, not even a small record may still go into this segment.
        self._full = self._full or self._tail.size + size > self._bytes_max
        if self._full:
            self._abandon()
            self._tail = self._begun(Head(self._tail.head.index + 1, self._tail.next, self._digest.digest()))
            self._full = False
        if self._handle is None:
            self._reopen()

    def _begun(self, head: Head) -> _Tail:
        content = head.encoded()
        path = self._folder / f"segment-{head.index:08d}.qtj"
        write_atomic(path, content)
        self._digest = sha256(content)
        return _Tail(path, head, len(content), head.first)

    def _found(self) -> _Tail | None:
        """Return the end of the journal on disk after reading all of it."""
        tail: _Tail | None = None
        paths = _segments(self._folder)
        for path in paths:
            data = path.read_bytes()
            head = head_of(path.name, data)
            if tail is not None:
                follows(path.name, head, tail.head, self._digest.digest(), tail.next)
            size, after = HEAD_BYTES, head.first
            for record in records(path.name, data, head.first, torn_may_end=path is paths[-1]):
                size, after = record.end, record.sequence + 1
            self._digest = sha256(memoryview(data)[:size])
            tail = _Tail(path, head, size, after)
        return tail

    def _reopen(self) -> None:
        """Open the last segment anew, prove that all that was promised is in it, and cut off what was not."""
        data = self._tail.path.read_bytes()
        if digest_of(data[: self._tail.size]) != self._digest.digest():
            raise Invariant(f"{self._tail.path.name}: the first {self._tail.size} bytes are as they were promised")
        handle = self._disk.open(self._tail.path)
        try:
            if len(data) > self._tail.size:
                self._disk.truncate(handle, self._tail.size)
            # Even an untouched file is forced: a crash may have left whole records that no sync had confirmed yet.
            self._disk.sync(handle)
        except OSError:
            self._disk.close(handle)
            raise
        self._handle = handle

    def _abandon(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                self._disk.close(handle)


def _first_in(path: Path) -> int:
    with path.open("rb") as source:
        return head_of(path.name, source.read(HEAD_BYTES)).first


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob(PATTERN))
