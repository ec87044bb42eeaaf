"""SPEC laws 1 to 3: one truth, durable before it is acknowledged, and a fence that an emergency waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.actors.policy_store import Acknowledged, PolicyStore
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS, Held, Lease
from qt_ray.governance.rulebook import Denial, Denied
from qt_ray.governance.rulebook_entries import Author, RulebookEntry
from qt_ray.governance.rulebook_store import Kept, Overtaken
from qt_ray.governance.wishes import Approve, Pause, Propose
from tests.conformance.rulebook_memory import MemoryRulebook

pytestmark = pytest.mark.unit

ANN, BOB, ESS = Author("ann", is_person=True), Author("bob", is_person=True), Author("ess")


GROWN_MS = LEASE_MS + TRAVEL_MS


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


class FullDisk(MemoryRulebook):
    """A store that takes nothing more once `is_full`."""

    is_full = False

    def append(self, entry: RulebookEntry, after: int) -> Kept | Overtaken:
        if self.is_full:
            raise Retryable("policy.db: a rulebook answers, database or disk is full")
        return super().append(entry, after)


class House:
    """A store's files, which outlive it, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.copy = PolicyCopy(folder / "policy.json")
        self.entries = FullDisk()
        self.clock, self.wall = Clock(), Clock()

    def store(self) -> PolicyStore:
        return PolicyStore(RulebookKeeper(self.entries, self.copy, Policy), self.wall, steady=self.clock)

    def grown(self) -> PolicyStore:
        """Return a store that is old enough to grant leases."""
        found = self.store()
        self.clock.now_ms += GROWN_MS
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def leased(store: PolicyStore, holder: str = "gateway/1") -> Lease:
    found = store.take_lease("main", holder)
    assert isinstance(found, Lease)
    return found


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


async def begun(store: PolicyStore) -> "asyncio.Task[Acknowledged | Denied]":
    """Return an emergency that was asked for and has come as far as it can."""
    task = asyncio.create_task(store.set_emergency_mode(True, "fire", ESS))
    await asyncio.sleep(0)
    return task


@pytest.mark.requirement("L1")
def test_each_life_begins_a_new_epoch_and_forgets_nothing(house: House) -> None:
    first = house.store()
    first.set_policy({"limits.order_value_max": "1000"}, first.get_policy().version, "calmer", ESS)
    second = house.store()
    assert second.get_policy().epoch == first.get_policy().epoch + 1
    assert second.get_value("limits.order_value_max") == 1_000
    assert len(second.history(10)) == 4


@pytest.mark.requirement("P0-01")
@pytest.mark.p0_patches
def test_the_founding_questions_have_answers(house: House) -> None:
    store = house.store()
    assert store.get_active_risk_config() == store.get_policy().risk
    assert (store.is_emergency_mode(), store.can_open_new_trades()) == (False, True)
    found = store.switch_mode("DEFENSIVE", store.get_policy().version, "calmer", ESS)
    assert isinstance(found, Policy)
    assert store.get_value("risk.max_leverage") == 3
    assert store.reload_policy() == store.get_policy()


def test_two_stores_on_one_book_end_with_the_older_one(house: House) -> None:
    old, new = house.store(), house.store()
    with pytest.raises(Invariant, match="one keeper"):
        old.wish(Pause("lunch"), ANN)
    with pytest.raises(Invariant, match="one keeper"):
        old.reload_policy()
    assert isinstance(new.wish(Pause("lunch"), ANN), Policy)


def test_an_emergency_without_gateways_is_acknowledged_at_once(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        epoch = store.get_policy().epoch
        assert await store.set_emergency_mode(True, "fire", ESS) == Acknowledged(epoch + 1, 0)
        assert (store.is_emergency_mode(), store.can_open_new_trades()) == (True, False)

    told(story)


@pytest.mark.requirement("L2")
def test_an_emergency_waits_until_the_gateway_has_drained(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        lease = leased(store)
        task = await begun(store)
        assert store.is_emergency_mode()
        heard = store.renew_lease("main", lease.token, lease.epoch)
        await asyncio.sleep(0)
        assert heard is not None
        assert heard.epoch == lease.epoch + 1
        assert not task.done()
        house.clock.now_ms += 30
        store.renew_lease("main", lease.token, heard.epoch)
        assert await task == Acknowledged(heard.epoch, 30)

    told(story)


@pytest.mark.requirement("L2")
def test_an_emergency_waits_for_a_silent_gateway_no_longer_than_its_lease(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        lease = leased(store)
        task = await begun(store)
        house.clock.now_ms = lease.until_ms + TRAVEL_MS
        store.renew_lease("main", lease.token + 1, 0)  # any stir: the clock of the story stands still by itself
        assert await task == Acknowledged(lease.epoch + 1, GROWN_MS)

    told(story)


def test_a_young_store_acknowledges_only_what_its_earlier_life_cannot_undo(house: House) -> None:
    async def story() -> None:
        leased(house.grown())
        store = house.store()
        assert isinstance(store.take_lease("main", "gateway/2"), Held)
        task = await begun(store)
        assert not task.done()
        house.clock.now_ms += GROWN_MS
        store.return_lease("main", 0)
        assert await task == Acknowledged(store.get_policy().epoch, GROWN_MS)

    told(story)


def test_an_emergency_is_ended_by_a_person_who_names_its_epoch(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        begun_at = await store.set_emergency_mode(True, "fire", ESS)
        assert isinstance(begun_at, Acknowledged)
        for epoch, author, denial in (
            (begun_at.epoch - 1, ANN, Denial.NEWER_EMERGENCY),
            (begun_at.epoch, ESS, Denial.NEEDS_PERSON),
        ):
            found = await store.set_emergency_mode(False, "it is out", author, epoch)
            assert isinstance(found, Denied)
            assert found.denial is denial
        assert isinstance(await store.set_emergency_mode(False, "it is out", ANN, begun_at.epoch), Acknowledged)
        assert store.can_open_new_trades()

    told(story)


def test_an_emergency_that_cannot_be_written_still_shuts_the_fence(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        lease, word = leased(store), await store.watch(-1, 1)
        house.entries.is_full = True
        with pytest.raises(Retryable, match="disk is full"):
            await store.set_emergency_mode(True, "fire", ESS)
        assert (store.is_emergency_mode(), store.can_open_new_trades()) == (True, False)
        assert store.renew_lease("main", lease.token, lease.epoch) is None
        assert isinstance(store.take_lease("other", "gateway/2"), Held)
        assert "could not be written" in (await store.watch(word.turn, 1)).shut
        house.entries.is_full = False
        assert isinstance(await begun(store), asyncio.Task)
        house.clock.now_ms = lease.until_ms + TRAVEL_MS
        store.return_lease("main", lease.token)
        assert (await store.watch(-1, 1)).shut == ""
        assert store.get_policy().emergency_mode

    told(story)


def test_a_wall_clock_that_is_set_ends_no_lease_and_acknowledges_nothing(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        lease = leased(store)
        house.wall.now_ms += 3_600_000
        assert isinstance(store.take_lease("main", "gateway/2"), Held)
        task = await begun(store)
        house.wall.now_ms -= 7_200_000
        assert not task.done()
        store.return_lease("main", lease.token)
        assert await task == Acknowledged(lease.epoch + 1, 0)

    told(story)


def test_the_older_of_two_stores_prolongs_nothing_and_dies(house: House) -> None:
    async def story() -> None:
        old = house.grown()
        lease, word = leased(old), await old.watch(-1, 1)
        house.store()
        with pytest.raises(Invariant, match="one keeper"):
            old.renew_lease("main", lease.token, lease.epoch)
        with pytest.raises(Invariant, match="one keeper"):
            old.take_lease("other", "gateway/2")
        with pytest.raises(Invariant, match="one keeper"):
            await old.watch(word.turn, 1)

    told(story)


@pytest.mark.requirement("P0-01")
@pytest.mark.p0_patches
def test_any_other_write_that_cannot_be_written_changes_nothing(house: House) -> None:
    store = house.grown()
    before = store.get_policy()
    house.entries.is_full = True
    with pytest.raises(Retryable):
        store.wish(Pause("lunch"), ANN)
    assert (store.get_policy(), store.can_open_new_trades()) == (before, True)


@pytest.mark.requirement("S2 PolicyStore")
def test_a_watcher_hears_of_a_change_at_once_and_of_none_in_time(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        word = await store.watch(-1, 1_000)
        assert await store.watch(word.turn, 1) == word
        waiting = [asyncio.create_task(store.watch(word.turn, 5_000)) for _ in range(8)]
        await asyncio.sleep(0)
        store.wish(Pause("lunch"), ANN)
        heard = await asyncio.gather(*waiting)
        assert {found.policy.version for found in heard} == {word.policy.version + 1}
        with pytest.raises(Invalid, match="wait_ms"):
            await store.watch(0, 0)

    told(story)


def test_leases_and_denials_wake_no_watcher(house: House) -> None:
    async def story() -> None:
        store = house.grown()
        word = await store.watch(-1, 1)
        watching = asyncio.create_task(store.watch(word.turn, 5_000))
        await asyncio.sleep(0)
        lease = leased(store)
        store.renew_lease("main", lease.token, lease.epoch)
        assert isinstance(store.set_policy({"nonsense": 1}, word.policy.version, "why", ANN), Denied)
        await asyncio.sleep(0)
        assert not watching.done()
        watching.cancel()

    told(story)


def test_what_loosens_comes_into_force_by_two(house: House) -> None:
    store = house.store()
    version = store.get_policy().version
    store.wish(Propose({"limits.order_value_max": "90000"}, version, "bolder"), ANN)
    (proposal,) = store.proposals()
    assert isinstance(store.wish(Approve(proposal.id), BOB), Policy)
    assert store.get_value("limits.order_value_max") == 90_000
    assert store.proposals() == ()
