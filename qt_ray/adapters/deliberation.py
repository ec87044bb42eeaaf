"""Deliberation: from one closed bar to a decision that is on the disk, whatever the chain does.

Nobody waits longer than the chain's time: without its answer the bar is decided on without an opinion, so exits run and
nothing grows. Its answer is believed only if this process comes to the same rows from what will be on record of it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.core.errors import Retryable
from qt_ray.engine.columns import Rows
from qt_ray.engine.desk import Outcome
from qt_ray.engine.desk_entries import Decided, Ruled, Thought
from qt_ray.engine.pipeline import Decision, Snapshot, abstaining
from qt_ray.engine.window import Window
from qt_ray.market.bars import Bars

UNLIKE = "a chain decided otherwise than what it says it thought"


class Chain(Protocol):
    """Three stages, wherever they live; Retryable when they do not answer in time."""

    async def decided(self, snapshot: Snapshot, closed: str) -> Decision:
        """Return what is decided; `closed` is why the asker wants nothing to grow, or nothing."""


class Law(Protocol):
    """The policy as this process knows it."""

    def ruled(self) -> Ruled | None:
        """Return what is in force; nothing before it is known."""

    def why_closed(self) -> str | None:
        """Return why nothing new may be opened, or nothing."""


class Deliberation:
    """One desk's; `missed` counts the bars without an opinion, by reason."""

    def __init__(self, keeper: DeskKeeper, chain: Chain, law: Law, clock: Callable[[], int]) -> None:
        self.missed: Counter[str] = Counter()
        self._keeper, self._chain, self._law, self._clock = keeper, chain, law, clock
        self._is_in_step = False

    def rule(self) -> None:
        """Take in what is in force, if it is news."""
        ruled = self._law.ruled()
        if ruled is not None and ruled != self._keeper.book.ruled:
            self._keeper.note(ruled)

    async def decide(self, window: Window, bars: Bars) -> Outcome:
        """Decide on the newest bar, and return what came of it once it is durable."""
        self.rule()
        book, features = self._keeper.book, window.push(bars)
        closed = self._law.why_closed() or ""
        snapshot = book.snapshot(bars, features, window.past(whole=not self._is_in_step))
        decision, why = await self._thought(snapshot, window, closed)
        entry = self._entry(bars, decision, why)
        weighed = book.weighed(entry)
        if weighed.digest() != entry.digest:
            self._keeper.alert(UNLIKE, f"{entry.digest[:16]} was {weighed.digest()[:16]}")
            entry = self._entry(bars, self._alone(snapshot, UNLIKE), UNLIKE)
            weighed = book.weighed(entry)
        return self._keeper.note(entry, weighed)

    async def _thought(self, snapshot: Snapshot, window: Window, closed: str) -> tuple[Decision, str]:
        """Return what the chain decides, or what is decided without it and why."""
        try:
            decision = await self._chain.decided(snapshot, closed)
            if decision.sized.opinion.is_behind:
                decision = await self._chain.decided(replace(snapshot, past=window.past(whole=True)), closed)
        except Retryable as fault:
            self._is_in_step = False
            return self._alone(snapshot, str(fault)), str(fault)
        self._is_in_step = True
        return decision, ""

    def _alone(self, snapshot: Snapshot, why: str) -> Decision:
        self.missed[why.partition(",")[0]] += 1
        return abstaining(snapshot, why)

    def _entry(self, bars: Bars, decision: Decision, why: str) -> Decided:
        thought = Thought.of(decision, why)
        return Decided(self._clock(), Rows.of(bars), thought, decision.hindrance, decision.digest())
