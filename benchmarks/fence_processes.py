"""Fence in real processes: law 2 with real actors, real signals, a real disk and sockets, where nobody simulates time.

One Ray of our own, a policy store, two gateways with a journal each that compete for one account's lease, an exchange
in a process of its own, and a desk that asks for entries in an emergency too. Store and gateways are killed and stopped
at random; what must be zero is counted at the exchange and in the policy's book, believing neither. Then mistakes are
made on purpose: a campaign that does not find them would prove nothing. `--seed` plays one schedule again. Told to end,
it begins no other schedule and reports those that were played.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.crash_points import count, tail
from benchmarks.fence_cast import MISTAKES, Cast
from benchmarks.fence_play import Played, playing
from benchmarks.fence_schedule import SECOND
from benchmarks.fence_truth import LAWS
from benchmarks.form import Row, at_least, at_most, report
from qt_ray.actors.cluster import cluster
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS

SCHEDULES, SCHEDULES_QUICK = 200, 3
FIRST_SEED = 1
# From here on the holder of a lease is stopped just before most emergencies, which is when a fence is put to the test.
# Whether one is caught at work in the moment that counts is chance: the first that is ends the hunt.
HUNT_SEED, HUNT_SEEDS = 22, 24
# A lease and the longest way of a request, and what a busy machine adds to it.
ACKNOWLEDGED_MS = LEASE_MS + TRAVEL_MS + 700
# A part is ready again within five seconds, and then somebody else's lease may have to run out.
BACK_MS = 5_000 + LEASE_MS + TRAVEL_MS
REST_MS = 60_000
HAPPENED = (
    "entries accepted",
    "entries asked for under an epoch that is not in force",
    "exits accepted in an emergency",
    "kills",
    "pauses",
    "writes acknowledged",
)
SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


async def campaign(folder: Path, seeds: Sequence[int], over: asyncio.Event) -> Played:
    """Play schedules until none is left, or nothing comes to rest any more, or somebody wants it to end."""
    async with playing(folder, "fence", Cast(), seeds[0]) as play:
        for seed in seeds:
            if over.is_set():
                break
            told, goes_on = len(play.played.told), await play.act(seed)
            for line in play.played.told[told:]:
                print(line, file=sys.stderr)
            if not goes_on:
                break
    return play.played


async def hunted(folder: Path, account: str, cast: Cast, over: asyncio.Event) -> int | None:
    """Return within how many schedules a mistake shows, or nothing."""
    async with playing(folder, account, cast, HUNT_SEED) as play:
        for seed in range(HUNT_SEED, HUNT_SEED + HUNT_SEEDS):
            goes_on = await play.act(seed)
            if play.played.violations:
                return play.played.schedules
            if over.is_set() or not goes_on:
                break
    return None


def rows(found: Played, asked: int) -> list[Row]:
    """Return what schedules came to, of so many that were asked for."""
    played, counts = found.schedules, found.counts
    return [
        at_least("schedules", "count", count(played, played), asked),
        *(at_most(law, "count", count(found.violations[law], played), 0) for law in LAWS),
        *(at_least(f"happened: {what}", "count", count(counts[what], played), played) for what in HAPPENED),
        *(
            at_least(f"happened: {what}", "count", count(counts[what], played), played // 2)
            # A lease outlives a schedule in which nobody who holds it is struck.
            for what in ("emergencies acknowledged", f"entries accepted of {SECOND}", "leases given")
        ),
        at_least(
            "kills that nothing else fell into and that stopped entries",
            "count",
            count(len(found.outages_ms), played),
            played // 20,
        ),
        at_most("leases given to a life that nobody met", "count", count(found.strangers, played), played // 20),
        *times("an emergency is acknowledged while the store lives", found.waits_ms, ACKNOWLEDGED_MS),
        *times("entries are back after a kill", found.outages_ms, BACK_MS),
        *times("a schedule comes to rest", found.rests_ms, REST_MS),
    ]


def times(name: str, found: Sequence[int], most: float) -> list[Row]:
    """Return how long something took, each share promised to be at most so much."""
    return [at_most(f"{name}: {label}", "ms", tail([*map(float, found)], share), most) for label, share in SHARES]


async def mistakes(folder: Path, over: asyncio.Event) -> list[Row]:
    """Return within how many schedules each mistake was found."""
    found = {
        name: await hunted(folder / f"mistake{number}", f"mistake{number}", cast, over)
        for number, (name, cast) in enumerate(MISTAKES.items(), start=1)
        if not over.is_set()
    }
    missed = sum(found.get(name) is None for name in MISTAKES)
    return [
        at_most("mistakes not found", "count", count(missed, len(MISTAKES)), 0),
        *(
            at_most(f"schedules until found: {name}", "count", count(tried or HUNT_SEEDS + 1, 1), HUNT_SEEDS)
            for name, tried in found.items()
        ),
    ]


async def whole(folder: Path, seeds: Sequence[int], and_mistakes: bool) -> list[Row]:
    """Play all schedules, and then look for mistakes; whoever wants it to end is shown what there is by then."""
    over = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, over.set)
    found = rows(await campaign(folder / "fund", seeds, over), len(seeds))
    return found + (await mistakes(folder, over) if and_mistakes else [])


def measure(seeds: Sequence[int], and_mistakes: bool) -> list[Row]:
    """Measure on a Ray of our own."""
    # What is killed here must be ours: another's Ray is never joined.
    os.environ.pop("RAY_ADDRESS", None)
    with redirect_stdout(sys.stderr), TemporaryDirectory() as name, cluster("qt-fence", dashboard=False):
        return asyncio.run(whole(Path(name), seeds, and_mistakes))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the campaign and report it in the form of every benchmark."""
    parser = argparse.ArgumentParser(description="Kill and stop a policy store and two gateways at random.")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--quick", action="store_true", help="a few schedules: a smoke test, not a number")
    parser.add_argument("--seed", type=int, help="play this schedule, and no mistakes")
    parser.add_argument("--schedules", type=int, help=f"how many, {SCHEDULES} when absent, 1 with a seed")
    options = parser.parse_args(argv)
    usual = SCHEDULES_QUICK if options.quick else SCHEDULES if options.seed is None else 1
    first = FIRST_SEED if options.seed is None else options.seed
    report(measure(range(first, first + (options.schedules or usual)), options.seed is None), options.json)


if __name__ == "__main__":
    main()
