"""Warden: asks every part once a second how it is, tells what changed, and begins anew who has fallen silent.

All are asked at once and none is waited for: a part that hangs delays no other, and is late by itself. Whoever would
ask the same parts the same reads the roll instead, which is as young as the news.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from qt_ray.actors.bell import Bell
from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.notices import PartStarted, SystemStarted
from qt_ray.core.payloads import HealthChanged
from qt_ray.monitoring.healing import Deed, Ward
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.rounds import Change, Roll, Rounds
from qt_ray.monitoring.status import Identity

SOURCE: Final = "Monitor"
ROUND_MS: Final = 1_000
ANSWER_MS: Final = 900

Ask = Callable[[], Awaitable[Condition]]


class Warden:
    """Looks after the parts of one fund."""

    def __init__(
        self,
        who: Identity,
        asks: Mapping[str, Ask],
        restart: Callable[[str], Awaitable[None]],
        tell: Callable[..., None],
        clock: Callable[[], int] = now_ms,
        is_started: bool = False,
    ) -> None:
        """Begin with nobody heard; `is_started` when an earlier process of this life has told of its start."""
        self.rounds, self.ward = Rounds(asks, clock()), Ward()
        self._who, self._asks, self._restart, self._tell, self._clock = who, asks, restart, tell, clock
        self.is_started = is_started
        self._turn, self._news = 0, Bell()

    def why_shut(self) -> str | None:
        """Return why nothing new may be opened, or nothing."""
        return self.ward.why_shut(self._clock()) or self.rounds.why_mixed

    async def run(self) -> None:
        """Look after all once a second until cancelled."""
        while True:
            began_ms = self._clock()
            await self.look()
            await asyncio.sleep(max(ROUND_MS - (self._clock() - began_ms), 0) / 1_000)

    async def look(self) -> None:
        """Ask every part, tell what changed, and do what is to be done about those that are not well."""
        changes = await asyncio.gather(*(self._asked(part, ask) for part, ask in self._asks.items()))
        for change in changes:
            if change is not None:
                self._tell(*self._told(change))
        at_ms = self._clock()
        for part, condition in self.rounds.conditions.items():
            if self.ward.look(condition, at_ms) is Deed.RESTART:
                await self._restart(part)
        self._start(at_ms)
        self._ring()

    async def roll(self, turn: int, wait_ms: int) -> Roll:
        """Return how all are once there is news after `turn`, a change or a round's end, or after `wait_ms`."""
        if turn == self._turn:
            await self._news.heard(wait_ms)
        return self.rounds.roll(self._turn, self._clock())

    async def _asked(self, part: str, ask: Ask) -> Change | None:
        try:
            async with asyncio.timeout(ANSWER_MS / 1_000):
                change = self.rounds.heard(await ask(), self._clock())
        except (Retryable, TimeoutError) as fault:
            reason = str(fault) or f"did not answer within {ANSWER_MS} ms"
            change = self.rounds.missed(part, reason, self._clock())
        if change is not None:
            self._ring()
        return change

    def _ring(self) -> None:
        self._turn += 1
        self._news.ring()

    def _told(self, change: Change) -> list[Event]:
        after, at_ms = change.after, self._clock()
        told = []
        if change.is_new_life:
            what = PartStarted(after.part, after.pid, after.was_reconstructed)
            told.append(event("part.started", what, SOURCE, at_ms))
        if change.is_other_health:
            detail = "; ".join(after.reasons)
            changed = HealthChanged(after.part, change.before.name, after.health.name, detail)
            told.append(event("health.changed", changed, SOURCE, at_ms))
        return told

    def _start(self, at_ms: int) -> None:
        """Tell once in a life that all parts were ready."""
        if self.is_started or self.rounds.why_not_ready:
            return
        self.is_started, who = True, self._who
        what = SystemStarted(who.profile, who.account, who.life, who.version, tuple(self.rounds.conditions))
        self._tell(event("system.started", what, SOURCE, at_ms))
