"""Emergency watch: the emergency stop as a part: it sees by itself, asks who is well, and needs nobody to act.

What it sees comes from its own session; the bus and the other parts only add to it. A part that has never been there
cannot be lost, so until a fund has begun its silence is no alarm; after that it is one. The store's policy sets the
limits as soon as it is known, and the defaults hold until then.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from qt_ray.actors.emergency_stop import EmergencyStopSystem, Fence, Post, Told
from qt_ray.actors.living import Living
from qt_ray.actors.rounds import Ask, Rounds
from qt_ray.actors.topology import FEED, GATEWAY
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.emergency_memory import Past
from qt_ray.adapters.policy_reader import PolicyReader, Watched
from qt_ray.adapters.trading.sentry import Marks, Sentry
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event, event
from qt_ray.core.notices import CauseCleared, EmergencyTripped
from qt_ray.core.payloads import EmergencyTriggered, EquityUpdated
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

BEGIN_MS_MAX: Final = 180_000
ATTEND_MS: Final = 1_000
REMEMBER_MS: Final = 10_000
ERRORS_AT_ONCE_MAX: Final = 100


class Store(Fence, Watched, Protocol):
    """The policy store, as far as an emergency stop needs it."""


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
        self._living, self._tell_event, self._clock, self._post = living, tell, clock, post
        policy = Policy()
        self._vigil = Vigil(policy.ess, limits_in_force(policy).row[0], tuple(asks), None, clock())
        self._system = EmergencyStopSystem(session, self._vigil, post, store, self._told)
        self._sentry = Sentry(session, marks, self._vigil, currency, self._system.since_ms, self._look, clock)
        self._rounds = Rounds(asks, self._heard, clock)
        self._reader = PolicyReader(store, clock)
        self._reader.listen(self._governed)
        self._verdict: Verdict = self._vigil.look(clock())[0]
        self._rejected: int | None = None
        self._breaches = Breaches(account)
        self._was_fed = False
        self._held_then = self._cancelled_then = 0

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        """Stop the account; what this returns is begun already."""
        if not reason.strip() or not by.strip():
            raise Invalid("an emergency has a reason, and somebody who calls it")
        return self._system.activate(Cause(cause), reason, by)

    async def clear(self, cause: Cause, person: str, reason: str) -> Emergency:
        """Clear one cause, once all is flat, settled and cool, and the gateway's books agree with the venue."""
        gateway = self._rounds.fresh(GATEWAY)
        reconciled = gateway is not None and gateway.facts.get("is_reconciled") is True
        return await self._system.clear(Cause(cause), person, reason, reconciled)

    async def status(self) -> EmergencyStatus:
        """Return where it is, what it sees, and how the last flattening went."""
        system, latch = self._system, self._post.latch.state()
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
            system.outcome,
        )

    async def history(self) -> tuple[Past, ...]:
        """Return what it has done, the newest last."""
        return self._system.past

    async def condition(self) -> Condition:
        """Return whether it is at its post, which is ready: armed or in an emergency, it sees everything."""
        emergency, unknown = self._system.emergency, self._verdict.unknown
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
            "fenced_ms": self._system.fenced_ms,
            "equity": last and str(last.equity),
            "drawdown_bps": self._vigil.readings(self._clock()).equity_drawdown_bps,
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
            for work in (self._system, self._sentry, self._rounds, self._reader):
                group.create_task(work.run())
            group.create_task(self._attend())

    async def _attend(self) -> None:
        """Beat for whoever has not begun yet, take steps out of an emergency, and remember now and then."""
        since_ms = kept_ms = self._clock()
        while True:
            at_ms = self._clock()
            if at_ms - since_ms < BEGIN_MS_MAX:
                self._wait_for_the_fund(at_ms)
            if (step := self._system.climb()) is not None:
                self._tell("system.emergency.recovered", step)
            if at_ms - kept_ms >= REMEMBER_MS:
                self._system.remember()
                kept_ms = at_ms
            self._look()
            await asyncio.sleep(ATTEND_MS / 1_000)

    def _wait_for_the_fund(self, at_ms: int) -> None:
        for name in self._rounds.absent():
            self._vigil.beat(name, at_ms)
        if not self._was_fed:
            self._vigil.fed(at_ms)

    def _look(self) -> None:
        self._verdict = self._system.look()
        breach = self._breaches.seen(self._vigil.reading, *self._vigil.drawdown_limits_bps)
        if breach is not None:
            self._tell(*breach)

    def _heard(self, name: str, condition: Condition, at_ms: int) -> None:
        """Take in that a part lives, and what the feed and the gateway say of what they carry."""
        self._vigil.beat(name, at_ms)
        if name == FEED and condition.health < Health.CRITICAL:
            self._was_fed = True
            self._vigil.fed(at_ms)
        if name == GATEWAY and isinstance(rejected := condition.facts.get("rejected"), int):
            before = rejected if self._rejected is None or rejected < self._rejected else self._rejected
            for _ in range(min(rejected - before, ERRORS_AT_ONCE_MAX)):
                self._vigil.execution_error(at_ms)
            self._rejected = rejected

    def _governed(self, view: PolicyView) -> None:
        self._system.governed(view.policy.ess, limits_in_force(view.policy).row[0])

    def _told(self, told: Told) -> None:
        """Say what was done, with what the stream has shown of it."""
        if told.what == "tripped":
            self._held_then, self._cancelled_then = len(self._sentry.purse.held), self._sentry.cancelled
            payload: Any = EmergencyTripped(told.cause, told.emergency.reason, told.by, self._epoch())
            self._tell("system.emergency.tripped", payload)
        elif told.what == "flat":
            self._tell("system.emergency.triggered", self._outcome(told))
        else:
            reason, left = self._system.past[-1].reason, tuple(told.emergency.causes)
            self._tell("system.emergency.cause_cleared", CauseCleared(told.cause, told.by, reason, left))

    def _outcome(self, told: Told) -> EmergencyTriggered:
        held = self._sentry.purse.held
        drawdown = self._vigil.readings(self._clock()).equity_drawdown_bps
        return EmergencyTriggered(
            severity="critical",
            reason=told.emergency.reason,
            drawdown_bps=None if drawdown is None else round(drawdown),
            positions_closed=max(self._held_then - len(held), 0),
            orders_canceled=self._sentry.cancelled - self._cancelled_then,
            residual={symbol: size for symbol, (size, _) in held.items()},
            epoch=self._epoch(),
        )

    def _tell(self, kind: str, payload: Any) -> None:
        self._tell_event(event(kind, payload, "emergency_stop", self._clock()))

    def _epoch(self) -> int:
        return self._post.latch.state().epoch
