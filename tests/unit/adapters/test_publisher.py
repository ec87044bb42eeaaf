"""SPEC chapter 6: an outage of the bus loses nothing, doubles nothing and changes no order; law 7."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.adapters.publisher import WAITING_MAX, Publisher
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event, decode_event, event
from qt_ray.core.orders import Side
from qt_ray.core.payloads import BusRecovered, ExecutionRequested, ModeChanged
from tests.conformance.bus_memory import MemoryBus

pytestmark = pytest.mark.unit


def happened(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number + 1, "ann"), "policy", number)


class WeakBus(MemoryBus):
    """A bus that is away, or whose replies are lost though it did what was asked."""

    is_away = False
    loses_replies = 0

    async def publish(self, events: Sequence[Event]) -> int:
        await asyncio.sleep(0)
        if self.is_away:
            raise Retryable("redis: a publication is answered, it was not")
        found = await super().publish(events)
        if self.loses_replies:
            self.loses_replies -= 1
            raise Retryable("redis: a publication is answered, the reply was lost")
        return found

    @property
    def told(self) -> list[Event]:
        return [decode_event(body) for body in self.entries]

    @property
    def numbers(self) -> list[int]:
        return [told.time_ms for told in self.told if told.source == "policy"]


class Life:
    def __init__(self, folder: Path) -> None:
        self.folder, self.bus, self.now_ms = folder, WeakBus(), 0

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        buffer = EventBuffer(self.folder)
        publisher = Publisher(self.bus, buffer, "gateway", lambda: self.now_ms, again_ms=1)
        task = asyncio.create_task(publisher.run())
        try:
            yield publisher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            buffer.close()

    async def settled(self, publisher: Publisher, count: int) -> None:
        while len(self.bus.numbers) < count or not publisher.is_reaching:
            await asyncio.sleep(0.001)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 20))


@pytest.mark.requirement("P0-03")
@pytest.mark.p0_patches
def test_a_hundred_events_of_an_outage_are_kept_and_replayed_in_order_once(tmp_path: Path) -> None:
    async def story() -> None:
        life = Life(tmp_path)
        async with life.publisher() as publisher:
            life.bus.is_away = True
            for number in range(100):
                await publisher.publish(happened(number))
            life.now_ms, life.bus.is_away = 5_000, False
            await life.settled(publisher, 100)
            publisher.tell(happened(100))
            await life.settled(publisher, 101)
        assert life.bus.numbers == list(range(101))
        (recovered,) = [told.payload for told in life.bus.told if told.type == "system.redis_recovered"]
        assert recovered == BusRecovered(buffered=100, replayed=100, outage_ms=5_000)

    run(story)


ACTS = st.lists(st.sampled_from(["tell", "publish", "away", "back", "lose", "restart", "breathe"]), max_size=25)


@pytest.mark.requirement("L7")
@given(acts=ACTS)
@settings(max_examples=40)
def test_no_story_loses_doubles_or_reorders(tmp_path_factory: pytest.TempPathFactory, acts: list[str]) -> None:
    async def story() -> None:
        life, number, at = Life(tmp_path_factory.mktemp("life")), 0, 0
        while at <= len(acts):
            async with life.publisher() as publisher:
                born = number
                for act in acts[at:]:
                    at += 1
                    if act == "restart":
                        break
                    if act == "tell":
                        publisher.tell(happened(number))
                    if act == "publish":
                        await publisher.publish(happened(number))
                    number += act in ("tell", "publish")
                    life.bus.is_away = act == "away" or (life.bus.is_away and act != "back")
                    life.bus.loses_replies += act == "lose"
                    await asyncio.sleep(0.002 if act == "breathe" else 0)
                    owed = publisher.taken - publisher.carried
                    safe = {*life.bus.numbers, *(told.time_ms for told in publisher._buffer.recent)}
                    assert set(range(born, number - owed)) <= safe
                else:
                    at += 1
                    life.bus.is_away = False
                    await life.settled(publisher, number)
        assert life.bus.numbers == list(range(number))

    run(story)


@pytest.mark.requirement("S6 EventBuffer")
def test_commands_are_not_told_late(tmp_path: Path) -> None:
    async def story() -> None:
        life = Life(tmp_path)
        asked = ExecutionRequested("d", "qt-x-1-0", "BTCUSDT", Side.BUY, Decimal(1), False)
        async with life.publisher() as publisher:
            life.bus.is_away = True
            await publisher.publish(event("trade.execution_requested", asked, "desk", 0), happened(1))
            life.bus.is_away = False
            await life.settled(publisher, 1)
            assert dict(publisher.late) == {"trade.execution_requested": 1}
        assert [told.type for told in life.bus.told] == ["policy.mode.changed", "system.redis_recovered"]

    run(story)


def test_more_than_memory_holds_goes_to_disk_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        life = Life(tmp_path)
        buffer = EventBuffer(tmp_path)
        publisher = Publisher(life.bus, buffer, "gateway", lambda: 0)
        publisher.tell(*[happened(number) for number in range(WAITING_MAX)])
        assert buffer.is_empty
        publisher.tell(happened(WAITING_MAX))
        assert not buffer.is_empty
        buffer.close()
        async with life.publisher() as successor:
            await life.settled(successor, WAITING_MAX + 1)
        assert life.bus.numbers == list(range(WAITING_MAX + 1))

    run(story)
