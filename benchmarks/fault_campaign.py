"""Fault campaign: what thousands of histories with a faulty network cost in fills, orders, money and time.

Every history is one seed: a whole account, exchange and network in virtual time, the journal as the only memory. After
it the exchange's own record is compared with ours; anything but zero prints its seed, and so does a history that
stumbled, which is no reason to lose the others. Settle times are virtual: from
the moment there is something to know about an order until we know it, for orders that a fault has struck. A position
is without its stop from the exchange's trade on until the exchange holds one that covers it; the part of it in which
the account was at work and its own records said so is shown beside it, because only that can be answered for.
"""

import os
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from multiprocessing import get_context

from benchmarks.form import Row, Sample, at_least, at_most, main
from qt_ray.core.errors import QtError
from tests.simulation.histories import Campaign, History, history
from tests.simulation.network import CALM, Rates
from tests.simulation.turns import TOLD

FIRST_SEED = 1_000_000
SEEDS, SEEDS_QUICK = 1_000, 10
FAULTS_MIN = 10_000
SETTLED_MS = {"stream live": 1_000, "events lost": 6_000, "never lived": 6_000}
SETTLED_ALL_MS, SETTLED_MAX_MS = 3_000, 10_000
RATE_MIN = 1_000
# Whatever a mistake of ours may raise; a history is a function, so its seed stumbles again.
STUMBLES = (QtError, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
CALM_SHARE = 10
# Over lost news a stranger's position is found by the look at positions, every 5 s; this is our own bound.
COVERED_P99_MS, COVERED_STORM_P99_MS = 2_000, 4_000


def one(value: float) -> Sample:
    """Return a count as a sample: a seed's history is the same in every run."""
    return Sample(value, 1, (value, value))


def zeros(*found: Campaign) -> list[Row]:
    """Return what must be nothing."""
    verdicts = [bad.verdict for each in found for bad in each.bad]
    sums = {
        "fills lost": sum(v.lost for v in verdicts),
        "trades wrong, or whose": sum(v.trades for v in verdicts),
        "fills invented": sum(v.invented for v in verdicts),
        "orders doubled": sum(v.duplicates + v.resent for v in verdicts),
        "orders without a journalled intent": sum(v.orphans for v in verdicts),
        "orders above their parent": sum(v.over_parent for v in verdicts),
        "positions left without a stop": sum(len(v.unprotected) for v in verdicts),
        "contradictions": sum(v.contradictions for v in verdicts),
        "entries sent after an emergency": sum(v.after_emergency for v in verdicts),
        "minutes above the weight budget": sum(v.overweight for v in verdicts),
        "histories that never settled": sum(bool(v.unsettled) for v in verdicts),
        "histories whose journal replays differently": sum(v.replay_differs for v in verdicts),
    }
    money = {
        "wallet difference": sum((abs(v.wallet) for v in verdicts), Decimal(0)),
        "position difference": sum((v.positions for v in verdicts), Decimal(0)),
    }
    rows = [at_most(name, "count", one(value), 0) for name, value in sums.items()]
    return rows + [at_most(name, "exact", one(float(value)), 0) for name, value in money.items()]


def settled(found: Campaign) -> list[Row]:
    """Return how long it took to know, by what stood in the way."""
    rows = []
    everything = [taken for times in found.settled.values() for taken in times]
    for cause, most in {"all": SETTLED_ALL_MS, **SETTLED_MS}.items():
        times = sorted((everything if cause == "all" else found.settled.get(cause)) or [0])
        spread = (float(times[0]), float(times[-1]))
        half, tail = times[len(times) // 2], times[min(len(times) * 95 // 100, len(times) - 1)]
        rows.append(at_most(f"settled, {cause}: p50", "ms", Sample(half, len(times), spread), most))
        rows.append(at_most(f"settled, {cause}: p95", "ms", Sample(tail, len(times), spread), most))
        rows.append(at_most(f"settled, {cause}: max", "ms", Sample(times[-1], len(times), spread), SETTLED_MAX_MS))
    return rows


def covered(calm: Campaign, storm: Campaign) -> list[Row]:
    """Return how long positions were without a stop: while the account could have placed one, and from the trade on."""
    kinds = (
        ("calm", calm.gaps, COVERED_P99_MS),
        ("faults, told and at work", storm.told_gaps, COVERED_P99_MS),
        ("faults, over lost news and kills", storm.gaps, COVERED_STORM_P99_MS),
    )
    rows = []
    for name, found, most in kinds:
        gaps = sorted(found) or [0]
        spread = (float(gaps[0]), float(gaps[-1]))
        for share in (50, 95, 99):
            taken = gaps[min(len(gaps) * share // 100, len(gaps) - 1)]
            rows.append(at_most(f"without a stop, {name}: p{share}", "ms", Sample(taken, len(gaps), spread), most))
    return rows


@dataclass(frozen=True, slots=True)
class Stumble:
    """A history that did not come to its end, and why."""

    seed: int
    verdict: str


def told(seed: int, rates: Rates) -> History | Stumble:
    """Return what a seed leads to, or what it stumbled over."""
    try:
        return history(seed, rates)
    except STUMBLES as error:
        return Stumble(seed, f"{type(error).__name__}: {error}")


def together(seeds: range, rates: Rates) -> tuple[Campaign, list[Stumble]]:
    """Run a campaign on every core there is."""
    found, stumbled = Campaign(), list[Stumble]()
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for one_history in pool.imap_unordered(partial(told, rates=rates), seeds, chunksize=5):
            if isinstance(one_history, Stumble):
                stumbled.append(one_history)
            else:
                found.add(one_history)
    return found, stumbled


def measure(quick: bool) -> list[Row]:
    """Run the campaign and show what it came to."""
    seeds = SEEDS_QUICK if quick else SEEDS
    started = time.perf_counter()
    found, stumbled = together(range(FIRST_SEED, FIRST_SEED + seeds), Rates())
    minutes = (time.perf_counter() - started) / 60
    calm, more = together(range(max(seeds // CALM_SHARE, 1)), CALM)
    for bad in sorted([*found.bad, *calm.bad, *stumbled, *more], key=lambda each: each.seed):
        print(f"seed {bad.seed}: {bad.verdict}", file=sys.stderr)
    return [
        at_least("faults injected", "count", one(found.faults.total()), 1 if quick else FAULTS_MIN),
        *(at_least(f"injected: {kind}", "count", one(n), 1) for kind, n in sorted(found.faults.items())),
        *(at_least(f"happened: {kind}", "count", one(found.turns[kind]), 0 if quick else 1) for kind in TOLD),
        at_most("histories that stumbled", "count", one(len(stumbled + more)), 0),
        *zeros(found, calm),
        *settled(found),
        *covered(calm, found),
        at_least(f"histories, on {os.cpu_count()} cores", "per minute", one(seeds / minutes), RATE_MIN),
    ]


if __name__ == "__main__":
    main(measure)
