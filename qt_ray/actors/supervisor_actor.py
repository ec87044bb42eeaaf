"""Supervisor as an actor: the horizon that this fund's models foretell, its bus and its feed."""

from typing import Final

from qt_ray.actors.line import Line
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.supervisor import MODE, Supervisor
from qt_ray.actors.topology import FEED, SUPERVISOR, namespace_of
from qt_ray.actors.voice import bus_of
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.models.champion import champion_of
from qt_ray.adapters.monitor_memory import MonitorMemory
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.market.bars import Bars
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.scorecards import Scorecards

BEYOND_MS: Final = 2_000
# As far back as a feed has rows to judge by.
PAST_BARS: Final = 1_500


class MarketLine:
    """The feed over a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return all closed rows that opened after a moment, or nothing within the time."""
        found: Bars | None = await self._line.ask("rows", after_ms, wait_ms, within_ms=wait_ms + BEYOND_MS)
        return found


class SupervisorActor(Supervisor):
    """The supervisor of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Hear this life again, from its beginning or as far back as a feed remembers."""
        settings, self._living = origin.settings, Living(SUPERVISOR)
        memory = MonitorMemory(origin.places.lived / "supervisor.json")
        champion = champion_of(settings)
        bars = settings.train.horizon_bars if champion is None else champion.horizon_bars
        super().__init__(
            bus_of(origin),
            MarketLine(Line(FEED, namespace_of(settings))),
            Scorecards(bars * settings.market.interval_ms),
            max(memory.began_ms(now_ms(), was_reconstructed=True), now_ms() - PAST_BARS * settings.market.interval_ms),
        )
        self._living.keep(self.follow())
        self._living.keep(self.watch())

    async def condition(self) -> Condition:
        """Return whether it hears and sees, and over how many outcomes it speaks."""
        reasons = [reason for reason in (self.deaf, self.blind) if reason]
        health = Health.DEGRADED if reasons else Health.HEALTHY
        facts = {"mode": MODE, "outcomes": self.cards.counts, "horizon_ms": self.cards.horizon_ms}
        return self._living.condition(health, reasons, facts)

    async def rest(self) -> None:
        """End; nothing here is the record."""
        await self._living.rest()
