"""Every part is asked, nobody is waited for, what changed is told, and who hangs is begun anew."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from qt_ray.actors.warden import Warden
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.monitoring.healing import BEATS_MISSED_MS
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.rounds import SILENT_MS
from qt_ray.monitoring.status import Identity
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.unit

WHO = Identity("paper", "main", "life", "1", 0)


@dataclass
class Part:
    """Answers with its condition, not at all, or never."""

    condition: Condition
    is_silent: bool = False
    hangs: bool = False

    async def ask(self) -> Condition:
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_silent:
            raise Retryable("Desk.condition: somebody is there, was RayActorError")
        return self.condition


@dataclass
class Fund:
    parts: dict[str, Part]
    now_ms: int = 0
    voice: HeardVoice = field(default_factory=HeardVoice)
    restarted: list[str] = field(default_factory=list)

    def warden(self, **more: Any) -> Warden:
        asks = {name: part.ask for name, part in self.parts.items()}
        return Warden(WHO, asks, self.restart, self.voice.tell, lambda: self.now_ms, **more)

    async def restart(self, name: str) -> None:
        self.restarted.append(name)

    @property
    def told(self) -> list[str]:
        return [event.type for event in self.voice.events]


def fund() -> Fund:
    well = Condition("Desk", Health.HEALTHY, 0, since_ms=1, is_ready=True, pid=7)
    return Fund({"Desk": Part(well), "Feed": Part(replace(well, part="Feed", pid=8))})


def test_a_fund_is_started_once_all_its_parts_are_ready_and_that_is_told_once() -> None:
    async def story() -> None:
        here = fund()
        here.parts["Feed"].condition = replace(here.parts["Feed"].condition, is_ready=False)
        warden = here.warden()
        await warden.look()
        assert "system.started" not in here.told
        here.parts["Feed"].condition = replace(here.parts["Feed"].condition, is_ready=True)
        for _ in range(3):
            await warden.look()
        assert here.told.count("system.started") == 1
        started = here.voice.of("system.started")[0].payload
        assert (started.account, started.life, started.parts) == ("main", "life", ("Desk", "Feed"))
        again = here.warden(is_started=True)
        await again.look()
        assert here.told.count("system.started") == 1

    asyncio.run(story())


@pytest.mark.requirement("S7 SystemHealth")
def test_each_change_is_told_once_with_its_reason() -> None:
    async def story() -> None:
        here = fund()
        warden = here.warden()
        await warden.look()
        assert sorted(here.told) == ["health.changed"] * 2 + ["part.started"] * 2 + ["system.started"]
        desk = here.parts["Desk"]
        desk.condition = replace(desk.condition, health=Health.DEGRADED, reasons=("a bar is late",))
        await warden.look()
        await warden.look()
        changed = here.voice.of("health.changed")[-1].payload
        assert len(here.told) == 6
        assert (changed.old, changed.new, changed.detail) == ("HEALTHY", "DEGRADED", "a bar is late")

    asyncio.run(story())


def test_a_part_in_a_new_process_is_told_as_born_again() -> None:
    async def story() -> None:
        here = fund()
        warden = here.warden()
        await warden.look()
        desk = here.parts["Desk"]
        desk.condition = replace(desk.condition, pid=99, was_reconstructed=True)
        await warden.look()
        born = here.voice.of("part.started")[-1].payload
        assert (born.part, born.pid, born.was_reconstructed) == ("Desk", 99, True)

    asyncio.run(story())


@pytest.mark.requirement("S7 SystemHealth")
def test_a_part_that_dies_is_unknown_and_one_that_hangs_delays_no_other() -> None:
    async def story() -> None:
        here = fund()
        warden = here.warden()
        await warden.look()
        here.parts["Desk"].is_silent, here.parts["Feed"].hangs = True, True
        here.now_ms = SILENT_MS
        await warden.look()
        assert {name: found.health for name, found in warden.rounds.conditions.items()} == {
            "Desk": Health.UNKNOWN,
            "Feed": Health.UNKNOWN,
        }
        assert "did not answer within" in warden.rounds.conditions["Feed"].reasons[0]

    asyncio.run(story())


def test_a_part_that_hangs_is_begun_anew_and_one_that_always_hangs_shuts_entries() -> None:
    async def story() -> None:
        here = fund()
        warden = here.warden()
        await warden.look()
        here.parts["Desk"].is_silent = True
        for here.now_ms in range(0, 6 * BEATS_MISSED_MS, 1_000):
            await warden.look()
        assert here.restarted == ["Desk"] * 3
        assert "Desk does not stay up" in (warden.why_shut() or "")
        here.parts["Desk"].is_silent = False
        await warden.look()
        assert warden.why_shut() is None

    asyncio.run(story())


def test_whoever_reads_the_roll_hears_at_once_of_a_change_and_else_at_a_round_s_end() -> None:
    async def story() -> None:
        here = fund()
        warden = here.warden()
        assert (await warden.roll(0, 1)).heard == {}
        waiting = asyncio.create_task(warden.roll(0, 60_000))
        await asyncio.sleep(0)
        here.parts["Feed"].hangs = True
        looking = asyncio.create_task(warden.look())
        first = await waiting
        assert (set(first.heard), looking.done()) == ({"Desk"}, False)
        here.now_ms = 400
        await looking
        second = await warden.roll(first.turn, 60_000)
        assert second.turn > first.turn
        assert {name: age_ms for name, (_, age_ms) in second.heard.items()} == {"Desk": 400}
        here.parts["Desk"].is_silent, here.now_ms = True, SILENT_MS
        await warden.look()
        assert (await warden.roll(second.turn, 60_000)).heard == {}

    asyncio.run(story())


def test_parts_of_two_editions_shut_new_entries_until_they_are_one_again() -> None:
    async def story() -> None:
        world = fund()
        warden = world.warden()
        await warden.look()
        assert warden.why_shut() is None
        world.parts["Feed"].condition = replace(world.parts["Feed"].condition, edition="1+a")
        world.parts["Desk"].condition = replace(world.parts["Desk"].condition, edition="1+b")
        await warden.look()
        assert warden.why_shut() == "all parts run the same code, 1+b in Desk; 1+a in Feed"
        world.parts["Desk"].condition = replace(world.parts["Desk"].condition, edition="1+a")
        await warden.look()
        assert warden.why_shut() is None

    asyncio.run(story())
