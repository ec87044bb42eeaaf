"""Premises: what must be in order on our own side before anybody is asked: the latch, the memory and its disk.

It only looks. The journal may be in use by the program that writes it, so no lock is taken and nothing is cut off.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from qt_ray.adapters.journal_file import PATTERN
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.trading.places import Places
from qt_ray.core.errors import Invalid
from qt_ray.governance.journal import HEAD_BYTES, Head, digest_of, follows, head_of, records

FREE_BYTES_MIN: Final = 500_000_000


class Health(IntEnum):
    """How bad it is."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw."""

    check: str
    health: Health
    detail: str


def inspected(places: Places) -> list[Finding]:
    """Return what is to be said of the account's latch, journal and folder."""
    return [latch_of(places.latch), folder_of(places.folder), journal_of(places.journal)]


def latch_of(path: Path) -> Finding:
    """Return whether entries are shut out, and by whom and why."""
    found = Latch(path).state()
    if not found.closed:
        return Finding("latch", Health.OK, f"open, epoch {found.epoch}")
    if not found.at_ms:
        return Finding("latch", Health.CRITICAL, found.reason)
    at = datetime.fromtimestamp(found.at_ms // 1_000, UTC)
    detail = f"closed by {found.by} on {at:%Y-%m-%d %H:%M:%S} UTC, epoch {found.epoch}: {found.reason}"
    return Finding("latch", Health.CRITICAL, detail)


def folder_of(path: Path) -> Finding:
    """Return whether the account's memory can be written; what is not there yet is made where its parent lies."""
    place = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    try:
        with TemporaryFile(dir=place) as probe:
            probe.write(b"\0")
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding("state", Health.CRITICAL, f"{path}: a folder that can be written, was: {error.strerror}")
    health = Health.OK if free >= FREE_BYTES_MIN else Health.CRITICAL
    return Finding("state", health, f"{path} can be written, {free / 1e9:.1f} GB are free")


def journal_of(folder: Path) -> Finding:
    """Return how many records the journal holds, each verified; damage is critical, a torn end is not."""
    try:
        count = sum(_counted(sorted(folder.glob(PATTERN))))
    except (Invalid, OSError) as error:
        return Finding("journal", Health.CRITICAL, str(error))
    return Finding("journal", Health.OK, f"{count} records, all whole")


def _counted(paths: list[Path]) -> Iterator[int]:
    """Yield the number of records of each segment; every one must follow the one before."""
    before: tuple[Head, bytes, int] | None = None
    for path in paths:
        data = path.read_bytes()
        head = head_of(path.name, data)
        if before is not None:
            follows(path.name, head, *before)
        size, after = HEAD_BYTES, head.first
        for record in records(path.name, data, head.first, torn_may_end=path is paths[-1]):
            size, after = record.end, record.sequence + 1
        before = head, digest_of(data[:size]), after
        yield after - head.first
