"""Crash points: a trader killed with SIGKILL at each of ten points of an order's life, and started again.

Real processes, sockets and files; the venue's trade log and the account's journal are compared afterwards by a checker
that shares no code with either. A restart is timed from the start of the process to the moment an entry would be sent;
two traders at a time share the machine with their venues, so its processor time is told beside it.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.form import Row, Sample, at_least, at_most, report
from tests.crash.points import POINTS, Point
from tests.crash.trial import Trial, tried

RUNS, RUNS_QUICK = 50, 1
AT_A_TIME = 2
RESTART_S = 5.0
RESTART_CPU_S = 2.0
BARE_MS = 2_000
INVARIANTS = {
    "V1": "fills lost or invented",
    "V2": "positions that differ",
    "V3": "wallets that differ",
    "V4": "orders doubled",
    "V5": "orders without an earlier journalled intent",
    "V12": "journals that replay differently",
    "V14": "traders that never came to rest",
}


async def campaign(runs: int) -> list[Trial]:
    """Kill at every point so many times, a few traders at a time, and show each breach as it is found."""
    free = asyncio.Semaphore(AT_A_TIME)

    async def one(point: Point, run: int) -> Trial:
        async with free:
            with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".crash-") as name:
                found = await tried(point, run, Path(name))
        for said in found.broken:
            print(f"{point.name}, run {run}: {said}", file=sys.stderr)
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(point, run)) for run in range(runs) for point in POINTS]
    return [task.result() for task in tasks]


def tail(values: Sequence[float], share: float) -> Sample:
    """Return the value that so large a share of `values` does not exceed."""
    found = sorted(values) or [0.0]
    at = min(int(len(found) * share), len(found) - 1)
    return Sample(found[at], len(found), (found[0], found[-1]))


def count(value: int, runs: int) -> Sample:
    """Return a count over so many kills."""
    return Sample(value, runs, (value, value))


def rows(found: list[Trial]) -> list[Row]:
    """Return what the kills came to."""
    kills = len(found)
    broken = [said.split(" ", 1)[0] for trial in found for said in trial.broken]
    ready = [trial for trial in found if trial.restart_s]
    restarts, work = [trial.restart_s for trial in ready], [trial.restart_cpu_s for trial in ready]
    bare = [float(ms) for trial in found for ms in trial.bare_ms]
    over = [float(ms) for trial in found for ms in trial.bare_over_kill_ms]
    return [
        at_least("kills", "count", count(kills, kills), len(POINTS)),
        at_least("orders the venue took", "count", count(sum(trial.orders for trial in found), kills), kills),
        at_least("trades compared", "count", count(sum(trial.trades for trial in found), kills), kills),
        *(at_most(said, "count", count(broken.count(name), kills), 0) for name, said in INVARIANTS.items()),
        *(
            at_most(f"restart to ready: {name}", "s", tail(restarts, share), RESTART_S)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
        ),
        *(
            at_most(f"restart to ready, {p.meaning}: p95", "s", tail(_restarts(ready, p), 0.95), RESTART_S)
            for p in POINTS
        ),
        at_most(
            "restart to ready, processor: p95",
            "s",
            tail(work, 0.95),
            RESTART_CPU_S,
        ),
        at_most("position without a stop: p99", "ms", tail(bare, 0.99), BARE_MS),
        at_most("position without a stop, over a kill: p95", "ms", tail(over, 0.95), RESTART_S * 1_000),
    ]


def _restarts(ready: list[Trial], point: Point) -> list[float]:
    return [trial.restart_s for trial in ready if trial.point == point.name]


def main() -> None:
    """Run the campaign and report it in the form of every benchmark."""
    parser = argparse.ArgumentParser(description="Kill a trader at each point of an order's life.")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--quick", action="store_true", help="one kill at each point: a smoke test, not a number")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"kills at each point, {RUNS} when absent")
    options = parser.parse_args()
    found = asyncio.run(campaign(RUNS_QUICK if options.quick else options.runs))
    report(rows(found), options.json)


if __name__ == "__main__":
    main()
