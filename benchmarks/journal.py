"""Journal: what durability costs above what the disk itself asks for it, in the same run on the same disk.

The peer writes the same bytes with nothing around them: one append and one fdatasync. What lies between the two is
framing, checksums and the digest of the segment. A group gathers for 5 ms, with ours as with the peer;
without that wait it is the processor that is measured, and then the row promises a rate of its own.
"""

import os
import tempfile
import time
from pathlib import Path

from benchmarks.form import Row, Sample, at_least, main, median_of, more_is_better
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.governance.checksum import crc32c
from qt_ray.governance.framing import FRAME_BYTES

RECORD = b"r" * 300
WINDOW_S = 0.005
BATCH = 100
SHARE = 0.7
BUSY_MIN = 100_000.0
REPLAY_MIN = 100_000.0


def raw(path: Path, count: int, size: int, window_s: float = 0.0) -> None:
    """Append and force `size` bytes `count` times, with a window of gathering before each."""
    data = b"x" * size
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        for _ in range(count):
            if window_s:
                time.sleep(window_s)
            os.write(handle, data)
            os.fdatasync(handle)
    finally:
        os.close(handle)


def one_by_one(journal: JournalFile, count: int) -> None:
    """Append `count` records, each durable before the next."""
    for _ in range(count):
        journal.append(RECORD)


def grouped(journal: JournalFile, count: int, window_s: float = 0.0) -> None:
    """Append `count` groups, each durable before the next, with a window of gathering before each."""
    for _ in range(count):
        if window_s:
            time.sleep(window_s)
        journal.append_many([RECORD] * BATCH)


def replayed(journal: JournalFile) -> int:
    """Read and verify every record."""
    return sum(1 for _ in journal.replay())


def measure(quick: bool) -> list[Row]:
    """Time appends one by one and in groups, each against the bare disk, and a replay."""
    count, runs = (50, 1) if quick else (400, 5)
    groups = max(count // 10, 5)
    crc32c(RECORD)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        journal = JournalFile(folder / "journal")
        try:
            frame = len(RECORD) + FRAME_BYTES
            bare = median_of(lambda: raw(folder / "one", count, frame), runs).rate(count)
            single = median_of(lambda: one_by_one(journal, count), runs).rate(count)
            limit = median_of(lambda: raw(folder / "many", groups, frame * BATCH, WINDOW_S), runs).rate(groups * BATCH)
            group = median_of(lambda: grouped(journal, groups, WINDOW_S), runs).rate(groups * BATCH)
            busy = median_of(lambda: grouped(journal, groups), runs).rate(groups * BATCH)
            total = replayed(journal)
            back: Sample = median_of(lambda: replayed(journal), runs).rate(total)
        finally:
            journal.close()
    return [
        more_is_better("append, each record forced, vs fdatasync", "records/s", single, bare.value, SHARE),
        more_is_better("group commit each 5 ms, 100 records, vs fdatasync", "records/s", group, limit.value, SHARE),
        at_least("group commit, one group after another", "records/s", busy, BUSY_MIN),
        at_least("replay, every record verified", "records/s", back, REPLAY_MIN),
    ]


if __name__ == "__main__":
    main(measure)
