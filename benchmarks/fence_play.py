"""Fence play: schedules one after the other on one stage, each until all of it has come to rest.

At rest every part lives, and an entry that was asked for after the last blow was taken. Then it is judged, for nothing
under way could excuse what is missing. A schedule after which nothing comes to rest is the last one of its stage.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.fence_cast import Cast
from benchmarks.fence_desk import Desk
from benchmarks.fence_operator import Operator
from benchmarks.fence_outages import Blow, outages
from benchmarks.fence_schedule import Deed, Kind, Schedule, schedule
from benchmarks.fence_stage import LOOK_S, Stage, staged
from benchmarks.fence_truth import STUCK, Truth
from qt_ray.adapters.clock import now_ms

# Patience and no promise: how long it takes is told, and what must not take for ever ends the stage.
OPEN_S: Final = 900
PLAY_S: Final = 300
REST_S: Final = 300


@dataclass(slots=True)
class Played:
    """What schedules came to together; `told` says of each that broke something what it did and what it broke."""

    schedules: int = 0
    strangers: int = 0
    told: list[str] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    waits_ms: list[int] = field(default_factory=list)
    outages_ms: list[int] = field(default_factory=list)
    rests_ms: list[int] = field(default_factory=list)


class Play:
    """A desk, an operator and a truth on one stage; `played` is what it came to so far."""

    def __init__(self, stage: Stage, account: str, seed: int) -> None:
        self.played = Played()
        self._stage, self._truth = stage, Truth(stage.lives)
        self._desk = Desk(stage, account, self._truth, seed)
        self._operator = Operator(stage, self._desk, self._truth, seed)
        self._blows: list[Blow] = []

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """Let the desk ask meanwhile, and begin once an entry was taken."""
        await self._desk.priced()
        async with asyncio.TaskGroup() as group:
            desk = group.create_task(self._desk.run())
            await self._rest(OPEN_S)
            yield
            desk.cancel()

    async def act(self, seed: int) -> bool:
        """Play one schedule, and return whether it left all as another may find it."""
        chosen, before, entries = schedule(seed), self._truth.violations.total(), len(self._truth.entries_ms)
        self._blows, self._operator.emergencies = [], []
        self._truth.told.clear()
        await self._desk.priced()
        try:
            await self._play(chosen)
            self.played.rests_ms.append(await self._rest(REST_S))
        except TimeoutError:
            self._truth.breaks(STUCK, f"for {PLAY_S} s while it lasted, or for {REST_S} s after it")
        self._stage.read(self._truth)
        self._truth.closes(await asyncio.to_thread(self._stage.book))
        self._take(chosen, self._truth.violations.total() > before, self._truth.entries_ms[entries:])
        return not self._truth.violations[STUCK]

    async def _play(self, chosen: Schedule) -> None:
        async with asyncio.timeout(PLAY_S), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(chosen.lasts_ms / 1_000))
            for deed in chosen.deeds:
                group.create_task(self._do(deed))

    async def _do(self, deed: Deed) -> None:
        await asyncio.sleep(deed.at_ms / 1_000)
        if deed.kind is Kind.EMERGENCY:
            await self._operator.emergency(deed.for_ms)
        elif deed.kind is Kind.WRITE:
            await self._operator.write()
        else:
            await self._strike(deed)

    async def _strike(self, deed: Deed) -> None:
        """Strike whoever lives there now; where nobody does, nothing is struck."""
        body, at_ms, is_kill = self._stage.body(deed.whom, self._truth), now_ms(), deed.kind is Kind.KILL
        with self._desk.hurrying():  # what waits for somebody who is stopped is what he will do first
            is_struck = body.kill() if is_kill else await body.pause(deed.for_ms)
        if is_struck:
            self._truth.counts["kills" if is_kill else "pauses"] += 1
            self._blows.append(Blow(at_ms, now_ms(), is_kill))

    async def _rest(self, within_s: int) -> int:
        """Return how long it took until an entry was taken that nobody had asked for before, and all lived."""
        healed_ms = now_ms()
        async with asyncio.timeout(within_s):
            while not (self._truth.newest_ms > healed_ms and self._stage.is_whole()):
                await asyncio.sleep(LOOK_S)
                self._stage.read(self._truth)
        return now_ms() - healed_ms

    def _take(self, chosen: Schedule, is_bad: bool, entries_ms: list[int]) -> None:
        found = self.played
        found.schedules += 1
        found.violations, found.counts = self._truth.violations, self._truth.counts
        found.waits_ms, found.strangers = self._operator.waits_ms, self._truth.strangers
        found.outages_ms += outages([*self._blows, *self._operator.emergencies], entries_ms)
        if is_bad:
            found.told.append(f"{'; '.join(self._truth.told)}, in {chosen}")


@asynccontextmanager
async def playing(folder: Path, account: str, cast: Cast, seed: int) -> AsyncIterator[Play]:
    """Yield a play on a stage of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    async with staged(folder, account, cast) as stage:
        play = Play(stage, account, seed)
        async with play.begun():
            yield play
