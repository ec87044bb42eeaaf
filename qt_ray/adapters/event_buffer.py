"""Event buffer: what cannot be published now is on disk before anybody goes on, and comes out in the order it came in.

Events are lines of JSON in numbered segments; a checkpoint says how far they have been published and is moved only
after the bus has them, so a crash in between publishes some again, which the bus knows by their ids. What is written
while others are replayed lies behind them and is never lost with them. Beyond its bound the buffer sheds what the
registry does not call critical, and counts it; it never sheds the rest.
"""

import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from qt_ray.adapters.disk import Disk, RealDisk
from qt_ray.adapters.files import locked, write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, decode_event, encode_event
from qt_ray.core.restore import restore

SEGMENT_BYTES_MAX: Final = 100 << 20
BYTES_MAX: Final = 1 << 30
RECENT_MAX: Final = 1_000
BATCH_MAX: Final = 10_000
PATTERN: Final = "events-*.jsonl"
CHECKPOINT: Final = "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far events have been published: all of the segments before, and so many bytes of this one."""

    segment: int = 1
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Events to publish, and where the buffer stands once they are."""

    events: tuple[Event, ...]
    after: Checkpoint


class EventBuffer:
    """One publisher's buffer; `shed` counts what was not kept, by kind, and `recent` is the newest that was."""

    def __init__(
        self,
        folder: Path,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        bytes_max: int = BYTES_MAX,
        disk: Disk | None = None,
    ) -> None:
        """Open the buffer in `folder`; a last line that a crash has cut short was never promised and is cut off."""
        self._folder, self._segment_max, self._max, self._disk = (
            folder,
            segment_bytes_max,
            bytes_max,
            disk or RealDisk(),
        )
        self.shed: Counter[str] = Counter()
        self.recent: deque[Event] = deque(maxlen=RECENT_MAX)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = locked(folder, "an event buffer")
        self._handle: int | None = None
        self._done = self._checkpoint()
        self._segment, self._size = self._end()

    @property
    def is_empty(self) -> bool:
        """Return whether all that was kept has been published."""
        return self.bytes_kept == 0

    @property
    def bytes_kept(self) -> int:
        """Return how much waits to be published."""
        before = sum(
            path.stat().st_size for path in self._paths() if self._done.segment <= _number(path) < self._segment
        )
        return before + self._size - self._done.offset

    def keep(self, events: Sequence[Event]) -> int:
        """Return how many of `events` are durable now, the others shed; Retryable if the disk takes none."""
        is_full = self.bytes_kept >= self._max
        kept = [event for event in events if event.is_critical or not is_full]
        self.shed.update(event.type for event in events if is_full and not event.is_critical)
        data = b"".join(encode_event(event) + b"\n" for event in kept)
        try:
            self._write(data)
        except OSError as error:
            self._abandon()
            raise Retryable(f"event buffer: an event is durable, {error.strerror or error}") from error
        self.recent.extend(kept)
        return len(kept)

    def next_batch(self, most: int = BATCH_MAX) -> Batch | None:
        """Return the oldest events that are not published, or nothing if there are none."""
        for path in self._paths():
            segment = _number(path)
            offset = self._done.offset if segment == self._done.segment else 0
            end = self._size if segment == self._segment else path.stat().st_size
            if segment < self._done.segment or offset >= end:
                continue
            lines = list(islice(_lines(path, offset, end), most))
            after = offset + sum(len(data) for _, data in lines)
            return Batch(tuple(_event(where, data) for where, data in lines), Checkpoint(segment, after))
        return None

    def published(self, batch: Batch) -> None:
        """Take in that a batch is on the bus, durably; segments that lie before it are given back."""
        write_atomic(self._folder / CHECKPOINT, canonical(batch.after))
        self._done = batch.after
        for path in self._paths():
            if _number(path) < self._done.segment:
                path.unlink()

    def close(self) -> None:
        """Give the files back."""
        self._abandon()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _checkpoint(self) -> Checkpoint:
        path = self._folder / CHECKPOINT
        return restore(Checkpoint, decode(path.read_bytes()), path.name) if path.exists() else Checkpoint()

    def _end(self) -> tuple[int, int]:
        paths = self._paths()
        if not paths:
            write_atomic(self._path(self._done.segment), b"")
            return self._done.segment, 0
        data = paths[-1].read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            write_atomic(paths[-1], data[:whole])
        return _number(paths[-1]), whole

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._size >= self._segment_max:
            self._turn()
        if self._handle is None:
            self._handle = self._disk.open(self._path(self._segment))
            self._disk.truncate(self._handle, self._size)  # what a failed sync left was never promised
        taken = self._disk.write(self._handle, data)
        if taken != len(data):
            raise OSError(None, f"a write takes all {len(data)} bytes, took {taken}")
        self._disk.sync(self._handle)
        self._size += len(data)

    def _turn(self) -> None:
        self._abandon()
        write_atomic(self._path(self._segment + 1), b"")
        self._segment, self._size = self._segment + 1, 0

    def _abandon(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._disk.close(handle)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(PATTERN))

    def _path(self, segment: int) -> Path:
        return self._folder / f"events-{segment:08d}.jsonl"


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("events-"))


def _lines(path: Path, offset: int, end: int) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as source:
        source.seek(offset)
        while offset < end:
            data = source.readline()
            yield f"{path.name}, byte {offset}", data
            offset += len(data)


def _event(where: str, data: bytes) -> Event:
    try:
        return decode_event(data)
    except Invalid as error:
        raise Invalid(f"{where}: {error}") from error
