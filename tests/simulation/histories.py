"""Histories: run a seed, and say what it came to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from qt_ray.adapters.trading.memory import line_of
from qt_ray.core.codec import canonical
from tests.simulation import checker
from tests.simulation.checker import Verdict
from tests.simulation.network import Rates
from tests.simulation.process import Memory
from tests.simulation.world import World

WEIGHT_MAX: Final = 2_400 * 8 // 10


@dataclass(frozen=True, slots=True)
class History:
    """One run: its seed, verdict, faults by kind and settle times by cause."""

    seed: int
    verdict: Verdict
    faults: Counter[str]
    settled: dict[str, list[int]]
    turns: Counter[str]
    gaps: list[int]
    told_gaps: list[int]
    orders: int
    fills: int


@dataclass(slots=True)
class Campaign:
    """Many runs together."""

    seeds: int = 0
    bad: list[History] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    settled: dict[str, list[int]] = field(default_factory=dict)
    turns: Counter[str] = field(default_factory=Counter)
    gaps: list[int] = field(default_factory=list)
    told_gaps: list[int] = field(default_factory=list)
    orders: int = 0
    fills: int = 0

    def add(self, history: History) -> None:
        """Take one more run in."""
        self.seeds += 1
        self.faults.update(history.faults)
        self.turns.update(history.turns)
        self.gaps.extend(history.gaps)
        self.told_gaps.extend(history.told_gaps)
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
        world.turns.counts,
        world.watch.gaps,
        world.watch.told_gaps,
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
    """Compare the exchange's own record with what our journal tells, spelled and read as on a disk."""
    venue, alive = world.venue, world.process
    memory = Memory(world.memory.opened_ms, [line_of(canonical(line)) for line in world.memory.journal])
    book, books = memory.book(), memory.books()
    books.check()
    ours, theirs = checker.fills_of(book), checker.fills_at(venue)
    settled = alive is not None and alive.gateway.is_settled
    alerts = alive.alerts if alive else []
    return Verdict(
        lost=len(theirs - ours),
        invented=len(ours - theirs),
        duplicates=sum(count > 1 for count in venue.accepted.values()),
        resent=sum(count > 1 for count in world.left.values()),
        orphans=len(world.orphans) + len(checker.strangers(venue, book)),
        trades=len(checker.trades_in(books) ^ checker.trades_at(venue)),
        wallet=venue.wallet - books.wallets["USDT"],
        positions=checker.position_difference(venue, books),
        unprotected=tuple(world.watch.open),
        contradictions=sum("Contradiction" in alert.title for alert in alerts),
        over_parent=checker.over_parent(book),
        after_emergency=world.entries_after_emergency,
        overweight=sum(weight > WEIGHT_MAX for weight in world.weights.values()),
        unsettled=tuple(world.disagreements.open) + (() if settled else ("gateway",)) + _closed(world),
        replay_differs=alive is None
        or (alive.gateway.book.digest, alive.custody.books.digest()) != (book.digest, books.digest()),
    )


def _closed(world: World) -> tuple[str, ...]:
    """Return why entries are closed although all has been quiet."""
    why = world.process.custody.why_closed(world.now_ms) if world.process else "no process"
    return (why,) if why else ()
