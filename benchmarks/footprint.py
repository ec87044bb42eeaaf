"""Footprint: what it takes to hold a champion ready: the time to open it, and the memory of a process that serves it.

The peer is a process that has imported what trained the members and loaded nothing yet. Both are counted above a bare
interpreter with numpy and numba, which a fund has anyway.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.champion import Champion, champion, registered
from benchmarks.form import Row, Sample, at_most, less_is_better, main, median_of
from benchmarks.market import MINUTE_MS
from qt_ray.adapters.models.assembly import assemble

OPEN_MS_MAX = 1_000.0
MEMORY_SHARE_MAX = 0.25
BARE = "import numba, numpy"
LIBRARIES = f"{BARE}, xgboost, lightgbm, torch"
SERVING = """
import sys
from pathlib import Path
import numpy as np
from qt_ray.adapters.models.assembly import assemble
from qt_ray.ai.members.member import Evidence
ensemble = assemble(Path(sys.argv[1]), ("AUSDT",), int(sys.argv[3]), sys.argv[2])
look = max(seat.member.lookback for seat in ensemble.seats)
row = np.ones((1, len(ensemble.needs)), np.float32)
evidence = Evidence(row, np.ones((look, 4), np.float32), np.array([look - 1]))
ensemble.weigh(evidence, np.zeros(1, np.uint8), np.zeros(1, np.int64))
"""
RESIDENT = """
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def resident(code: str, *words: str) -> float:
    """Return the megabytes that a fresh process holds after running some code."""
    command = [sys.executable, "-c", code + RESIDENT, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    return int(done.stdout.split()[-1]) / 1024


def opening(made: Champion, root: Path, version: str, runs: int) -> Row:
    """Measure how long it takes to read, check and fold every member."""
    work = partial(assemble, root, made.bars.symbols, MINUTE_MS, version)
    name = f"open a champion of {len(made.learned)} members from its registry"
    return at_most(name, "ms", median_of(work, runs).scaled(1e3), OPEN_MS_MAX)


def memory(root: Path, version: str) -> list[Row]:
    """Measure a process that has answered with all members, and one that has only imported their libraries."""
    bare = resident(BARE)
    serving = resident(SERVING, str(root), version, str(MINUTE_MS)) - bare
    peer = resident(LIBRARIES) - bare
    ours = Sample(serving, 1, (serving, serving))
    name = "memory to serve 4 members, peer the libraries imported, above numpy and numba"
    return [less_is_better(name, "MB", ours, peer, MEMORY_SHARE_MAX)]


def measure(quick: bool) -> list[Row]:
    """Measure the opening, then the memory."""
    made = champion(40, 6_000) if quick else champion()
    with registered(made) as (root, version):
        return [opening(made, root, version, 3 if quick else 9), *memory(root, version)]


if __name__ == "__main__":
    main(measure)
