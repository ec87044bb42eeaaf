"""The policy store in its place: it recovers from its folder, says how it is, and is heard however it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.actors.origin import Origin
from qt_ray.actors.policy_store_actor import PolicyStoreActor
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Pause

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin("paper", {"fund.state": str(tmp_path)})


def kept(origin: Origin) -> list[str]:
    batch = EventBuffer(origin.places.buffer / "PolicyStore").next_batch(100)
    return [] if batch is None else [event.payload.deed for event in batch.events]


def test_a_fresh_fund_begins_with_its_profiles_policy(origin: Origin) -> None:
    async def story() -> None:
        store = PolicyStoreActor(origin)
        assert store.get_policy().version == 2
        assert store.get_policy().updated_by == "policy_store"
        await store.rest()

    told(story)
    assert kept(origin) == ["seed", "start"]


def test_the_first_record_of_a_fund_is_of_its_own_day_and_not_of_1970(origin: Origin) -> None:
    async def story() -> None:
        before_ms = now_ms()
        store = PolicyStoreActor(origin)
        await store.rest()
        batch = EventBuffer(origin.places.buffer / "PolicyStore").next_batch(100)
        assert batch is not None
        assert min(event.time_ms for event in batch.events) >= before_ms

    told(story)


def test_a_new_life_knows_all_and_begins_another_epoch(origin: Origin) -> None:
    async def story() -> None:
        first = PolicyStoreActor(origin)
        assert isinstance(first.wish(Pause("lunch"), ANN), Policy)
        epoch = first.get_policy().epoch
        await first.rest()
        second = PolicyStoreActor(origin)
        assert second.get_policy().new_trades_paused
        assert second.get_policy().epoch == epoch + 1
        await second.rest()

    told(story)
    assert kept(origin) == ["seed", "start", "pause", "start"]


def test_a_store_without_a_bus_says_so_and_is_ready_all_the_same(origin: Origin) -> None:
    async def story() -> None:
        store = PolicyStoreActor(origin)
        found = await store.condition()
        assert (found.part, found.is_ready, found.health) == ("PolicyStore", True, Health.DEGRADED)
        assert "no bus" in found.reasons[0]
        assert found.facts["version"] == 2
        await store.rest()

    told(story)


def test_a_change_is_told_without_anybody_asking(origin: Origin) -> None:
    async def story() -> None:
        store = PolicyStoreActor(origin)
        await asyncio.sleep(0)
        store.wish(Pause("lunch"), ANN)
        while not (origin.places.policy / "told").exists() or (origin.places.policy / "told").read_text() != "3\n":
            await asyncio.sleep(0)
        await store.rest()

    told(story)
    assert kept(origin) == ["seed", "start", "pause"]
