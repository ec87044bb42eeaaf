"""Monitor as an actor: where its record, its trades and its people are.

It stands early in the line of parts, because what happens before it listens is in the record and not on its pages.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from qt_ray import __version__
from qt_ray.actors.exporting import RayExporter
from qt_ray.actors.line import Line
from qt_ray.actors.living import Living
from qt_ray.actors.monitor import Reach
from qt_ray.actors.monitor_pages import PagedMonitor
from qt_ray.actors.monitor_reach import BooksLine, Parts, trials_of
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import GATEWAY, MONITOR, PARTS, namespace_of
from qt_ray.actors.voice import address_of, bus_of, name_of, voice, why_mute
from qt_ray.actors.warden import Warden
from qt_ray.adapters.alerting import Alerting, DeadMan, Webhook
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.event_metrics import measure
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.monitor_memory import MonitorMemory
from qt_ray.adapters.redis.trades import RedisTrades
from qt_ray.adapters.scribe import Archive, Scribe
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.sqlite_trades import SqliteTrades
from qt_ray.adapters.trade_keeper import TradeKeeper
from qt_ray.adapters.usage import Meter, machine
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.events import event
from qt_ray.core.notices import SystemStopped
from qt_ray.governance.bus import EventBus
from qt_ray.governance.trade_state import TradeStateStore
from qt_ray.monitoring.alerts import AlertBook
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.room import why_tight
from qt_ray.monitoring.rounds import Rounds
from qt_ray.monitoring.status import Identity

TRADES: Final = "trades"


class MonitorActor(PagedMonitor):
    """The monitor of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Take up this life where an earlier process has left it, or begin one."""
        settings, self._origin = origin.settings, origin
        self._living, self._voice = Living(MONITOR), voice(origin, MONITOR)
        again = self._living.was_reconstructed
        began_ms = MonitorMemory(origin.places.lived / "monitor.json").began_ms(now_ms(), again)
        who = Identity(origin.profile, settings.fund.account, origin.life, __version__, began_ms)
        bus = bus_of(origin)
        self._trades = TradeKeeper(partial(trades_of, origin), began_ms if origin.life else 0)
        self._alerting = Alerting(_channels(settings))
        book = AlertBook(settings.alerts.quiet, settings.alerts.escalate_ms)
        self._parts = Parts([part.name for part in PARTS if part.name != MONITOR], namespace_of(settings))
        asks = {**self._parts.asks, MONITOR: self.condition}
        warden = Warden(who, asks, self._parts.restart, self._voice.tell, is_started=again)
        super().__init__(who, bus, Scribe(archive_of(origin), bus), warden, self._reaching(bus), book)
        self._begin(bus)

    async def condition(self) -> Condition:
        """Return whether the record is kept and the bus is heard."""
        silent, scribe = self.why_silent(), self.scribe
        gap = "the record misses events that the bus no longer has" if scribe.gap else ""
        buried = f"{scribe.buried} events could not be written down" if scribe.buried else ""
        mute = why_mute(self._voice, self._origin)
        tight = why_tight(self._reach.room())
        said = (silent, gap, buried, tight, mute, self.deaf, scribe.fault, self._trades.fault)
        reasons = [reason for reason in said if reason]
        health = Health.CRITICAL if silent else Health.DEGRADED if reasons else Health.HEALTHY
        facts = {
            "why_silent": silent,
            "written": scribe.written,
            "lines": None if scribe.verdict is None else scribe.verdict.lines,
            "alerts": sum(alert.is_open for alert in self.book.alerts),
            "decisions": self.views.counts["decision.made"],
            "losing_streak": self.views.losing_streak,
        }
        return self._living.condition(health, reasons, facts, ready=silent is None)

    async def rest(self) -> None:
        """Tell that the fund ends, write down what was told until now, and end."""
        what = SystemStopped(self.who.account, self.who.life, "asked to rest")
        await self._voice.publish(event("system.stopped", what, MONITOR, now_ms()))
        await self._living.rest()
        await self.scribe.rest()
        await self._alerting.close()
        self._voice.close()

    def _reaching(self, bus: EventBus) -> Reach:
        places = self._origin.places
        return Reach(
            books=BooksLine(Line(GATEWAY, namespace_of(self._origin.settings))),
            room=partial(machine, places.folder),
            machine=partial(_measured, Meter(), places.folder),
            tell=self._voice.tell,
            wake=self._alerting.tell,
            trials=trials_of(self._parts, bus, self._voice, places.buffer, self._trades),
            measure=partial(measure, MetricsLogger(RayExporter())),
        )

    def _begin(self, bus: EventBus) -> None:
        life, dead_man = self._origin.life, self._origin.settings.alerts.dead_man
        for work in (
            self._voice.run(),
            self.scribe.run(),
            self.follow(),
            self.keep_account(),
            self.warden.run(),
            self.wake_people(),
            self._alerting.run(),
            self._trades.run(bus, f"{TRADES}-{life}" if life else TRADES),
        ):
            self._living.keep(work)
        if dead_man is not None:
            self._living.keep(DeadMan(dead_man).run(lambda: not self.deaf))


def archive_of(origin: Origin) -> Archive:
    """Return where the account's record lies, and how long it is kept."""
    places, audit = origin.places, origin.settings.audit
    return Archive(places.audit, places.anchors, places.audit_key, audit.kept_days, audit.kept_longer_days)


def trades_of(origin: Origin) -> TradeStateStore:
    """Return the store of this life's trades: in Redis where there is one, else in a file."""
    if origin.redis is None:
        return SqliteTrades(origin.places.lived / "trades.db")
    name = name_of(origin.settings)
    return RedisTrades(address_of(origin.redis), f"{name}-{origin.life}" if origin.life else name)


def _channels(settings: Settings) -> list[Webhook]:
    return [] if settings.alerts.webhook is None else [Webhook(settings.alerts.webhook)]


def _measured(meter: Meter, folder: Path, rounds: Rounds) -> Mapping[str, Any]:
    """Return what the machine and each part's process use."""
    pids = {part: condition.pid for part, condition in rounds.conditions.items() if condition.pid is not None}
    return {**machine(folder), "processes": {part: meter.read(pid) for part, pid in pids.items()}}
