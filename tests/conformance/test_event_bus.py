"""The event bus's port (SPEC chapter 6, V7): at least once, in order, no publication twice, nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.redis.bus import FIELD, RedisBus
from qt_ray.adapters.redis.link import linked
from qt_ray.adapters.redis.server import RedisServer
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import ModeChanged
from qt_ray.governance.bus import Delivery, EventBus, Gap
from tests.conformance.bus_memory import MemoryBus

pytestmark = [pytest.mark.integration, pytest.mark.requirement("S6 EventBus")]


class Bus(EventBus, Protocol):
    async def poison(self, body: bytes) -> None: ...
    async def trim(self, kept: int) -> None: ...
    async def buried_bodies(self) -> list[tuple[str, str, bytes]]: ...


class OpenedRedisBus(RedisBus):
    """The bus on Redis, and what the suite does to it from outside."""

    async def poison(self, body: bytes) -> None:
        fields: dict[Any, Any] = {FIELD: body}
        await self._redis.xadd(self.stream, fields)

    async def trim(self, kept: int) -> None:
        await self._redis.xtrim(self.stream, maxlen=kept, approximate=False)

    async def buried_bodies(self) -> list[tuple[str, str, bytes]]:
        found: Any = await self._redis.xrange(self.buried)
        return [(f[b"group"].decode(), f[b"reason"].decode(), f[b"event"]) for _, f in found]


@asynccontextmanager
async def in_memory(folder: Path) -> AsyncIterator[Bus]:
    yield MemoryBus()


@asynccontextmanager
async def in_redis(folder: Path) -> AsyncIterator[Bus]:
    server = RedisServer.start(folder)
    bus = OpenedRedisBus(linked(server.socket))
    try:
        yield bus
    finally:
        await bus.close()
        server.stop()


BUSES: dict[str, Callable[[Path], Any]] = {"memory": in_memory, "redis": in_redis}
Told = Callable[[Callable[[Bus], Awaitable[None]]], None]


@pytest.fixture(params=BUSES)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Told:
    """Return what runs a story on a fresh bus."""

    def run(story: Callable[[Bus], Awaitable[None]]) -> None:
        async def life() -> None:
            async with asyncio.timeout(30), BUSES[request.param](tmp_path) as bus:
                await story(bus)

        asyncio.run(life())

    return run


def happened(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number + 1, "ann"), "policy", number)


def times_of(found: tuple[Delivery, ...]) -> list[int]:
    return [delivery.event.time_ms for delivery in found if delivery.event]


def test_every_group_hears_every_event_in_order(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("risk")
        await bus.join("audit")
        assert await bus.publish([happened(number) for number in range(5)]) == 5
        for group in ("risk", "audit"):
            assert times_of(await bus.hear(group, "one", 3, 1)) == [0, 1, 2]
            assert times_of(await bus.hear(group, "two", 9, 1)) == [3, 4]
            assert await bus.hear(group, "one", 9, 1) == ()

    told(story)


def test_anybody_reads_on_from_where_he_was_and_takes_nothing_from_a_group(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("risk")
        await bus.publish([happened(number) for number in range(5)])
        first = await bus.read("", 3, 1)
        assert times_of(first) == times_of(await bus.read("", 3, 1)) == [0, 1, 2]
        rest = await bus.read(first[-1].position, 9, 1)
        assert times_of(rest) == [3, 4]
        assert await bus.read(rest[-1].position, 9, 1) == ()
        assert times_of(await bus.hear("risk", "one", 9, 1)) == [0, 1, 2, 3, 4]

    told(story)


def test_a_moment_is_a_position_from_which_nothing_later_is_missed(told: Told) -> None:
    async def story(bus: Bus) -> None:
        assert times_of(await bus.read(await bus.position(0), 9, 1)) == []
        began_ms = now_ms()
        await bus.publish([happened(number) for number in range(3)])
        assert times_of(await bus.read(await bus.position(began_ms), 9, 1)) == [0, 1, 2]
        assert times_of(await bus.read(await bus.position(0), 9, 1)) == [0, 1, 2]
        assert times_of(await bus.read(await bus.position(now_ms() + 1_000), 9, 1)) == []

    told(story)


def test_what_is_published_again_is_on_the_bus_once(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("risk")
        assert await bus.publish([happened(0), happened(1)]) == 2
        assert await bus.publish([happened(1), happened(2), happened(2)]) == 1
        assert await bus.publish([happened(0)]) == 0
        assert await bus.publish([]) == 0
        assert times_of(await bus.hear("risk", "one", 9, 1)) == [0, 1, 2]

    told(story)


def test_publishers_at_the_same_moment_add_each_event_once(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("risk")
        all_of_them = [happened(number) for number in range(20)]
        added = await asyncio.gather(*(bus.publish(all_of_them[at : at + 10]) for at in range(0, 11, 2)))
        assert sum(added) == 20
        assert sorted(times_of(await bus.hear("risk", "one", 99, 1))) == list(range(20))

    told(story)


def test_a_group_joins_once_and_late_or_from_the_start(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.publish([happened(0)])
        await bus.join("late")
        await bus.join("early", from_start=True)
        await bus.publish([happened(1)])
        await bus.join("late")
        assert times_of(await bus.hear("late", "one", 9, 1)) == [1]
        assert times_of(await bus.hear("early", "one", 9, 1)) == [0, 1]

    told(story)


def test_what_a_dead_consumer_left_is_claimed_and_counted(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("risk")
        await bus.publish([happened(number) for number in range(3)])
        first = await bus.hear("risk", "one", 9, 1)
        await bus.finish("risk", first[:1])
        assert await bus.claim("risk", "two", 9, idle_ms=60_000) == ()
        assert [(d.times, d.event) for d in await bus.claim("risk", "two", 9, idle_ms=0)] == [
            (2, happened(1)),
            (2, happened(2)),
        ]
        again = await bus.claim("risk", "three", 1, idle_ms=0)
        assert [delivery.times for delivery in again] == [3]
        await bus.finish("risk", first)
        assert await bus.claim("risk", "two", 9, idle_ms=0) == ()
        await bus.finish("risk", [])

    told(story)


def test_what_cannot_be_read_is_put_aside_with_its_bytes_and_holds_nobody_up(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("risk")
        await bus.poison(b'{"type":"nonsense"}')
        await bus.publish([happened(1)])
        broken, whole = await bus.hear("risk", "one", 9, 1)
        assert (broken.event, whole.event) == (None, happened(1))
        assert "in the registry" in broken.fault
        await bus.bury("risk", broken, broken.fault)
        await bus.finish("risk", [whole])
        assert await bus.buried_bodies() == [("risk", broken.fault, b'{"type":"nonsense"}')]
        assert await bus.claim("risk", "one", 9, idle_ms=0) == ()

    told(story)


def test_what_was_trimmed_away_unread_is_a_gap_and_what_was_read_is_none(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.join("quick")
        await bus.join("slow")
        await bus.publish([happened(number) for number in range(5)])
        await bus.finish("quick", await bus.hear("quick", "one", 9, 1))
        await bus.hear("slow", "one", 1, 1)
        assert (await bus.gap("quick"), await bus.gap("slow")) == (None, None)
        await bus.trim(2)
        assert await bus.gap("quick") is None
        assert await bus.gap("slow") in (Gap("slow", 2), Gap("slow", None))

    told(story)


def test_a_group_that_never_joined_is_a_mistake_of_ours(told: Told) -> None:
    async def story(bus: Bus) -> None:
        await bus.publish([happened(0)])
        with pytest.raises(Invalid):
            await bus.hear("nobody", "one", 1, 1)
        with pytest.raises(Invalid):
            await bus.gap("nobody")

    told(story)
