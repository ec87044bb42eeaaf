"""Risk guard: the account's authority before a trade. It shrinks and refuses, and what it does not know it refuses.

Exits pass always. What others were granted and the books do not hold yet counts as held; a guard that is born again
knows of no grants, so nothing grows until the leases of an earlier life have run out. A person's switch is on the disk
before it counts as pulled, and only a person releases it.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import POLICY_STORE, RISK_GUARD, namespace_of
from qt_ray.actors.voice import voice
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch, LatchState
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.events import event
from qt_ray.core.notices import KillChanged
from qt_ray.engine.admission import blocks, name_of, orders_in, why_refused
from qt_ray.engine.burden import claims_of
from qt_ray.engine.pipeline import Decision, Guard, Sized
from qt_ray.monitoring.health import Condition
from qt_ray.risk.hindrance import Hindrance
from qt_ray.risk.reservations import LEASE_MS, Reservations
from qt_ray.risk.throttle import Throttle

DESK: Final = "desk"
KILL_FILE: Final = "kill.json"


class RiskGuard:
    """One account's guard; `denials` counts by reason and symbol."""

    def __init__(
        self,
        account: str,
        switch: Latch,
        reader: PolicyReader,
        living: Living,
        tell: Callable[..., None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Take up the switch as it was left."""
        self._account, self._switch, self._reader, self._living = account, switch, reader, living
        self._tell, self._clock, self._guard = tell, clock, Guard()
        self._reservations, self._throttle = Reservations(), Throttle()
        self._quiet_until_ms = clock() + LEASE_MS if living.was_reconstructed else 0
        self._reviewed = 0
        self.denials: Counter[tuple[str, str]] = Counter()

    async def review(self, sized: Sized, closed: str = "", owner: str = DESK) -> Decision:
        """Return what is granted of the wishes; `closed` is why the asker itself wants nothing to grow."""
        at_ms = self._clock()
        told = sized.opinion.snapshot.told
        hindrance = Hindrance(
            killed=self._switch.state().closed,
            closed=closed or self._why_closed(sized, at_ms),
            committed=self._reservations.committed(owner, told, at_ms),
        )
        decision = self._guard.review(sized, hindrance)
        self._reservations.reserve(name_of(decision, self._account), owner, claims_of(decision.world), at_ms)
        self._throttle.count(orders_in(decision), at_ms)
        self._reviewed += 1
        self._deny(decision)
        return decision

    async def settle(self, decision: str, books: int) -> bool:
        """Take in that books from that number on hold what a decision was granted."""
        return self._reservations.settle(decision, books, self._clock())

    async def release(self, decision: str) -> bool:
        """Take in that nothing will come of a decision."""
        return self._reservations.release(decision)

    async def kill(self, reason: str, by: str) -> LatchState:
        """Let nothing grow from now on, in this life and in later ones, until a person says otherwise."""
        state = self._switch.state()
        try:
            return self._switch.close(state.epoch + 1, reason, by, self._clock())
        finally:
            self._tell(event("risk.kill.changed", KillChanged(True, by, reason), RISK_GUARD, self._clock()))

    async def unkill(self, person: str, reason: str) -> LatchState:
        """Let wishes grow again, because a person says so and why."""
        state = self._switch.open(self._switch.state().epoch, reason, person, self._clock())
        self._tell(event("risk.kill.changed", KillChanged(False, person, reason), RISK_GUARD, self._clock()))
        return state

    async def condition(self) -> Condition:
        """Return how the guard is; one that would refuse everything says why, and is ready all the same."""
        why, is_ready = self._why_unready(self._clock()), self._reader.view is not None
        facts: dict[str, Any] = {
            "reviewed": self._reviewed,
            "grants": len(self._reservations),
            "denials": {f"{reason}/{symbol}": count for (reason, symbol), count in self.denials.items()},
        }
        health = Health.DEGRADED if why else Health.HEALTHY
        return self._living.condition(health, (why,) if why else (), facts, is_ready)

    async def rest(self) -> None:
        """End; a guard owes nothing to anybody."""
        await self._living.rest()

    def _why_closed(self, sized: Sized, at_ms: int) -> str:
        view = self._reader.view
        why = self._why_unready(at_ms)
        return why if why or view is None else why_refused(sized.world, view.in_force, view.left.size_bps)

    def _why_unready(self, at_ms: int) -> str:
        """Return why nothing grows whatever is asked, or nothing."""
        state, view = self._switch.state(), self._reader.view
        if state.closed:
            return f"the switch was pulled by {state.by}: {state.reason}"
        if at_ms < self._quiet_until_ms:
            return "what an earlier life has granted may be under way"
        if view is not None and self._throttle.recent(at_ms) >= view.policy.limits.orders_per_10s_account_max:
            return "order_rate: the orders of ten seconds were used up"
        return self._reader.why_closed() or ""

    def _deny(self, decision: Decision) -> None:
        denied = tuple(blocks(decision, self._account))
        self.denials.update((one.reason, one.symbol) for one in denied)
        if denied:
            self._tell(*(event("risk.block", one, RISK_GUARD, self._clock()) for one in denied))


class RiskGuardActor(RiskGuard):
    """The guard of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Follow the policy, and take up the switch."""
        settings = origin.settings
        reader = PolicyReader(PolicyStoreLine(Line(POLICY_STORE, namespace_of(settings))))
        self._publisher, living = voice(origin, RISK_GUARD), Living(RISK_GUARD)
        switch = Latch(origin.places.folder / KILL_FILE)
        super().__init__(settings.fund.account, switch, reader, living, self._publisher.tell)
        living.keep(self._publisher.run())
        living.keep(reader.run())

    async def rest(self) -> None:
        """End, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()
