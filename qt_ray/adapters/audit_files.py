"""Audit files: one file a day of JSON Lines, each line durable before the call that wrote it returns.

A new line always goes behind the newest file, whatever the clock says, so the order of files is the order of lines. A
last line that a crash has cut short was never promised and is cut off; any other damage is refused, because going on
behind it would hide it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Final

from qt_ray.adapters.disk import Disk, RealDisk
from qt_ray.adapters.files import locked, write_atomic
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.governance.audit_chain import Head, Line, followed, head_of, line_of
from qt_ray.governance.audit_records import AuditRecord, AuditType

PATTERN: Final = "audit_????-??-??.jsonl"


class AuditFiles:
    """The audit log of one fund: one process writes it, any process reads it."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        """Open the log in `folder`, or begin one."""
        self._folder, self._disk = folder, disk or RealDisk()
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            self._lock: int | None = locked(folder, "an audit log")
            undo.callback(self.close)
            self._handle: tuple[Path, int] | None = None
            self.head = self._recovered()
            undo.pop_all()

    def append(self, records: Sequence[AuditRecord]) -> tuple[Line, ...]:
        """Return the lines of `records` once all are durable; Retryable if they may not be."""
        lines, head = list[Line](), self.head
        for record in records:
            lines.append(head.next(record))
            head = head_of(lines[-1])
        try:
            self._write(max(record.day for record in records), b"".join(line.encoded() for line in lines))
        except OSError as error:
            self._abandon()
            raise Retryable(f"audit: a record is durable, {error.strerror or error}") from error
        self.head = head
        return tuple(lines)

    def close(self) -> None:
        """Give the files back."""
        self._abandon()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _recovered(self) -> Head:
        """Return the last line of the log after cutting off what was never promised."""
        paths = files_in(self._folder)
        if not paths:
            return Head()
        data = paths[-1].read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            write_atomic(paths[-1], data[:whole])
        for path in reversed(paths):
            lines = path.read_bytes().splitlines(keepends=True)
            if lines:
                return head_of(line_of(f"{path.name}:{len(lines)}", lines[-1]))
        return Head()

    def _write(self, day: str, data: bytes) -> None:
        handle = self._opened(day)
        taken = self._disk.write(handle, data)
        if taken != len(data):
            raise OSError(None, f"a write takes all {len(data)} bytes, took {taken}")
        self._disk.sync(handle)

    def _opened(self, day: str) -> int:
        if self._lock is None:
            raise Retryable("audit: a log that was closed may have another writer, open it anew")
        newest = max([f"audit_{day}.jsonl", *(path.name for path in files_in(self._folder)[-1:])])
        path = self._folder / newest
        if self._handle is not None and self._handle[0] != path:
            self._abandon()
        if self._handle is None:
            self._prove(path)
            self._handle = (path, self._disk.open(path))
        return self._handle[1]

    def _prove(self, path: Path) -> None:
        """Make a day's file, or see that the one there ends with what was promised, and with nothing else."""
        if not path.exists():
            write_atomic(path, b"")
        elif (found := self._recovered()) != self.head:
            if found.sequence < self.head.sequence:
                raise Invariant(f"audit: line {self.head.sequence} was promised and is there, {found.sequence} is last")
            self._cut(path)

    def _cut(self, path: Path) -> None:
        """Drop lines that were written and never promised, because the sync behind them failed."""
        kept = bytearray()
        for number, data in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            if line_of(f"{path.name}:{number}", data).sequence <= self.head.sequence:
                kept += data
        write_atomic(path, bytes(kept))

    def _abandon(self) -> None:
        # After a failed sync nobody can say what the kernel still holds: the handle is never used again.
        found, self._handle = self._handle, None
        if found is not None:
            self._disk.close(found[1])


def files_in(folder: Path) -> list[Path]:
    """Return the files of a log, the oldest first."""
    return sorted(folder.glob(PATTERN))


def lines_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every line of a log with its place, the oldest first."""
    for path in files_in(folder):
        with path.open("rb") as source:
            for number, data in enumerate(source, start=1):
                yield f"{path.name}:{number}", data


def thinned(path: Path, keep: frozenset[AuditType]) -> int:
    """Replace a day's records by their digests, but for those of a type in `keep`; return how many went."""
    lines = [line_of(f"{path.name}:{at}", data) for at, data in enumerate(path.read_bytes().splitlines(True), start=1)]
    old = [line.record is not None and line.record.event_type not in keep for line in lines]
    if any(old):
        kept = (line.without_record() if goes else line for line, goes in zip(lines, old, strict=True))
        write_atomic(path, b"".join(line.encoded() for line in kept))
    return sum(old)


def day_of(path: Path) -> date:
    """Return the day that a file of a log is named after."""
    try:
        return date.fromisoformat(path.stem.removeprefix("audit_"))
    except ValueError as error:
        raise Invalid(f"{path.name}: a file of an audit log is named after a day, {error}") from error


def verified(folder: Path) -> Iterator[Line]:
    """Yield every line of a log, proven to follow from those before it."""
    return followed(lines_in(folder), Head())
