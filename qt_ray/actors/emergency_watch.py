"""Emergency watch: the emergency stop as a part: it sees by itself, asks who is well, and needs nobody to act.

What it sees comes from its own session; the bus and the other parts only add to it. The store's policy sets the limits
as soon as it is known, and the defaults hold until then.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Final, Protocol

from qt_ray.actors.emergency_deed import Fence
from qt_ray.actors.emergency_roll import EmergencyRoll
from qt_ray.actors.emergency_stop import EmergencyStopSystem, Post
from qt_ray.actors.emergency_word import EmergencyWord
from qt_ray.actors.living import Living
from qt_ray.actors.rounds import Ask
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.emergency_memory import Past
from qt_ray.adapters.policy_reader import PolicyReader, Watched
from qt_ray.adapters.trading.sentry import Marks, Sentry
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event
from qt_ray.core.payloads import EquityUpdated
from qt_ray.core.policy import Policy
from qt_ray.execution.venue.session import VenueSession
from qt_ray.governance.policy_view import PolicyView
from qt_ray.monitoring.emergency import EmergencyStatus
from qt_ray.monitoring.health import Condition
from qt_ray.risk.breaches import Breaches
from qt_ray.risk.ess import Cause, Emergency, EssState
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.triggers import Verdict
from qt_ray.risk.vigil import Vigil

ATTEND_MS: Final = 1_000
REMEMBER_MS: Final = 10_000
WALK_MS: Final = 30_000


class Store(Fence, Watched, Protocol):
    """The policy store, as far as an emergency stop needs it."""

    async def policy(self) -> Policy:
        """Return the policy in force."""


class EmergencyStop:
    """One account's emergency stop, at its post from the first moment on; `run` lets it see and act."""

    def __init__(
        self,
        account: str,
        currency: str,
        session: VenueSession,
        marks: Marks,
        post: Post,
        store: Store,
        asks: Mapping[str, Ask],
        living: Living,
        tell: Callable[[Event], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Take up what an earlier life has left; `asks` are those who must be well, by name."""
        self._living, self._clock, self._latch = living, clock, post.latch
        policy = Policy()
        self._vigil = Vigil(policy.ess, limits_in_force(policy).row[0], tuple(asks), None, clock())
        self._word = EmergencyWord(tell, self._seen, self._drawdown_bps, lambda: post.latch.state().epoch, clock)
        self._system = EmergencyStopSystem(session, self._vigil, post, store, self._word.told)
        self._sentry = Sentry(session, marks, self._vigil, currency, self._system.since_ms, self._look, clock)
        self._roll = EmergencyRoll(asks, self._vigil, clock)
        self._store, self._reader = store, PolicyReader(store, clock)
        self._reader.listen(self._governed)
        self._verdict: Verdict = self._vigil.look(clock())[0]
        self._breaches = Breaches(account)

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        """Stop the account; what this returns is begun already."""
        if not reason.strip() or not by.strip():
            raise Invalid("an emergency has a reason, and somebody who calls it")
        return self._system.activate(Cause(cause), reason, by)

    async def clear(self, cause: Cause, person: str, reason: str) -> Emergency:
        """Clear one cause, once all is flat, settled and cool, and the gateway's books agree with the venue."""
        return await self._system.clear(Cause(cause), person, reason, self._roll.is_reconciled)

    async def status(self) -> EmergencyStatus:
        """Return where it is, what it sees, and how the last flattening went."""
        system, latch = self._system, self._latch.state()
        return EmergencyStatus(
            system.emergency.state.label,
            system.emergency,
            system.mode.name,
            self._sentry.purse.last,
            self._vigil.readings(self._clock()),
            self._verdict.unknown,
            latch.closed,
            latch.epoch,
            latch.reason,
            latch.by,
            system.deed.outcome,
        )

    async def history(self) -> tuple[Past, ...]:
        """Return what it has done, the newest last."""
        return self._system.past

    async def condition(self) -> Condition:
        """Return whether it is at its post, which is ready: armed or in an emergency, it sees everything."""
        emergency, unknown, latch = self._system.emergency, self._verdict.unknown, self._latch.state()
        reasons = [f"nobody tells {name.replace('_', ' ')}" for name in unknown]
        if emergency.state.is_latched:
            reasons.insert(0, f"an emergency: {emergency.reason}")
        last = self._sentry.purse.last
        facts = {
            "state": emergency.state.label,
            "causes": list(emergency.causes),
            "mode": self._system.mode.name,
            "trips": emergency.trips,
            "positions": len(self._sentry.purse.held),
            "fenced_ms": self._system.deed.fenced_ms,
            "equity": last and str(last.equity),
            "drawdown_bps": self._drawdown_bps(),
            "latched_by": latch.by if latch.closed else None,
        }
        is_ready = emergency.state is not EssState.DISABLED and not unknown
        return self._living.condition(Health.DEGRADED if reasons else Health.HEALTHY, reasons, facts, ready=is_ready)

    async def rest(self) -> None:
        """See nothing any more; what was begun and is not done is begun anew by whoever comes to life."""
        await self._living.rest()
        self._system.remember()

    def rumour(self, told: EquityUpdated, at_ms: int) -> None:
        """Take in what the bus says that the account is worth."""
        self._sentry.rumour(told, at_ms)

    async def run(self) -> None:
        """Watch and act until cancelled; the stop goes on whatever becomes of what it sees."""
        async with asyncio.TaskGroup() as group:
            for work in (self._system, self._sentry, self._roll, self._reader):
                group.create_task(work.run())
            group.create_task(self._attend())
            group.create_task(self._walk())

    async def _walk(self) -> None:
        """Walk the way to the store now and then: the first call between two processes costs what an emergency may."""
        while True:
            with suppress(Retryable):
                await self._store.policy()
            await asyncio.sleep(WALK_MS / 1_000)

    async def _attend(self) -> None:
        """Beat for whoever has not begun yet, take steps out of an emergency, and remember now and then."""
        kept_ms = self._clock()
        while True:
            at_ms = self._clock()
            self._roll.wait_for_the_fund()
            if (step := self._system.climb()) is not None:
                self._word.climbed(step)
            if at_ms - kept_ms >= REMEMBER_MS:
                self._system.remember()
                kept_ms = at_ms
            self._look()
            await asyncio.sleep(ATTEND_MS / 1_000)

    def _look(self) -> None:
        self._verdict = self._system.look()
        breach = self._breaches.seen(self._vigil.reading, *self._vigil.drawdown_limits_bps)
        if breach is not None:
            self._word.say(*breach)

    def _governed(self, view: PolicyView) -> None:
        self._system.governed(view.policy.ess, limits_in_force(view.policy).row[0])

    def _seen(self) -> tuple[Mapping[str, Decimal], int]:
        return {symbol: size for symbol, (size, _) in self._sentry.purse.held.items()}, self._sentry.cancelled

    def _drawdown_bps(self) -> float | None:
        return self._vigil.readings(self._clock()).equity_drawdown_bps
