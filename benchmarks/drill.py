"""Drill: how long an emergency takes, from the trip to a venue that shows nothing any more.

50 positions with their stops and 100 resting orders, on a paper venue in a process of its own, over real sockets:
in fair weather, with every core of the machine kept busy by somebody else, and with half of all answers a 5xx, half of
those after the deed. A run ends when the trader's own session sees nothing left.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.form import Row, Sample, at_most, main
from qt_ray.jobs.drill import Scene, drilling
from qt_ray.jobs.stopwatch import Laps

POSITIONS, ORDERS = 50, 100
RUNS, RUNS_QUICK = 50, 2
FIRST_CANCEL_MS = 20
FLAT_MS = {"calm": 1_000, "every core busy": 3_000, "half of all answers 5xx": 30_000}


@contextmanager
def spinning() -> Iterator[None]:
    """Keep every core busy with something that never yields."""
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


async def emergencies(errors: Decimal, runs: int, folder: Path) -> list[Laps]:
    """Return how long each of so many emergencies took, on one venue."""
    async with drilling(folder, POSITIONS) as stage:
        return [await stage.once(Scene(POSITIONS, ORDERS, errors)) for _ in range(runs)]


def spread(name: str, micros: list[int], most: float) -> Iterator[Row]:
    """Yield median, 99th percentile and maximum in milliseconds, each promised to be at most so much."""
    times = sorted(value / 1_000 for value in micros)
    tail = times[-(-99 * len(times) // 100) - 1]
    for label, value in (("p50", times[len(times) // 2]), ("p99", tail), ("max", times[-1])):
        yield at_most(f"{name}: {label}", "ms", Sample(value, len(times), (times[0], times[-1])), most)


def weather(name: str, errors: Decimal, runs: int) -> Iterator[Row]:
    """Yield the rows of one kind of weather."""
    with spinning() if name == "every core busy" else nullcontext(), TemporaryDirectory() as folder:
        found = asyncio.run(emergencies(errors, runs, Path(folder)))
    sent = [laps.first_cancel_us for laps in found if laps.first_cancel_us is not None]
    flat = [laps.flat_us for laps in found if laps.flat_us is not None]
    yield from spread(f"{name}, from the trip to the first cancel sent", sent, FIRST_CANCEL_MS)
    yield from spread(f"{name}, from the trip to proven flat", flat, FLAT_MS[name])


def measure(quick: bool) -> list[Row]:
    """Stop the account many times in each weather."""
    runs = RUNS_QUICK if quick else RUNS
    half = Decimal("0.5")
    return [row for name in FLAT_MS for row in weather(name, half if "5xx" in name else Decimal(0), runs)]


if __name__ == "__main__":
    main(measure)
