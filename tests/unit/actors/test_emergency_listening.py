"""The emergency stop hears the bus from its first life on: nobody else has opened a group for it."""

import asyncio
from decimal import Decimal

import pytest

from qt_ray.actors.emergency_stop_actor import listen
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import EquityUpdated
from tests.conformance.bus_memory import MemoryBus

pytestmark = pytest.mark.unit

WORTH = EquityUpdated("main", *[Decimal(1)] * 4)


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def knows(self, event: Event) -> bool:
        return False

    async def commit(self, event: Event) -> None:
        self.events.append(event)


def test_a_bus_that_knows_no_group_yet_is_heard() -> None:
    async def story() -> None:
        bus, heard = MemoryBus(), Heard()
        listening = asyncio.create_task(listen(bus, heard))
        await asyncio.sleep(0)
        told = event("account.equity.updated", WORTH, "gateway", 1_000)
        await bus.publish([told])
        while not heard.events:
            await asyncio.sleep(0)
        listening.cancel()
        assert heard.events == [told]

    asyncio.run(asyncio.wait_for(story(), 10))
