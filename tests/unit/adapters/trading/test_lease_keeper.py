"""SPEC law 2, the gateway's half: without a living lease on the epoch in force no entry leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from qt_ray.adapters.trading.lease_keeper import RENEW_MS, LeaseKeeper
from qt_ray.core.errors import Retryable
from qt_ray.execution.gateway.fence import SHUT, Fence
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS, Held, Lease, Leases

pytestmark = pytest.mark.unit


class Store:
    """A policy store's leases, which may be away, on a clock of the story's."""

    def __init__(self) -> None:
        self.now_ms = 10_000
        self.leases = Leases(epoch=3, opened_ms=0)
        self.is_away = False
        self.returned: list[int] = []
        self.renewals = 0

    def _answers(self) -> None:
        if self.is_away:
            raise Retryable("the policy store answers, it did not")

    async def take_lease(self, account: str, holder: str) -> Lease | Held:
        self._answers()
        self.leases, found = self.leases.taken(account, holder, self.now_ms)
        return found

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        self._answers()
        self.renewals += 1
        self.leases, found = self.leases.renewed(account, token, confirmed, self.now_ms)
        return found

    async def return_lease(self, account: str, token: int) -> None:
        self._answers()
        self.returned.append(token)
        self.leases = self.leases.returned(account, token)


class Account:
    def __init__(self) -> None:
        self.fence = Fence(1, 10**15)
        self.in_flight = 0
        self.drained: Callable[[], None] = lambda: None

    def fenced(self, fence: Fence) -> None:
        self.fence = fence

    def entries_in_flight(self) -> int:
        self.drained()
        return self.in_flight


class House:
    def __init__(self) -> None:
        self.store, self.account = Store(), Account()
        self.wall_ms = 5_000_000
        self.keeper = self.another("gateway/1")

    def another(self, holder: str) -> LeaseKeeper:
        keeper = LeaseKeeper(
            self.store, self.account, "main", holder, lambda: self.wall_ms, lambda: self.store.now_ms * 1_000_000
        )
        keeper.governed(emergency=False, version_min=4, epoch=3)
        return keeper

    def passes(self, ms: int) -> None:
        self.store.now_ms += ms
        self.wall_ms += ms

    async def turn(self) -> None:
        await self.keeper._turn()


def run(story: Callable[[House], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(House()), 20))


def test_a_lease_opens_the_fence_for_as_long_as_it_is_prolonged() -> None:
    async def story(house: House) -> None:
        assert house.account.fence == SHUT
        await house.turn()
        assert house.account.fence == Fence(3, house.wall_ms + LEASE_MS, False, 4, lapsed=house.keeper.why_lapsed)
        house.passes(RENEW_MS)
        await house.turn()
        assert house.account.fence.lease_until_ms == house.wall_ms + LEASE_MS
        assert house.keeper.is_held

    run(story)


def test_a_store_that_is_away_lets_the_lease_run_out() -> None:
    async def story(house: House) -> None:
        await house.turn()
        until_ms = house.account.fence.lease_until_ms
        house.store.is_away = True
        house.passes(RENEW_MS)
        await house.turn()
        assert house.account.fence.lease_until_ms == until_ms
        house.passes(LEASE_MS)
        await house.turn()
        assert house.account.fence == SHUT
        assert not house.keeper.is_held

    run(story)


def test_a_clock_that_was_set_back_prolongs_nothing() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.store.is_away = True
        house.passes(LEASE_MS - 100)
        house.wall_ms -= 3_600_000
        assert house.account.fence.lapsed() is None
        house.keeper.governed(emergency=False, version_min=4, epoch=3)
        assert house.account.fence.lease_until_ms == house.wall_ms + 100
        house.passes(100)
        house.wall_ms -= 3_600_000
        assert house.account.fence.lapsed() == "an entry needs a living lease, there is none"

    run(story)


@pytest.mark.requirement("L2")
def test_when_the_epoch_turns_entries_are_shut_out_until_all_have_drained() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.account.in_flight = 2
        house.store.leases = house.store.leases.turned(4)
        turning = asyncio.create_task(house.turn())
        for _ in range(5):
            await asyncio.sleep(0.002)
        assert house.account.fence == SHUT
        house.keeper.governed(emergency=False, version_min=5, epoch=3)  # a word from before, late on its way
        house.keeper.governed(emergency=False, version_min=6, epoch=4)
        assert house.account.fence == SHUT
        assert house.store.leases.outstanding(house.store.now_ms)
        house.account.in_flight = 0
        await turning
        assert not house.store.leases.outstanding(house.store.now_ms)
        assert house.account.fence.epoch == 4

    run(story)


@pytest.mark.requirement("L2")
def test_a_word_of_the_policy_that_turns_the_epoch_is_acknowledged_with_the_next_question() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.account.in_flight = 1
        house.store.leases = house.store.leases.turned(4)
        house.keeper.governed(emergency=True, version_min=5, epoch=4)
        turning = asyncio.create_task(house.turn())
        await asyncio.sleep(0.01)
        assert (house.account.fence, house.store.renewals) == (SHUT, 0)
        house.account.in_flight = 0
        await turning
        assert house.store.renewals == 1
        assert house.store.leases.acknowledged_ms(house.store.now_ms) is None
        assert (house.account.fence.epoch, house.account.fence.emergency) == (4, True)

    run(story)


def test_entries_wait_for_the_policy_of_the_epoch_they_are_let_in_under() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.store.leases = house.store.leases.turned(4)
        await house.turn()
        assert house.keeper.is_held
        assert house.account.fence == SHUT
        house.keeper.governed(emergency=True, version_min=5, epoch=4)
        assert (house.account.fence.epoch, house.account.fence.emergency) == (4, True)

    run(story)


def test_a_confirmation_that_is_lost_leaves_entries_shut_out() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.keeper.governed(emergency=False, version_min=5, epoch=4)
        house.store.leases = house.store.leases.turned(4)
        house.account.drained = lambda: setattr(house.store, "is_away", True)
        await house.turn()
        assert house.account.fence == SHUT
        house.store.is_away = False
        await house.turn()
        assert house.account.fence.epoch == 4

    run(story)


def test_a_token_that_is_not_ours_any_more_shuts_the_fence() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.passes(LEASE_MS + TRAVEL_MS)
        other = house.another("gateway/2")
        await other._turn()
        assert other.is_held
        await house.turn()
        assert house.account.fence == SHUT

    run(story)


def test_an_emergency_is_seen_at_once() -> None:
    async def story(house: House) -> None:
        await house.turn()
        house.keeper.governed(emergency=True, version_min=5, epoch=3)
        assert (house.account.fence.emergency, house.account.fence.policy_version_min) == (True, 5)

    run(story)


def test_who_ends_shuts_the_fence_and_gives_the_lease_back() -> None:
    async def story(house: House) -> None:
        task = asyncio.create_task(house.keeper.run())
        while not house.keeper.is_held:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert house.account.fence == SHUT
        assert len(house.store.returned) == 1

    run(story)


def test_a_keeper_that_ends_gives_its_lease_back_if_its_store_is_there() -> None:
    async def story(house: House) -> None:
        for is_away in (True, False):
            house.store.is_away = False
            work = asyncio.create_task(house.keeper.run())
            while not house.keeper.is_held:
                await asyncio.sleep(0)
            house.store.is_away = is_away
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            assert work.cancelled()
            assert bool(house.store.returned) is not is_away
            house.passes(LEASE_MS + TRAVEL_MS)

    run(story)


def test_a_word_of_the_policy_is_a_reason_to_ask_for_the_lease_at_once() -> None:
    async def story(house: House) -> None:
        work = asyncio.create_task(house.keeper.run())
        while not house.keeper.is_held:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        house.store.leases = house.store.leases.turned(4)
        house.keeper.governed(emergency=True, version_min=4, epoch=4)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not house.store.leases.outstanding(house.store.now_ms)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    run(story)
