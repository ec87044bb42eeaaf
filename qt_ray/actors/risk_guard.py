"""Risk guard: the account's authority before a trade. It shrinks and refuses, and what it does not know it refuses.

Exits pass always. What others were granted, or have at work, and the asker's books do not hold yet counts as held. A
guard that is born again knows neither, so nothing grows until what an earlier life has granted is at the gateway or
never will be, and the gateway has told what is at work. A person's switch is on the disk before it counts as pulled,
and only a person releases it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from qt_ray.actors.living import Living
from qt_ray.actors.topology import RISK_GUARD
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch, LatchState
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.core.events import event
from qt_ray.core.notices import KillChanged
from qt_ray.engine.admission import blocks, name_of, orders_in, why_refused
from qt_ray.engine.burden import claims_at_work, claims_of
from qt_ray.engine.pipeline import Decision, Guard, Sized
from qt_ray.monitoring.health import Condition
from qt_ray.risk.at_work import AtWork, Entering, Looks
from qt_ray.risk.hindrance import Hindrance
from qt_ray.risk.reservations import HANDED_MS, Reservations, committed
from qt_ray.risk.throttle import Throttle

DESK: Final = "desk"
KILL_FILE: Final = "kill.json"
LOOK_EVERY_MS: Final = 1_000
# A hundred symbols have a hundred words, and orders do not wait until they are made.
DENY_AFTER_S: Final = 0.1


class Account(Protocol):
    """The gateway, as far as a guard needs it; Retryable when it does not answer."""

    async def at_work(self) -> AtWork:
        """Return the entries that may still fill."""


class RiskGuard:
    """One account's guard; `denials` counts by reason and symbol, and one that is not warm is not ready."""

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
        self._looks = Looks(clock() + HANDED_MS if living.was_reconstructed else 0)
        self._reviewed, self.is_warm = 0, True
        self._untold: deque[Decision] = deque()
        self.denials: Counter[tuple[str, str]] = Counter()

    async def review(self, sized: Sized, closed: str = "", owner: str = DESK) -> Decision:
        """Return what is granted of the wishes; `closed` is why the asker itself wants nothing to grow."""
        at_ms = self._clock()
        snapshot = sized.opinion.snapshot
        others = self._looks.at_work(snapshot.told, owner)
        claims = self._reservations.claims(owner, at_ms)
        hindrance = Hindrance(
            killed=self._switch.state().closed,
            closed=closed or self._why_closed(sized, others, at_ms),
            committed=committed((*claims, *claims_at_work(sized.world, snapshot.bars.symbols, others))),
        )
        decision = self._guard.review(sized, hindrance)
        self._reservations.reserve(name_of(decision, self._account), owner, claims_of(decision.world), at_ms)
        self._throttle.count(orders_in(decision), at_ms)
        self._reviewed += 1
        self._untold.append(decision)
        asyncio.get_running_loop().call_later(DENY_AFTER_S, self._deny)
        return decision

    async def follow(self, account: Account) -> None:
        """Look at what is at work in the account until cancelled; without an answer, what was seen grows old."""
        while True:
            with suppress(Retryable):
                await self.look(account)
            await asyncio.sleep(LOOK_EVERY_MS / 1_000)

    async def look(self, account: Account) -> None:
        """Look once."""
        at_ms = self._clock()
        self._looks.saw(await account.at_work(), at_ms)

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
        """Return how the guard is; one that would refuse everything says why, and once it was able to is ready."""
        self._deny()
        why = self._why_unready(self._clock())
        is_ready = self.is_warm and self._reader.view is not None and self._looks.is_begun
        facts: dict[str, Any] = {
            "reviewed": self._reviewed,
            "grants": len(self._reservations),
            "denials": {f"{reason}/{symbol}": count for (reason, symbol), count in self.denials.items()},
        }
        health = Health.DEGRADED if why else Health.HEALTHY
        return self._living.condition(health, (why,) if why else (), facts, is_ready)

    async def rest(self) -> None:
        """End; a guard owes nothing to anybody but its last words."""
        self._deny()
        await self._living.rest()

    def _why_closed(self, sized: Sized, others: tuple[Entering, ...], at_ms: int) -> str:
        snapshot, view = sized.opinion.snapshot, self._reader.view
        why = self._why_unready(at_ms) or self._looks.why_newer(snapshot.told, at_ms)
        unseen = {one.symbol for one in others} - set(snapshot.bars.symbols)
        if not why and unseen:
            why = f"another's entries are at work in {', '.join(sorted(unseen))}, which the asker does not see"
        return why if why or view is None else why_refused(sized.world, view.in_force, view.left.size_bps)

    def _why_unready(self, at_ms: int) -> str:
        """Return why nothing grows whatever is asked, or nothing."""
        state, view = self._switch.state(), self._reader.view
        if state.closed:
            return f"the switch was pulled by {state.by}: {state.reason}"
        if why := self._looks.why_unseen(at_ms):
            return why
        if view is not None and self._throttle.recent(at_ms) >= view.policy.limits.orders_per_10s_account_max:
            return "order_rate: the orders of ten seconds were used up"
        return self._reader.why_closed() or ""

    def _deny(self) -> None:
        """Count what was denied, and tell of it."""
        while self._untold:
            denied = tuple(blocks(self._untold.popleft(), self._account))
            self.denials.update((one.reason, one.symbol) for one in denied)
            self._tell(*(event("risk.block", one, RISK_GUARD, self._clock()) for one in denied))
