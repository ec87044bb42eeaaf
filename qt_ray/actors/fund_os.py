"""Fund OS: sees all parts as one fund, says once a second what that leaves of it, and has no power but that word.

It hears how every part is and tells the policy store what may still be done; the store alone makes it law, and a
coordinator that falls silent leaves nothing. Nothing of it is remembered: one that is born again sees it all anew.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from qt_ray.actors.living import Living
from qt_ray.actors.rounds import Rounds
from qt_ray.actors.topology import FUND_OS
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.logs import log
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy, Stage
from qt_ray.governance.coordination import SILENCE_MAX_MS, Coordinated, Coordinator
from qt_ray.governance.coordination_news import news
from qt_ray.governance.orchestrator import PolicyObserver, TradingPolicy
from qt_ray.governance.stages import authorities
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.rounds import Roll
from qt_ray.monitoring.sight import sight_of
from qt_ray.risk.restraints import Latitude, Restraint

BEAT_MS: Final = 1_000


class Store(Protocol):
    """The policy store, as far as a coordinator may speak to it; Retryable when it does not answer."""

    async def restrain(self, *restraints: Restraint) -> Latitude:
        """Have the word of the asker's layers taken in, and return what all layers leave."""


class Called(Protocol):
    """The monitor, which goes round already; Retryable when it does not answer."""

    async def roll(self, turn: int, wait_ms: int) -> Roll:
        """Return how all parts are, once there is news after `turn`, or after `wait_ms`."""


class FundOS:
    """One fund's coordinator."""

    def __init__(
        self,
        parts: Rounds,
        monitor: Called,
        store: Store,
        policy: Callable[[], Policy | None],
        living: Living,
        tell: Callable[..., None],
        metrics: MetricsLogger,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.observer = PolicyObserver()
        self._parts, self._monitor, self._store, self._policy, self._living = parts, monitor, store, policy, living
        self._tell, self._metrics, self._clock = tell, metrics, clock
        self._coordinator = Coordinator(parts.names, clock())
        self._turn = 0
        self._came: Coordinated | None = None
        self._stage: Stage | None = None
        self._fault = "the policy is not known yet"

    @property
    def trading(self) -> TradingPolicy:
        """Return what the orchestrator would say of a signal now."""
        return self._coordinator.trading.policy

    async def run(self) -> None:
        """Beat once a second until cancelled."""
        while True:
            began_ms = self._clock()
            await self.beat()
            await asyncio.sleep(max(BEAT_MS - (self._clock() - began_ms), 0) / 1_000)

    async def beat(self) -> None:
        """Look at every part once, and have said what follows; before the policy is known nothing does."""
        await self._look()
        policy, at_ms = self._policy(), self._clock()
        if policy is None:
            return
        self._staged(policy.stage)
        seen = sight_of(self._parts.within(SILENCE_MAX_MS))
        before, came = self._came, self._coordinator.beat(seen, policy, at_ms)
        self._came = came
        try:
            await self._store.restrain(*came.restraints)
        except Retryable as fault:
            self._fault = str(fault)
        else:
            self._fault = ""
        if told := tuple(news(before, came, at_ms)):
            self._tell(*told)
        self._show(came)

    async def directive(self) -> Coordinated | None:
        """Return what came of the last beat."""
        return self._came

    async def condition(self) -> Condition:
        """Return how the coordinator is, and where it thinks that the fund stands."""
        reasons = (self._fault,) if self._fault else ()
        facts = {"stage": self._stage and self._stage.value, "agreement": self.observer.agreement, **_facts(self._came)}
        health = Health.DEGRADED if reasons else Health.HEALTHY
        return self._living.condition(health, reasons, facts, ready=self._came is not None and not reasons)

    async def rest(self) -> None:
        """Say nothing more; before long that alone lets nothing new in."""
        await self._living.rest()

    async def _look(self) -> None:
        """Hear from the monitor, which has just been round, how all are; while it is away each is asked from here."""
        try:
            roll = await self._monitor.roll(self._turn, BEAT_MS)
        except Retryable:
            await self._parts.take()
            return
        self._turn = roll.turn
        for name, (condition, age_ms) in roll.heard.items():
            self._parts.hear(name, condition, age_ms)

    def _staged(self, stage: Stage) -> None:
        if stage is not self._stage:
            log().info("a stage is in force", part=FUND_OS, stage=stage.value, **authorities(stage))
            self._stage = stage

    def _show(self, came: Coordinated) -> None:
        standing = came.standing
        if came.turned_from is not None:
            labels = {"from": came.turned_from.name, "to": standing.mode.name}
            self._metrics.record_counter("risk_mode_transitions", 1.0, **labels)
        sick = standing.count(Health.CRITICAL) + standing.count(Health.UNKNOWN)
        self._metrics.record_gauge("system_health_critical_subsystems", sick)
        self._metrics.record_gauge("system_health_degraded_subsystems", standing.count(Health.DEGRADED))


def _facts(came: Coordinated | None) -> dict[str, Any]:
    if came is None:
        return {}
    standing, directive = came.standing, came.directive
    return {
        "mode": standing.mode.name,
        "health": round(standing.health, 1),
        "reason": standing.reason,
        "size_bps": directive.size_bps,
        "size_by": directive.size_by,
        "size_reason": directive.reason,
        "profile": came.trading.profile.name,
    }
