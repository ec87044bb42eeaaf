"""A monitor in a real cluster, on a real bus: what was told is shown and written once, whoever is killed meanwhile."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from qt_ray.adapters.audit_files import verified
from qt_ray.adapters.audit_verdict import verdict_on
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.redis.bus import RedisBus
from qt_ray.adapters.redis.link import linked
from qt_ray.adapters.redis.server import RedisServer
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.governance.audit_events import event_of
from tests.unit.monitoring import happenings as told

if TYPE_CHECKING:
    from qt_ray.actors.lines.monitor import MonitorLine
    from qt_ray.actors.origin import Origin

MONITOR, POLICY_STORE = "Monitor", "PolicyStore"

pytestmark = [pytest.mark.integration, pytest.mark.p0_patches, pytest.mark.xdist_group("ray")]


@dataclass
class Fund:
    origin: "Origin"
    redis: RedisServer
    handles: dict[str, Any]

    @property
    def monitor(self) -> "MonitorLine":
        from qt_ray.actors.line import Line
        from qt_ray.actors.lines.monitor import MonitorLine
        from qt_ray.actors.topology import namespace_of

        return MonitorLine(Line(MONITOR, namespace_of(self.origin.settings)))

    async def tell(self, *events: Event) -> None:
        from qt_ray.actors.voice import name_of

        bus = RedisBus(linked(self.redis.socket), name_of(self.origin.settings))
        await bus.publish(events)
        await bus.close()

    def in_log(self) -> list[str]:
        records = [line.record for line in verified(self.origin.places.audit)]
        return [name for record in records if record is not None and (name := event_of(record)) is not None]


@pytest.fixture
def fund(namespace: str, tmp_path: Path) -> Iterator[Fund]:
    import ray

    from qt_ray.actors.origin import Origin
    from qt_ray.actors.topology import PARTS, begun, namespace_of

    redis = RedisServer.start(tmp_path / "r")
    flags = {"fund.state": str(tmp_path / "state"), "fund.account": f"t{uuid4().hex[:8]}"}
    origin = Origin("paper", flags, redis=str(redis.socket), life="one")
    parts = [part for part in PARTS if part.name in (POLICY_STORE, MONITOR)]
    here = namespace_of(origin.settings)
    handles = {part.name: begun(part, origin, here) for part in parts}
    try:
        yield Fund(origin, redis, handles)
    finally:
        for handle in handles.values():
            ray.kill(handle)
        redis.stop()


async def until(seen: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(45):
        while True:
            try:
                if await seen():
                    return
            except Retryable:
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.05)


def test_what_was_told_is_shown_and_written_once_whoever_is_killed(fund: Fund) -> None:
    async def ready() -> bool:
        return (await fund.monitor.condition()).is_ready

    async def shown() -> bool:
        status = await fund.monitor.status()
        return status["decisions"] == 2 and status["actors"][POLICY_STORE]["health"] == "HEALTHY"

    async def story() -> None:
        await until(ready)
        began_ms = now_ms()
        first, second = told.decided(began_ms), told.decided(began_ms + 1, "d2")
        await fund.tell(first, second)
        await until(shown)
        status = await fund.monitor.status()
        assert (status["policy_version"] or 0) > 0
        held = {patch.key: patch.holds for patch in await fund.monitor.patches()}
        assert (held["p0_01"], held["p0_02"], held["p0_03"], held["p0_04"]) == (True, False, True, True)

        pid = (await fund.monitor.condition()).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        third = told.decided(began_ms + 2, "d3")
        await fund.tell(third)
        await until(lambda: _decisions(fund, 3))
        assert (await fund.monitor.condition()).was_reconstructed
        await until(lambda: _written(fund, third))
        assert [name for name in fund.in_log() if name in {first.id, second.id, third.id}] == [
            first.id,
            second.id,
            third.id,
        ]

        fund.redis.kill()
        found = {patch.key: patch.reason for patch in await fund.monitor.patches()}
        assert found["p0_03"]
        assert found["p0_04"]
        await fund.handles[MONITOR].rest.remote()
        places = fund.origin.places
        assert verdict_on(places.audit, places.anchors).broken == ""

    asyncio.run(story())


async def _decisions(fund: Fund, count: int) -> bool:
    return bool((await fund.monitor.status())["decisions"] == count)


async def _written(fund: Fund, event: Event) -> bool:
    return event.id in fund.in_log()
