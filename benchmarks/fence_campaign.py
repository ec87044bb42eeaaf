"""Fence campaign: what thousands of schedules of kills, pauses, lost words, wrong clocks and full disks cost the fence.

Every history is one seed: a policy store, two gateways for one account, a desk that asks for entries in an emergency
too, and an exchange, in virtual time; store, lease keeper, reader and gateway are the real classes. What must be zero
is counted at the exchange and on the disk, believing none of them. Then mistakes are made in the fence on purpose: a
campaign that does not find them would prove nothing. Waits are virtual: from an emergency's call to its answer.
"""

import os
import sys
import time
from collections.abc import Iterable
from functools import partial
from multiprocessing import get_context

from benchmarks.form import Row, Sample, at_least, at_most, main
from tests.simulation.fence_histories import FenceCampaign
from tests.simulation.fence_mutations import HUNTED, MUTATIONS
from tests.simulation.fence_world import KINDS, FenceHistory, Script, fence_history

FIRST_SEED = 2_000_000
SEEDS, SEEDS_QUICK = 10_000, 20
MUTANT_SEEDS, MUTANT_SEEDS_QUICK = 120, 20
RATE_MIN = 300
LAWS = (
    "an entry accepted after an acknowledged emergency",
    "an entry of an epoch that was over",
    "an entry sent under a stale token",
    "an entry accepted from a stale token",
    "two gateways with an open fence",
    "a token that is not above all before",
    "an acknowledged write that is lost",
    "an exit that did not leave",
    "an emergency acknowledged late",
    "no gateway can trade again",
    "a part that stumbles",
)
HAPPENED = ("entries accepted", "exits accepted", "emergencies acknowledged", "recoveries", "writes acknowledged")


def one(value: float) -> Sample:
    """Return a count as a sample: a seed's history is the same in every run."""
    return Sample(value, 1, (value, value))


def together(seeds: Iterable[int]) -> FenceCampaign:
    """Run histories on every core there is."""
    found = FenceCampaign()
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for history in pool.imap_unordered(fence_history, seeds, chunksize=10):
            found.add(history)
    return found


def hunted(name: str, seeds: int) -> FenceHistory | None:
    """Return the first history in which a mistake shows."""
    histories = (fence_history(seed, MUTATIONS[name], HUNTED.get(name, Script())) for seed in range(seeds))
    return next((history for history in histories if history.violations), None)


def mutants(seeds: int) -> list[Row]:
    """Return which mistakes were found, and within how many histories."""
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        found = dict(zip(MUTATIONS, pool.map(partial(hunted, seeds=seeds), MUTATIONS, chunksize=1), strict=True))
    tried = {name: seeds if history is None else history.seed + 1 for name, history in found.items()}
    rows = [at_most(f"histories until found: {name}", "count", one(count), seeds) for name, count in tried.items()]
    return [at_most("mistakes not found", "count", one(sum(each is None for each in found.values())), 0), *rows]


def waits(found: FenceCampaign) -> list[Row]:
    """Return how long emergencies waited for their acknowledgement, faults and all."""
    times = sorted(found.waits_ms) or [0]
    spread = (float(times[0]), float(times[-1]))
    shares = ((50, times[len(times) // 2]), (99, times[min(len(times) * 99 // 100, len(times) - 1)]))
    rows = [(f"acknowledged under faults: p{share}", Sample(taken, len(times), spread)) for share, taken in shares]
    return [at_most(name, "ms", sample, 4_000) for name, sample in rows]


def measure(quick: bool) -> list[Row]:
    """Run the campaign and show what it came to."""
    seeds = SEEDS_QUICK if quick else SEEDS
    started = time.perf_counter()
    found = together(range(FIRST_SEED, FIRST_SEED + seeds))
    minutes = (time.perf_counter() - started) / 60
    for bad in sorted(found.bad, key=lambda each: each.seed):
        print(f"seed {bad.seed}: {'; '.join(bad.told)}", file=sys.stderr)
    return [
        *(at_most(law, "count", one(found.violations[law]), 0) for law in LAWS),
        at_most("histories with anything else wrong", "count", one(len(found.violations.keys() - set(LAWS))), 0),
        *(at_least(f"happened: {what}", "count", one(found.counts[what]), 1) for what in HAPPENED),
        *(at_least(f"struck: {kind}", "count", one(found.faults[kind]), 1) for kind in KINDS),
        *waits(found),
        *mutants(MUTANT_SEEDS_QUICK if quick else MUTANT_SEEDS),
        at_least(f"histories, on {os.cpu_count()} cores", "per minute", one(seeds / minutes), RATE_MIN),
    ]


if __name__ == "__main__":
    main(measure)
