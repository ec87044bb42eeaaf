"""Kill campaign: one fund lives through a list of deaths of its parts, and everything is looked at after each.

The market is stirred a moment before a kill, so that fills and stops are on their way when it comes. What cannot be
seen while the fund works is read from its files once it rests.
"""

import asyncio
import signal
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from time import perf_counter
from typing import Final

from benchmarks.afterlife import Remains, remains_of
from benchmarks.bus_outage import Outage, outage
from benchmarks.inquest import Finding, Inquest
from benchmarks.trading_fund import NAMES, TRADE_LOG, LivingFund, Rebirth, told
from benchmarks.unrest import Market, Scribbler, lost, written_in
from qt_ray.actors.topology import GATEWAY
from qt_ray.actors.voice import bus_of
from qt_ray.adapters.clock import now_ms
from tests.crash.checker import Story

STIRRED: Final = 2
STIRRED_S: Final = 0.3
PAUSE_S: Final = 4.0
TRADES_WITHIN_S: Final = 300.0
LOOK_S: Final = 0.5

Victims = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to kill, in which order, and for how long Redis is away afterwards; the seed decides when and what moves."""

    kills: tuple[Victims, ...]
    away_s: float
    seed: int


@dataclass(slots=True)
class Toll:
    """What a campaign came to; `guarded` is from when to when, in ms, no gateway kept the stops."""

    rebirths: list[Rebirth] = field(default_factory=list)
    equal_s: list[float] = field(default_factory=list)
    guarded: list[tuple[int, int]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    writes: int = 0
    outage: Outage | None = None
    remains: Remains | None = None
    venue: Story = field(default_factory=Story)

    def note(self, when: str, broken: Iterable[str]) -> None:
        """Take in what is broken, and say so at once."""
        for said in broken:
            self.broken.append(said)
            told(f"{when}: {said}")


def planned(singles: int, pairs: int, seed: int) -> tuple[Victims, ...]:
    """Return every part alone so many times, and so many pairs of parts, in an order that the seed decides."""
    dice, every = Random(seed), list(combinations(NAMES, 2))
    kills: list[Victims] = [(name,) for name in NAMES for _ in range(singles)]
    kills += dice.sample(every, min(pairs, len(every)))
    dice.shuffle(kills)
    return tuple(kills)


class Campaign:
    """One fund and the list of its deaths."""

    def __init__(self, fund: LivingFund, plan: Plan) -> None:
        self.toll = Toll()
        self._fund, self._plan, self._dice = fund, plan, Random(plan.seed)
        self._waiting, self._is_over = deque(plan.kills), False
        self._market, self._person = Market(fund.doors.control, plan.seed), Scribbler(fund.store)

    async def run(self) -> Toll:
        """Let the fund live and die, and return what came of it; told to end, kill nobody else."""
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self._end)
        fund, toll = self._fund, self.toll
        inquest = await Inquest.open(fund.doors, fund.house.places, fund.folder / TRADE_LOG)
        try:
            async with fund.alive():
                await self._lived(inquest)
            toll.note("at rest", (await inquest.settled()).broken)
            toll.note("written", lost(self._person.acknowledged, written_in(fund.house.places.policy)))
            toll.venue = inquest.venue
            toll.remains = await remains_of(fund.house.places, bus_of(fund.house.origin), toll.venue)
            toll.note("left behind", toll.remains.broken)
        finally:
            await inquest.close()
        return toll

    async def _lived(self, inquest: Inquest) -> None:
        works = [asyncio.create_task(work) for work in (self._market.run(), self._person.run())]
        try:
            await self._trades(inquest)
            while self._waiting:
                await self._kill(self._waiting.popleft(), inquest)
            if not self._is_over:
                self.toll.outage = await outage(self._fund, self._plan.away_s)
        except TimeoutError:
            self.toll.note("in the end", ["V14 a fund answers in time, it did not"])
        finally:
            for work in works:
                work.cancel()
            ended = await asyncio.gather(*works, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault
        self.toll.writes = len(self._person.acknowledged)

    async def _trades(self, inquest: Inquest) -> None:
        """Give the fund time to trade once; an emergency that a slow start has set off is cleared before."""
        until = perf_counter() + TRADES_WITHIN_S
        while not inquest.venue.of("trade") and not self._is_over and perf_counter() < until:
            if why := await self._fund.calmed():
                told(f"at the start: emergency {why}")
            await asyncio.sleep(LOOK_S)

    async def _kill(self, victims: Victims, inquest: Inquest) -> None:
        await self._market.stir(STIRRED)
        await asyncio.sleep(self._dice.uniform(0, STIRRED_S))
        killed_ms, when = now_ms(), " and ".join(victims)
        rebirth = await self._fund.killed(victims)
        if GATEWAY in victims:
            self.toll.guarded.append((killed_ms, now_ms()))
        self.toll.rebirths.append(rebirth)
        finding = await inquest.settled()
        self.toll.equal_s.append(rebirth.whole_s + finding.settled_s)
        told(f"{when}: ready {_seconds(rebirth)}, all {rebirth.whole_s:.1f} s, books {finding.settled_s:.1f} s later")
        self.toll.note(when, await self._wrong(rebirth, finding))
        await asyncio.sleep(self._dice.uniform(0, PAUSE_S))

    async def _wrong(self, rebirth: Rebirth, finding: Finding) -> list[str]:
        broken = [*finding.broken, *await self._person.behind()]
        if not rebirth.is_whole:
            broken.append("V14 a fund is whole again in time, it was not")
        if why := await self._fund.calmed():
            broken.append(f"emergency {why}")
        return broken

    def _end(self) -> None:
        self._is_over = True
        self._waiting.clear()


def _seconds(rebirth: Rebirth) -> str:
    return ", ".join(f"{took_s:.1f} s" for took_s in rebirth.ready_s.values())
