"""Emergency stop: the account's own watchman, with its own session, that acts first and tells afterwards.

A trip is remembered, the latch closed, and then it is carried out. The constructor finds what was left half done, and
`run` begins it anew. A latch that somebody else has closed is an emergency like any other, in that person's name: what
shuts out entries on one machine must hold in the policy, and in everybody's sight, too.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from qt_ray.actors.emergency_deed import NAME, EmergencyDeed, Fence
from qt_ray.adapters.emergency_memory import PAST_MAX, EmergencyMemory, Kept, Past
from qt_ray.adapters.flattener import Clock, Means, RealClock
from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import Retryable
from qt_ray.core.limits import EssLimits
from qt_ray.core.payloads import EmergencyRecovered
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.venue.session import VenueSession
from qt_ray.risk.ess import Cause, Emergency, EssSignal, progress, reset, trip
from qt_ray.risk.triggers import RecoveryMode, Verdict, recovered, recovery_mode
from qt_ray.risk.vigil import Vigil

LOOK_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody must hear: a trip, a flattening that ended, a reset."""

    what: str
    emergency: Emergency
    report: Report | None = None
    cause: str = ""
    by: str = NAME
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """Where one account's emergency stop stands: its latch, its memory, and how an emergency is begun at the venue."""

    latch: Latch
    memory: EmergencyMemory
    begun: Callable[[int, int], Flattening]
    limits: EssLimits


class EmergencyStopSystem:
    """One account's emergency stop; its `deed` is what it does about an emergency."""

    def __init__(
        self,
        session: VenueSession,
        vigil: Vigil,
        post: Post,
        fence: Fence,
        told: Callable[[Told], None],
        clock: Clock | None = None,
    ) -> None:
        """Take up what an earlier life has left."""
        self._vigil, self._post, self._fence, self._told = vigil, post, fence, told
        self._clock = clock or RealClock()
        means = Means(post.latch, self._clock, self._heard)
        self.deed = EmergencyDeed(session, fence, means, self._begun, lambda: self.emergency, self._flat)
        kept = post.memory.read(self._clock.now_ms())
        self.emergency, self.mode, self.past = kept.emergency, RecoveryMode[kept.mode], kept.past
        self.since_ms = kept.seen_ms if kept.peaks else self._clock.now_ms()
        vigil.accepted = {Cause(name): value for name, value in kept.accepted.items()}
        if kept.peaks:
            vigil.restore(bytes.fromhex(kept.peaks))
        if self.emergency.state.is_latched:
            self._shut(self.emergency.reason)
        if self.emergency.state.is_tripped:
            self.deed.urge(self._clock.now_ms())

    def activate(self, cause: Cause, reason: str, by: str = NAME) -> Emergency:
        """Stop the account: what this returns is begun already; once more while it lasts only urges it on."""
        return self._trip((cause,), reason, by)

    def _trip(self, causes: tuple[Cause, ...], reason: str, by: str) -> Emergency:
        """Stop for all causes at once: each word on the disk costs time, so there is one."""
        at_ms, before = self._clock.now_ms(), self.emergency
        for cause in causes:
            self.emergency = trip(self.emergency, cause, reason, at_ms)
        if not self.emergency.state.is_latched:
            return self.emergency
        self._shut(reason, by)
        self.deed.urge(at_ms)
        if before.state.is_latched:
            self.remember()
        else:
            self.mode = RecoveryMode.EMERGENCY
            self._tell(Told("tripped", self.emergency, cause=causes[0], by=by), reason)
        return self.emergency

    async def clear(self, cause: Cause, person: str, reason: str, reconciled: bool) -> Emergency:
        """Clear one cause; with the last one, entries are let in again once the policy store agrees."""
        at_ms = self._clock.now_ms()
        after = reset(self.emergency, cause, person, reason, at_ms, self._post.limits.cooldown_ms, reconciled)
        if not after.state.is_latched:
            epoch = max(await self._fence.end_emergency(person, reason), self._post.latch.state().epoch)
            self._post.latch.open(epoch, reason, person, at_ms)
        self._vigil.accept((cause,), at_ms)
        self.emergency = after
        self._tell(Told("cleared", after, cause=cause, by=person, reason=reason), reason)
        return after

    async def run(self) -> None:
        """Watch, and carry out what was tripped, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.deed.run())

    async def _watch(self) -> None:
        while True:
            self.look()
            await self._clock.sleep(LOOK_MS)

    def look(self) -> Verdict:
        """Judge what is known now, and trip for it; what this returns has been acted upon."""
        verdict, causes = self._vigil.look(self._clock.now_ms())
        # While one is carried out, the same cause goes on being true: it is news once.
        fresh = tuple(cause for cause in causes if cause not in self.emergency.causes)
        if fresh:
            names = ", ".join(cause.replace("_", " ") for cause in fresh)
            self._trip(fresh, f"{names} reached {'its limit' if len(fresh) == 1 else 'their limits'}", NAME)
        self._look_at_latch()
        return verdict

    def _look_at_latch(self) -> None:
        """Stop in the name of whoever has closed the latch; one that nobody can read is closed by nobody."""
        if self.emergency.state.is_latched:
            return
        latch = self._post.latch.state()
        if latch.closed and latch.at_ms:
            self._trip((Cause.MANUAL,), latch.reason, latch.by)

    def climb(self) -> EmergencyRecovered | None:
        """Take a step out of the last emergency, or back, as equity allows; return what is to be said of it."""
        if self.emergency.state.is_latched or self.mode is RecoveryMode.NORMAL:
            return None
        drawdown = self._vigil.readings(self._clock.now_ms()).equity_drawdown_bps
        bps = None if drawdown is None else round(drawdown)
        epoch, limits = self._post.latch.state().epoch, self._post.limits
        step = recovered(self.mode, bps, limits, NAME, "equity against its peak", epoch)
        self.mode = recovery_mode(bps, limits)
        if step is not None:
            self.remember()
        return step

    def governed(self, limits: EssLimits, guard: Any) -> None:
        """Take in other limits."""
        self._post = replace(self._post, limits=limits)
        self._vigil.governed(limits, guard)

    def remember(self) -> None:
        """Write down what must outlive this process."""
        accepted = {cause.value: value for cause, value in self._vigil.accepted.items()}
        peaks, now = self._vigil.state_bytes(), self._clock.now_ms()
        kept = Kept(self.emergency, accepted, peaks.hex(), now if peaks else 0, "", self.mode.name, self.past)
        with suppress(Retryable):  # the latch is the second memory, and a restart with neither is an emergency too
            self._post.memory.write(kept)

    def _begun(self, at_ms: int) -> Flattening:
        return self._post.begun(self._post.latch.state().epoch, at_ms)

    def _heard(self, signal: EssSignal, at_ms: int) -> None:
        self.emergency = progress(self.emergency, signal, at_ms)
        self.remember()

    def _flat(self, report: Report) -> None:
        self._tell(Told("flat", self.emergency, report), self.emergency.reason)

    def _tell(self, told: Told, reason: str) -> None:
        causes = (told.cause,) if told.cause else tuple(told.emergency.causes)
        past = Past(told.what, self._clock.now_ms(), causes, reason, told.by)
        self.past = (*self.past, past)[-PAST_MAX:]
        self.remember()
        self._told(told)

    def _shut(self, reason: str, by: str = NAME) -> None:
        """Close the latch; a disk that refuses stops nothing, this process knows it all the same."""
        state = self._post.latch.state()
        if not state.closed:
            with suppress(Retryable):
                self._post.latch.close(state.epoch + 1, reason or "an emergency", by, self._clock.now_ms())
