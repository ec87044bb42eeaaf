"""Histories: run a seed, and say what it came to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from qt_ray.core.codec import canonical, decode
from qt_ray.execution.gateway.book import replay
from qt_ray.execution.gateway.records import record_of
from tests.simulation import checker
from tests.simulation.checker import Verdict
from tests.simulation.network import Rates
from tests.simulation.world import World

WEIGHT_MAX: Final = 2_400 * 8 // 10


@dataclass(frozen=True, slots=True)
class History:
    """One run: its seed, verdict, faults by kind and settle times by cause."""

    seed: int
    verdict: Verdict
    faults: Counter[str]
    settled: dict[str, list[int]]
    orders: int
    fills: int


@dataclass(slots=True)
class Campaign:
    """Many runs together."""

    seeds: int = 0
    bad: list[History] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    settled: dict[str, list[int]] = field(default_factory=dict)
    orders: int = 0
    fills: int = 0

    def add(self, history: History) -> None:
        """Take one more run in."""
        self.seeds += 1
        self.faults.update(history.faults)
        self.orders += history.orders
        self.fills += history.fills
        for cause, times in history.settled.items():
            self.settled.setdefault(cause, []).extend(times)
        if not history.verdict.is_clean:
            self.bad.append(history)


def history(seed: int, rates: Rates | None = None) -> History:
    """Return what one seed leads to."""
    world = World(seed, rates or Rates())
    world.run()
    return History(
        seed,
        judged(world),
        world.network.counts,
        world.disagreements.settled,
        len(world.venue.accepted),
        len(world.venue.trades()),
    )


def campaign(seeds: Iterable[int], rates: Rates | None = None) -> Campaign:
    """Return what many seeds lead to."""
    found = Campaign()
    for seed in seeds:
        found.add(history(seed, rates))
    return found


def judged(world: World) -> Verdict:
    """Compare the exchange's own record with ours."""
    venue, gateway = world.venue, world.gateway
    book = replay(record_of(decode(canonical(record))) for record in world.journal)
    ours, theirs = checker.fills_of(book), checker.fills_at(venue)
    books = checker.books_of(world.journal, book)
    return Verdict(
        lost=len(theirs - ours),
        invented=len(ours - theirs),
        duplicates=sum(count > 1 for count in venue.accepted.values()),
        resent=sum(count > 1 for count in world.left.values()),
        orphans=len(world.orphans) + len(checker.strangers(venue, book)),
        wallet=venue.wallet - books.wallets["USDT"],
        positions=checker.position_difference(venue, books),
        over_parent=checker.over_parent(book),
        after_emergency=world.entries_after_emergency,
        overweight=sum(weight > WEIGHT_MAX for weight in world.weights.values()),
        unsettled=tuple(world.disagreements.open) + (() if gateway and gateway.is_settled else ("gateway",)),
        replay_differs=gateway is None or gateway.book.digest != book.digest,
    )
