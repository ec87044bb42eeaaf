"""Policy readers: how soon a change of the policy is seen by every process that goes by it, and what looking costs.

The store is the real part on a Ray of its own, its book on the disk; each reader is an actor that follows it as the
parts of a fund do. A change counts from the moment it is asked for, so that the write to the disk is in it, until the
last of all readers has it in its view. Writer and readers are on one machine and read one clock that nobody sets.
"""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.form import Row, Sample, at_most, main
from qt_ray.actors.births import Births
from qt_ray.actors.cluster import cluster
from qt_ray.actors.launch import Launch
from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PARTS, POLICY_STORE
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.core.policy import Policy
from qt_ray.governance.policy_view import PolicyView
from qt_ray.governance.rulebook_entries import Author

READERS: Final = 8
CHANGES, CHANGES_QUICK = 200, 20
SEEN_MS, READ_US = 15.0, 1.0
LOOPS, LOOPS_QUICK, RUNS = 1_000_000, 10_000, 5
PATIENCE_S: Final = 60.0
NAMESPACE: Final = "policy-readers"
# Long enough that all have it, and wait at the store again, as they do when a policy changes once in a while.
PAUSE_S: Final = 0.05
# Each change makes it longer, so that it only ever tightens and needs one person.
PATH: Final = "ess.cooldown_ms"
ANN: Final = Author("ann", is_person=True)


class Reader:
    """A process that follows the policy, and remembers when it first had each version."""

    def __init__(self, folder: Path) -> None:
        self._reader = PolicyReader(PolicyStoreLine(Line(POLICY_STORE, NAMESPACE), near=folder))
        self._reader.listen(self._told)
        self._at_ns: dict[int, int] = {}
        self._following = asyncio.get_running_loop().create_task(self._reader.run())

    def _told(self, view: PolicyView) -> None:
        self._at_ns.setdefault(view.policy.version, time.monotonic_ns())

    async def seen(self, version: int) -> int:
        """Return when this process had a version; asked afterwards, since who asks meanwhile costs what is measured."""
        async with asyncio.timeout(PATIENCE_S):
            while version not in self._at_ns:
                await asyncio.sleep(PAUSE_S)
        return self._at_ns[version]

    async def policy_ns(self, loops: int) -> float:
        """Return what it takes to look at a value of the policy in force."""
        reader, began_ns = self._reader, time.perf_counter_ns()
        for _ in range(loops):
            reader.view.policy.active_mode  # type: ignore[union-attr] # noqa: B018
        return (time.perf_counter_ns() - began_ns) / loops

    async def closed_ns(self, loops: int) -> float:
        """Return what it takes to know whether anything new may be opened."""
        reader, began_ns = self._reader, time.perf_counter_ns()
        for _ in range(loops):
            reader.why_closed()
        return (time.perf_counter_ns() - began_ns) / loops


async def changed(store: PolicyStoreLine, readers: list[Any], policy: Policy) -> tuple[Policy, float, float]:
    """Return the policy after one change, the milliseconds until it was acknowledged, and until all had it."""
    longer = policy.ess.cooldown_ms + 1
    asked_ns = time.monotonic_ns()
    after = await store.set_policy({PATH: longer}, policy.version, "a benchmark", ANN)
    told_ns = time.monotonic_ns()
    if not isinstance(after, Policy):
        raise SystemExit(f"a change is made, was denied: {after}")
    await asyncio.sleep(PAUSE_S)
    seen_ns = await asyncio.gather(*(reader.seen.remote(after.version) for reader in readers))
    return after, (told_ns - asked_ns) / 1e6, (max(seen_ns) - asked_ns) / 1e6


async def measured(state: Path, quick: bool) -> list[Row]:
    """Begin a store and its readers, change the policy many times, and look at it many more."""
    import ray

    parts = [part for part in PARTS if part.name == POLICY_STORE]
    origin = Origin("paper", {"fund.state": str(state)})
    launch = Launch(Births(origin, NAMESPACE), parts, lambda line: None)
    await launch.begin()
    try:
        store = PolicyStoreLine(Line(POLICY_STORE, NAMESPACE))
        readers = [ray.remote(Reader).options(num_cpus=0).remote(origin.places.policy) for _ in range(READERS)]
        policy = await store.policy()
        await asyncio.gather(*(reader.seen.remote(policy.version) for reader in readers))
        acknowledged, seen = [], []
        for _ in range(CHANGES_QUICK if quick else CHANGES):
            policy, told_ms, seen_ms = await changed(store, readers, policy)
            acknowledged.append(told_ms)
            seen.append(seen_ms)
        loops = LOOPS_QUICK if quick else LOOPS
        looks = [await readers[0].policy_ns.remote(loops) / 1_000 for _ in range(RUNS)]
        closed = [await readers[0].closed_ns.remote(loops) / 1_000 for _ in range(RUNS)]
    finally:
        await launch.rest()
    return [
        *spread(f"from a change asked for to all {READERS} readers", seen),
        at_most("of it until it was acknowledged, durable: p50", "ms", sampled(acknowledged), SEEN_MS),
        at_most("a look at a value of the policy", "µs", sampled(looks), READ_US),
        at_most("a look at whether entries are let in", "µs", sampled(closed), READ_US),
    ]


def spread(name: str, times: list[float]) -> list[Row]:
    """Return median, 99th percentile and maximum."""
    times = sorted(times)
    tail = times[-(-99 * len(times) // 100) - 1]
    named = (("p50", times[len(times) // 2], SEEN_MS), ("p99", tail, SEEN_MS), ("max", times[-1], 2 * SEEN_MS))
    return [
        at_most(f"{name}: {label}", "ms", Sample(value, len(times), (times[0], times[-1])), most)
        for label, value, most in named
    ]


def sampled(values: list[float]) -> Sample:
    """Return the median of what was seen."""
    return Sample(sorted(values)[len(values) // 2], len(values), (min(values), max(values)))


def measure(quick: bool) -> list[Row]:
    """Measure on a Ray that lives as long as this."""
    with TemporaryDirectory(prefix="qt-readers-") as folder, cluster(NAMESPACE, dashboard=False):
        return asyncio.run(measured(Path(folder), quick))


if __name__ == "__main__":
    main(measure)
