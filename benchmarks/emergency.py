"""Emergency: how long it takes from a reason to stop until it is acted upon, and until no older entry can leave.

One process, real files: the breach is an account that the venue shows to have fallen, and counts as acted upon when the
latch is on the disk. The fence is a policy store on its book, with readers and a gateway's lease between; the gateway
has nothing on its way, so what is timed is the fence and not a venue. Over real actors: `benchmarks.cluster_drill`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any

from benchmarks.form import Row, Sample, at_most, main
from qt_ray.actors.emergency_stop import EmergencyStopSystem, Post
from qt_ray.actors.policy_store import Acknowledged, PolicyStore
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.emergency_memory import EmergencyMemory
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.adapters.trading.lease_keeper import LeaseKeeper
from qt_ray.adapters.trading.sentry import Sentry
from qt_ray.core.errors import Retryable
from qt_ray.core.limits import EssLimits
from qt_ray.core.orders import ZERO
from qt_ray.core.policy import Policy
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.venue.calls import Answer, AskAccount, Call, Done
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import AccountView
from qt_ray.governance.leases import Held, Lease
from qt_ray.governance.policy_view import PolicyView
from qt_ray.governance.rulebook_entries import Author
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.vigil import Vigil

RUNS, RUNS_QUICK = 200, 5
READERS = 8
TARGET_MS = 50
ESS, ANN = Author("emergency_stop"), Author("ann", is_person=True)


class Falling:
    """A venue that shows an account which is worth what it is told."""

    def __init__(self) -> None:
        self.wallet = Decimal(10_000)

    async def ask(self, call: Call) -> Answer[Any]:
        """Show the account, and of all else nothing."""
        money = self.wallet
        shown = AccountView({"USDT": money}, ZERO, money, ZERO, ZERO, money, True, False)
        return Done(shown if isinstance(call, AskAccount) else ())

    async def news(self) -> AsyncIterator[News]:
        """Yield nothing."""
        for item in ():
            yield item

    async def listen(self) -> AsyncIterator[object]:
        """Yield nothing."""
        for item in ():
            yield item

    async def close(self) -> None:
        """Nothing is open."""


class Away:
    """A policy store that is not there: nothing of the trip may wait for it."""

    async def begin_emergency(self, reason: str) -> int:
        """Say that nobody answers."""
        raise Retryable("nobody is there")

    async def end_emergency(self, person: str, reason: str) -> int:
        """Say that nobody answers."""
        raise Retryable("nobody is there")


async def breach(folder: Path) -> float:
    """Return the milliseconds from a venue that shows a breach to the latch on the disk."""
    venue, limits, latch = Falling(), EssLimits(), Latch(folder / "latch.json")
    vigil = Vigil(limits, limits_in_force(Policy()).row[0], (), None, now_ms())
    post = Post(latch, EmergencyMemory(folder / "ess.json"), lambda e, at: Flattening("main", e, 1, (), {}, at), limits)
    system = EmergencyStopSystem(venue, vigil, post, Away(), lambda told: None)
    sentry = Sentry(venue, venue, vigil, "USDT", now_ms(), system.look)
    await sentry.confirm()
    venue.wallet = Decimal(9_000)
    began = perf_counter_ns()
    await sentry.confirm()
    took = (perf_counter_ns() - began) / 1e6
    if not latch.state().closed:
        raise AssertionError("a breach closes the latch")
    return took


class Drained:
    """An account with nothing on its way."""

    def fenced(self, fence: Fence) -> None:
        """Take in the lease."""

    def entries_in_flight(self) -> int:
        """Return that there is nothing."""
        return 0


class Direct:
    """A policy store in this process, as its readers and gateways ask it."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store
        self.watch = store.watch

    async def take_lease(self, account: str, holder: str) -> Lease | Held:
        """Return a lease, or who holds it."""
        return self._store.take_lease(account, holder)

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        """Return the lease as it stands, or nothing if it is not ours."""
        return self._store.renew_lease(account, token, confirmed)

    async def return_lease(self, account: str, token: int) -> None:
        """Give the lease back."""
        self._store.return_lease(account, token)


def _living(works: list[asyncio.Task[None]]) -> None:
    """Raise what has ended a work: a fence without its readers would only be waited out."""
    for work in works:
        if work.done():
            work.result()


def _governed(keeper: LeaseKeeper, view: PolicyView) -> None:
    policy = view.policy
    keeper.governed(policy.emergency_mode or bool(view.shut), policy.version, policy.epoch)


async def fences(folder: Path, runs: int) -> list[float]:
    """Return the milliseconds of so many emergencies from the call to the acknowledged fence."""
    book = RulebookKeeper(SqliteRulebook(folder / "policy.db"), PolicyCopy(folder / "policy.json"), Policy)
    store = PolicyStore(book)
    line = Direct(store)
    readers = [PolicyReader(line) for _ in range(READERS)]
    keeper = LeaseKeeper(line, Drained(), "main", "gateway/1")
    readers[0].listen(partial(_governed, keeper))
    works = [asyncio.create_task(work.run()) for work in (*readers, keeper)]
    took = []
    for _ in range(runs):
        while not keeper.is_held:
            _living(works)
            await asyncio.sleep(0.01)
        began = perf_counter_ns()
        found = await store.set_emergency_mode(True, "a drill", ESS)
        took.append((perf_counter_ns() - began) / 1e6)
        if not isinstance(found, Acknowledged):
            raise AssertionError(f"an emergency is never denied, was {found}")
        await store.set_emergency_mode(False, "it is over", ANN, found.epoch)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    return took


def spread(name: str, millis: list[float]) -> Iterator[Row]:
    """Yield median, 99th percentile and maximum, each promised to be at most the target."""
    times = sorted(millis)
    tail = times[-(-99 * len(times) // 100) - 1]
    for label, value in (("p50", times[len(times) // 2]), ("p99", tail), ("max", times[-1])):
        yield at_most(f"{name}: {label}", "ms", Sample(value, len(times), (times[0], times[-1])), TARGET_MS)


def measure(quick: bool) -> list[Row]:
    """Stop many times over."""
    runs = RUNS_QUICK if quick else RUNS
    breaches = []
    for _ in range(runs):
        with TemporaryDirectory() as folder:
            breaches.append(asyncio.run(breach(Path(folder))))
    with TemporaryDirectory() as folder:
        fenced = asyncio.run(fences(Path(folder), runs))
    return [
        *spread("a breach is shown until the latch is on the disk", breaches),
        *spread(f"trip to acknowledged fence, a lease and {READERS} readers", fenced),
    ]


if __name__ == "__main__":
    main(measure)
