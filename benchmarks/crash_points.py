"""Crash points: a trader killed with SIGKILL at each of ten points of an order's life, and started again.

Real processes, sockets and files; the venue's trade log and the account's journal are compared afterwards by a checker
that shares no code with either. A restart is timed from the start of the process to the moment an entry would be sent;
three traders at a time share the machine with their venues, so its processor time is told beside it. Told to end, the
campaign begins no other trial and reports those that were under way. Anything broken is exit code 1.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from benchmarks.form import Row, Sample, at_least, at_most, report
from tests.crash.points import POINTS, Point
from tests.crash.trial import Trial, tried

RUNS, RUNS_QUICK = 50, 1
AT_A_TIME = 3
RESTART_S = 5.0
RESTART_CPU_S = 2.0
BEGUN_S = 1.5
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

Attempt = Callable[[Point, int, Path], Awaitable[Trial]]


async def campaign(runs: int, at_a_time: int, attempt: Attempt) -> list[Trial]:
    """Kill at every point so many times, a few traders at a time, and show each breach as it is found."""
    waiting = deque((point, run) for run in range(runs) for point in POINTS)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, waiting.clear)
    found: list[Trial] = []

    async def work() -> None:
        while waiting:
            point, run = waiting.popleft()
            with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".crash-") as name:
                trial = await attempt(point, run, Path(name))
            found.append(trial)
            for said in trial.broken:
                print(f"{trial.point}, run {trial.run}, the {trial.nth}. time: {said}", file=sys.stderr)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_a_time):
            group.create_task(work())
    return found


def tail(values: Sequence[float], share: float) -> Sample:
    """Return the value that so large a share of `values` does not exceed."""
    found = sorted(values) or [0.0]
    at = min(int(len(found) * share), len(found) - 1)
    return Sample(found[at], len(found), (found[0], found[-1]))


def count(value: int, runs: int) -> Sample:
    """Return a count over so many kills."""
    return Sample(value, runs, (value, value))


def rows(found: list[Trial], asked: int) -> list[Row]:
    """Return what the kills came to, of so many that were asked for."""
    kills = len(found)
    broken = [said.split(" ", 1)[0] for trial in found for said in trial.broken]
    ready = [trial for trial in found if trial.restart_s]
    restarts, work = [trial.restart_s for trial in ready], [trial.restart_cpu_s for trial in ready]
    bare = [float(ms) for trial in found for ms in trial.bare_ms]
    over = [float(ms) for trial in found for ms in trial.bare_over_kill_ms]
    return [
        at_least("kills", "count", count(kills, kills), asked),
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
        *(
            at_most(f"restart to ready, of it {name}: p95", "s", tail(times, 0.95), most)
            for name, times, most in (
                ("the imports", [trial.begun_s for trial in ready], BEGUN_S),
                ("what follows them", [trial.restart_s - trial.begun_s for trial in ready], RESTART_S - BEGUN_S),
                ("processor", work, RESTART_CPU_S),
            )
        ),
        at_most("position without a stop: p99", "ms", tail(bare, 0.99), BARE_MS),
        *(
            at_most(f"position without a stop, over a kill: {name}", "ms", tail(over, share), RESTART_S * 1_000)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
        ),
    ]


def _restarts(ready: list[Trial], point: Point) -> list[float]:
    return [trial.restart_s for trial in ready if trial.point == point.name]


def verdict(found: list[Trial]) -> int:
    """Return the exit code, and say in the last line on the other stream why it is not 0."""
    broken = sum(bool(trial.broken) for trial in found)
    if broken:
        print(f"{broken} of {len(found)} kills broke something", file=sys.stderr)
    return 1 if broken else 0


def main(argv: Sequence[str] | None = None, attempt: Attempt = tried) -> int:
    """Run the campaign and report it in the form of every benchmark."""
    parser = argparse.ArgumentParser(description="Kill a trader at each point of an order's life.")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--out", type=Path, help="a file for the rows, one JSON object each, beside what is shown")
    parser.add_argument("--quick", action="store_true", help="one kill at each point: a smoke test, not a number")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"kills at each point, {RUNS} when absent")
    parser.add_argument("--at-a-time", type=int, default=AT_A_TIME, help=f"traders at a time, {AT_A_TIME} when absent")
    options = parser.parse_args(argv)
    runs = RUNS_QUICK if options.quick else options.runs
    found = asyncio.run(campaign(runs, options.at_a_time, attempt))
    told = rows(found, runs * len(POINTS))
    report(told, options.json)
    if options.out is not None:
        options.out.write_text("".join(row.line() + "\n" for row in told), encoding="utf-8")
    return verdict(found)


if __name__ == "__main__":
    sys.exit(main())
