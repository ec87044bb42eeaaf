"""A monitor shows what the events say, wakes people, and is the same after it was begun anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.actors.line import Line
from qt_ray.actors.lines.monitor import MonitorLine
from qt_ray.actors.monitor import Reach, Trial
from qt_ray.actors.monitor_pages import PagedMonitor
from qt_ray.actors.warden import Warden
from qt_ray.adapters.scribe import Archive, Scribe
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import HealthChanged, RiskAlert
from qt_ray.engine.tidings import Holding, Stand, Tiding
from qt_ray.monitoring.alerts import Alert
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.status import Identity
from tests.conformance.bus_memory import MemoryBus
from tests.unit.actors.fake_part import FakePart
from tests.unit.actors.voices import HeardVoice
from tests.unit.monitoring import happenings as told

pytestmark = pytest.mark.unit

STORY = [told.decided(), told.submitted(), told.filled(), told.executed(), told.worth(15, 10_000)]


class Books:
    """Tells how the account stands, or does not answer."""

    is_away = False

    async def tidings(self, after: int, wait_ms: int) -> Sequence[Tiding]:
        await asyncio.sleep(0)
        if self.is_away:
            raise Retryable("Gateway.tidings: somebody is there, was not")
        if after:
            return ()
        return (Tiding(3, Stand(Decimal(900), {"BTCUSDT": Holding(Decimal(2), Decimal(100))}, (), 16)),)


async def works() -> str:
    return ""


async def hangs() -> str:
    raise Retryable("redis: a stream is answered, it was not")


@dataclass
class House:
    folder: Path
    bus: MemoryBus = field(default_factory=MemoryBus)
    voice: HeardVoice = field(default_factory=HeardVoice)
    books: Books = field(default_factory=Books)
    woken: list[Alert] = field(default_factory=list)
    measured: list[Event] = field(default_factory=list)
    trials: dict[str, Trial] = field(default_factory=dict)
    now_ms: int = 20
    room: dict[str, int] = field(default_factory=dict)
    health: Health = Health.HEALTHY

    def monitor(self, began_ms: int = 0) -> PagedMonitor:
        who = Identity("paper", "main", "life", "1", began_ms)
        archive = Archive(self.folder / "audit", self.folder / "anchors", self.folder / "key")
        warden = Warden(who, {"Desk": self.desk}, self.restart, self.voice.tell, lambda: self.now_ms)
        reach = Reach(
            self.books,
            lambda: self.room,
            lambda rounds: {"cpus": 2},
            self.voice.tell,
            self.woken.append,
            self.trials,
            self.measured.append,
        )
        return PagedMonitor(who, self.bus, Scribe(archive, self.bus), warden, reach, clock=lambda: self.now_ms)

    async def desk(self) -> Condition:
        return Condition("Desk", self.health, self.now_ms, since_ms=1, is_ready=True, pid=7)

    async def restart(self, part: str) -> None:
        raise AssertionError(part)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def life() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(life())


def test_what_the_parts_tell_is_on_the_pages(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        await house.bus.publish(STORY)
        assert await monitor.hear(1) == len(STORY)
        await monitor.ask_books()
        await monitor.warden.look()
        status = await monitor.status()
        assert (status["decisions"], status["orders"], status["fills"], status["equity"]) == (1, 1, 1, "10000")
        assert (status["positions"], status["is_ready"], status["health"]) == (1, True, "HEALTHY")
        assert (await monitor.portfolio())["positions"]["BTCUSDT"]["quantity"] == "2"
        assert (await monitor.decisions(5))[0]["id"] == "d1"
        assert (await monitor.decision("d1") or {})["fills"][0]["trade_id"] == 1
        assert (await monitor.decision("ghost")) is None
        assert [row["status"] for row in (await monitor.orders(5))["ended"]] == ["filled"]
        assert len(await monitor.fills(5)) == 1
        assert await monitor.trips(5) == []
        assert (await monitor.health())["machine"] == {"cpus": 2}
        assert house.measured == STORY

    run(story)


def test_a_monitor_that_is_begun_anew_shows_the_same(house: House) -> None:
    async def story() -> None:
        first = house.monitor()
        await house.bus.publish(STORY[:3])
        await first.hear(1)
        await house.bus.publish(STORY[3:])
        await first.hear(1)
        second = house.monitor()
        await second.hear(1)
        await first.ask_books()
        await second.ask_books()
        assert await first.portfolio() == await second.portfolio()
        assert await first.decisions(9) == await second.decisions(9)
        assert first.views.counts == second.views.counts

    run(story)


def test_what_waited_since_an_earlier_life_is_not_shown_as_of_this_one(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor(began_ms=13)
        await house.bus.publish(STORY)
        await monitor.hear(1)
        assert monitor.views.counts == {"order.filled": 1, "trade.executed": 1, "account.equity.updated": 1}

    run(story)


def test_a_trouble_wakes_a_person_once_and_is_told(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        await house.bus.publish([event("risk.alert", RiskAlert("critical", "margin", "thin"), "Gateway", 15)])
        await monitor.hear(1)
        monitor.wake()
        monitor.wake()
        assert [alert.key for alert in house.woken] == ["risk margin"]
        assert house.voice.of("alert.raised")[0].payload.severity == "CRITICAL"
        assert (await monitor.alerts())[0]["is_open"]
        assert (await monitor.acknowledge("risk margin", "ann"))["acknowledged_by"] == "ann"
        assert (await monitor.timeline(5)) == []

    run(story)


def test_a_part_that_falls_ill_wakes_a_person_through_the_bus(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        await monitor.warden.look()
        house.health = Health.CRITICAL
        await monitor.warden.look()
        await house.bus.publish(house.voice.of("health.changed"))
        await monitor.hear(1)
        monitor.wake()
        assert [alert.title for alert in house.woken] == ["Desk is CRITICAL"]
        assert [row["payload"]["new"] for row in await monitor.timeline(5, "health.")] == ["CRITICAL", "HEALTHY"]

    run(story)


def test_nobody_is_woken_for_how_the_parts_come_to_life(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        ill = event("health.changed", HealthChanged("Feed", "UNKNOWN", "CRITICAL", "no history yet"), "Monitor", 15)
        await house.bus.publish([ill])
        await monitor.hear(1)
        monitor.wake()
        assert house.woken == []
        assert len(await monitor.timeline(5, "health.")) == 1

    run(story)


def test_it_follows_until_it_is_ended_whoever_is_away(house: House) -> None:
    async def story() -> None:
        house.books.is_away = True
        monitor = house.monitor()
        work = [asyncio.create_task(each()) for each in (monitor.follow, monitor.keep_account, monitor.wake_people)]
        await house.bus.publish(STORY)
        while monitor.views.counts.total() < len(STORY):
            await asyncio.sleep(0.001)
        assert monitor.deaf == ""
        for task in work:
            task.cancel()
        await asyncio.wait(work)
        assert monitor.views.account.at_ms is None

    run(story)


@pytest.mark.p0_patches
def test_a_trial_that_fails_or_hangs_breaks_its_requirement(house: House) -> None:
    async def story() -> None:
        house.trials = {"trades": works, "bus": hangs, "buffer": works}
        found = {patch.key: patch for patch in await house.monitor().patches()}
        assert found["p0_04"].holds
        assert not found["p0_03"].holds
        assert found["p0_03"].reason == "redis: a stream is answered, it was not"

    run(story)


def test_nothing_new_is_opened_before_the_record_is_proven(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        assert monitor.why_silent() == "no entry before the audit log is verified"
        await monitor.scribe.begin()
        assert monitor.why_silent() is None
        house.room["disk_free_bytes"] = 0
        assert "full disk" in (monitor.why_silent() or "")
        await monitor.scribe.rest()

    run(story)


def test_the_line_asks_what_the_monitor_answers(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        part = FakePart(monitor)
        line = MonitorLine(Line("Monitor", "ns", found=lambda name, namespace: part))
        await house.bus.publish(STORY)
        await monitor.hear(1)
        assert await line.why_silent() == "no entry before the audit log is verified"
        assert await line.status() == await monitor.status()
        assert await line.health() == await monitor.health()
        assert await line.decisions(5) == await monitor.decisions(5)
        assert await line.decision("d1") == await monitor.decision("d1")
        assert await line.portfolio() == await monitor.portfolio()
        assert await line.orders(5) == await monitor.orders(5)
        assert await line.fills(5) == await monitor.fills(5)
        assert await line.trips(5) == []
        assert await line.timeline(5, "health.") == []
        assert await line.alerts() == []
        assert await line.patches() == await monitor.patches()
        assert await line.roll(1, 5) == await monitor.roll(1, 5)
        with pytest.raises(Invalid, match="wait_ms"):
            await line.roll(0, 0)
        with pytest.raises(Invalid, match="an alert that is known"):
            await line.acknowledge("ghost", "ann")
        part.is_dead = True
        with pytest.raises(Retryable, match="somebody is there"):
            await line.why_silent()

    run(story)


def test_health_that_turns_back_ends_the_trouble(house: House) -> None:
    async def story() -> None:
        monitor = house.monitor()
        ill = event("health.changed", HealthChanged("Desk", "HEALTHY", "CRITICAL", "r"), "monitor", 15)
        well = event("health.changed", HealthChanged("Desk", "CRITICAL", "HEALTHY", ""), "monitor", 16)
        await house.bus.publish([ill, well])
        await monitor.hear(1)
        monitor.wake()
        assert house.woken == []

    run(story)
