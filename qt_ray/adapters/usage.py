"""Usage: what the machine says of memory, disk and processor time, and of each part's process. No library needed.

Only what this machine knows is told: a process that is gone, or is another machine's, has no figures.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qt_ray.adapters.clock import monotonic_ns

PROC: Final = Path("/proc")
KIB: Final = 1_024


@dataclass(frozen=True, slots=True)
class Usage:
    """One process: resident memory, and the seconds of processor it has used since it began."""

    memory_bytes: int
    cpu_s: float


def usage_of(pid: int, proc: Path = PROC) -> Usage | None:
    """Return what a process uses, or nothing if there is none of that number here."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        pages = int((proc / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Usage(pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))


def machine(folder: Path, proc: Path = PROC) -> dict[str, Any]:
    """Return the machine's memory and load, and the disk that `folder` lies on; what is not known is left out."""
    found: dict[str, Any] = {"cpus": os.cpu_count()}
    try:
        lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
        memory = {words[0].rstrip(":"): int(words[1]) * KIB for words in lines if len(words) > 1}
        found |= {"memory_bytes": memory["MemTotal"], "memory_free_bytes": memory["MemAvailable"]}
        found["load_1m"] = float((proc / "loadavg").read_text().split()[0])
    except (OSError, KeyError, ValueError):
        found.pop("memory_bytes", None)
    try:
        disk = os.statvfs(folder)
        found |= {"disk_bytes": disk.f_blocks * disk.f_frsize, "disk_free_bytes": disk.f_bavail * disk.f_frsize}
    except OSError:
        found.pop("disk_bytes", None)
    return found


class Meter:
    """Reads processes again and again, and says how much of a processor each took in between."""

    def __init__(self, clock_ns: Callable[[], int] = monotonic_ns, proc: Path = PROC) -> None:
        """Begin with nothing read."""
        self._clock_ns, self._proc = clock_ns, proc
        self._last: dict[int, tuple[int, float]] = {}

    def read(self, pid: int) -> dict[str, Any]:
        """Return what a process uses; its share of a processor is null the first time."""
        found = usage_of(pid, self._proc)
        if found is None:
            self._last.pop(pid, None)
            return {}
        at_ns = self._clock_ns()
        then_ns, then_s = self._last.get(pid, (at_ns, found.cpu_s))
        self._last[pid] = (at_ns, found.cpu_s)
        share = (found.cpu_s - then_s) / ((at_ns - then_ns) / 1e9) if at_ns > then_ns else None
        return {"memory_bytes": found.memory_bytes, "cpu_share": share}
