"""Fund OS: sees all parts as one fund, says once a second what that leaves of it, and has no power but that word.

It asks every part how it is and tells the policy store what may still be done; the store alone makes it law, and a
coordinator that falls silent leaves nothing. Nothing of it is remembered: one that is born again sees it all anew.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Protocol

from qt_ray.actors.exporting import RayExporter
from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.roll_call import AskedLine, RollCall
from qt_ray.actors.topology import FUND_OS, PARTS, POLICY_STORE, namespace_of
from qt_ray.actors.voice import bus_of, voice
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.consumer import Consumer
from qt_ray.adapters.logs import log
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.core.policy import Policy, Stage
from qt_ray.engine.rows import Action
from qt_ray.governance.bus import EventBus
from qt_ray.governance.coordination import AUTHOR, Coordinated, Coordinator
from qt_ray.governance.coordination_news import news
from qt_ray.governance.orchestrator import PolicyObserver
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.stages import authorities
from qt_ray.monitoring.health import Condition
from qt_ray.risk.restraints import Latitude, Restraint

BEAT_MS: Final = 1_000
DECISIONS: Final = ("decision.made",)
SIGNALS: Final = frozenset(action.name for action in (Action.ENTER, Action.ADD, Action.FLIP, Action.REFUSED))


class Store(Protocol):
    """The policy store, as far as a coordinator may speak to it; Retryable when it does not answer."""

    async def restrain(self, *restraints: Restraint) -> Latitude:
        """Have the word of the asker's layers taken in, and return what all layers leave."""


class FundOS:
    """One fund's coordinator."""

    def __init__(
        self,
        parts: RollCall,
        store: Store,
        policy: Callable[[], Policy | None],
        living: Living,
        tell: Callable[..., None],
        metrics: MetricsLogger,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.observer = PolicyObserver()
        self._parts, self._store, self._policy, self._living = parts, store, policy, living
        self._tell, self._metrics, self._clock = tell, metrics, clock
        self._coordinator = Coordinator(parts.names, clock())
        self._came: Coordinated | None = None
        self._stage: Stage | None = None
        self._fault = "the policy is not known yet"

    async def run(self) -> None:
        """Beat once a second until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_MS / 1_000)

    async def beat(self) -> None:
        """Look at every part once, and have said what follows; before the policy is known nothing does."""
        await self._parts.take()
        policy, at_ms = self._policy(), self._clock()
        if policy is None:
            return
        self._staged(policy.stage)
        before, came = self._came, self._coordinator.beat(self._parts.seen(at_ms), policy, at_ms)
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

    def knows(self, event: Event) -> bool:
        """Return that no decision was seen before: what is counted here dies with this life."""
        return False

    async def commit(self, event: Event) -> None:
        """Compare what the orchestrator would have said of a signal with what was done."""
        made = event.payload
        if made.confidence is not None and made.action.upper() in SIGNALS:
            policy, sure = self._coordinator.trading.policy, Decimal(str(made.confidence))
            was_entered = made.action.upper() != Action.REFUSED.name
            self.observer.observe(policy, made.symbol, sure, was_entered, event.time_ms)

    async def follow(self, bus: EventBus) -> None:
        """Hear of every decision until cancelled; while there is no bus, of none."""
        consumer = Consumer(bus, AUTHOR, AUTHOR, DECISIONS, self)
        is_in = False
        while True:
            try:
                if not is_in:
                    await bus.join(AUTHOR)
                    is_in = True
                await consumer.turn()
            except Retryable:
                await asyncio.sleep(BEAT_MS / 1_000)

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


class FundOSActor(FundOS):
    """The coordinator of the fund that `origin` tells of, as a process."""

    def __init__(self, origin: Origin) -> None:
        namespace, living = namespace_of(origin.settings), Living(FUND_OS)
        parts = {part.name: AskedLine(Line(part.name, namespace)) for part in PARTS if part.name != FUND_OS}
        store, self._publisher = PolicyStoreLine(Line(POLICY_STORE, namespace), Author(AUTHOR)), voice(origin, FUND_OS)
        self._reader, metrics = PolicyReader(store), MetricsLogger(RayExporter())
        super().__init__(RollCall(parts), store, self._known, living, self._publisher.tell, metrics)
        for work in (self._publisher.run(), self._reader.run(), self.follow(bus_of(origin)), self.run()):
            living.keep(work)

    async def rest(self) -> None:
        """Say nothing more, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()

    def _known(self) -> Policy | None:
        return self._reader.view.policy if self._reader.view else None


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
