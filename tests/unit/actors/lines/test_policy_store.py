"""The line to the policy store is everything that a reader, a gateway and an emergency stop ask of one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.actors import emergency_stop
from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.policy_store import PolicyStore
from qt_ray.adapters import policy_reader
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.trading import lease_keeper
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS, Held, Lease
from qt_ray.governance.rulebook import Denied
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Pause, Propose, Resume
from tests.conformance.rulebook_memory import MemoryRulebook
from tests.unit.actors.fake_part import FakePart

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)


class House:
    """A store that is old enough to grant leases, and a line to it."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_000_000
        self.store = PolicyStore(
            RulebookKeeper(MemoryRulebook(), PolicyCopy(folder / "policy.json"), Policy),
            lambda: self.now_ms,
            steady=lambda: self.now_ms,
        )
        self.now_ms += LEASE_MS + TRAVEL_MS
        self.part = FakePart(self.store)
        self.line = PolicyStoreLine(Line("PolicyStore", "fund", found=lambda name, namespace: self.part))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def test_it_satisfies_the_ports_of_those_who_ask(house: House) -> None:
    leasing: lease_keeper.Leasing = house.line
    watched: policy_reader.Watched = house.line
    fence: emergency_stop.Fence = house.line
    assert leasing is watched is fence


def test_a_lease_is_taken_renewed_and_given_back(house: House) -> None:
    async def story() -> None:
        lease = await house.line.take_lease("main", "gateway/1")
        assert isinstance(lease, Lease)
        assert isinstance(await house.line.take_lease("main", "gateway/2"), Held)
        again = await house.line.renew_lease("main", lease.token, lease.epoch)
        assert again is not None
        assert again.token == lease.token
        await house.line.return_lease("main", lease.token)
        assert isinstance(await house.line.take_lease("main", "gateway/2"), Lease)
        assert await house.line.renew_lease("main", lease.token, lease.epoch) is None

    told(story)


def test_a_reader_hears_of_every_change(house: House) -> None:
    async def story() -> None:
        word = await house.line.watch(-1, 1_000)
        assert word.policy == await house.line.policy()
        found = await house.line.wish(Pause("lunch"), ANN)
        assert isinstance(found, Policy)
        assert (await house.line.watch(word.turn, 1_000)).policy == found

    told(story)


def test_what_a_person_wishes_is_written_in_that_persons_name(house: House) -> None:
    async def story() -> None:
        policy = await house.line.policy()
        found = await house.line.set_policy({"limits.order_value_max": "1000"}, policy.version, "calmer", ANN)
        assert isinstance(found, Policy)
        assert found.updated_by == "ann"
        assert isinstance(await house.line.wish(Resume(found.version, "on")), Denied)
        await house.line.wish(Propose({"limits.order_value_max": "90000"}, found.version, "bolder"), ANN)
        assert [proposal.by for proposal in await house.line.proposals()] == ["ann"]
        assert len(await house.line.history(2)) == 2

    told(story)


def test_an_emergency_begins_at_once_and_ends_with_a_person(house: House) -> None:
    async def story() -> None:
        epoch = (await house.line.policy()).epoch
        assert await house.line.begin_emergency("fire") == epoch + 1
        assert await house.line.begin_emergency("still burning") == epoch + 1
        assert not house.store.can_open_new_trades()
        with pytest.raises(Invalid, match="reason"):
            await house.line.end_emergency("ann", "")
        assert await house.line.end_emergency("ann", "it is out") > epoch
        assert house.store.can_open_new_trades()

    told(story)


def test_a_store_that_is_away_is_retryable_whatever_is_asked(house: House) -> None:
    async def story() -> None:
        house.part.is_dead = True
        for asking in (
            house.line.watch(-1, 1),
            house.line.take_lease("main", "gateway/1"),
            house.line.begin_emergency("fire"),
            house.line.end_emergency("ann", "it is out"),
        ):
            with pytest.raises(Retryable, match="PolicyStore"):
                await asking

    told(story)
