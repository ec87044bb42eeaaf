"""An entry is of a policy that knew the last tightening, under a lease, or it does not leave."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.trading.leased import Leased
from qt_ray.core.policy import Policy
from qt_ray.execution.gateway.fence import SHUT, Fence
from qt_ray.governance.leases import Held, Lease, Leases
from qt_ray.risk.restraints import FREE, Latitude

pytestmark = pytest.mark.unit


@dataclass
class Word:
    turn: int
    policy: Policy
    shut: str = ""
    left: Latitude = FREE


@dataclass
class Store:
    """A policy store that says one word after another."""

    word: Word = field(default_factory=lambda: Word(0, Policy()))
    leases: Leases = field(default_factory=lambda: Leases(1, -10_000))

    async def watch(self, turn: int, wait_ms: int) -> Word:
        for _ in range(100):
            if self.word.turn != turn:
                break
            await asyncio.sleep(0.001)
        return self.word

    async def take_lease(self, account: str, holder: str) -> Lease | Held:
        self.leases, found = self.leases.taken(account, holder, 0)
        return found

    async def renew_lease(self, account: str, token: int, confirmed: int) -> Lease | None:
        self.leases, found = self.leases.renewed(account, token, confirmed, 0)
        return found

    async def return_lease(self, account: str, token: int) -> None:
        self.leases = self.leases.returned(account, token)

    def say(self, policy: Policy, shut: str = "") -> None:
        self.word = Word(self.word.turn + 1, replace(policy, version=self.word.policy.version + 1), shut)


class Account:
    def __init__(self) -> None:
        self.fence, self.shut = SHUT, ""

    def fenced(self, fence: Fence) -> None:
        self.fence = fence

    def why_shut(self) -> str | None:
        return self.shut or None

    def entries_in_flight(self) -> int:
        return 0


Story = Callable[[Store, Account, Leased], Awaitable[None]]


def play(story: Story) -> None:
    async def whole() -> None:
        store, account = Store(), Account()
        leased = Leased(store, PolicyReader(store), account, "main", "gateway/1")  # type: ignore[arg-type]
        work = asyncio.create_task(leased.run())
        await until(lambda: leased.why_shut() is None)
        await asyncio.wait_for(story(store, account, leased), 10)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert account.fence.lease_until_ms == SHUT.lease_until_ms

    asyncio.run(whole())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.mark.requirement("L1")
def test_what_tightens_counts_from_its_own_version_on_and_what_loosens_lets_earlier_decisions_stand() -> None:
    async def story(store: Store, account: Account, leased: Leased) -> None:
        assert account.fence.policy_version_min == 1
        loose = Policy()
        tight = replace(loose, limits=replace(loose.limits, leverage_default=2))
        store.say(tight)
        await until(lambda: account.fence.policy_version_min == 2)
        store.say(loose)
        await until(lambda: leased._policy is not None and leased._policy.version == 3)
        assert account.fence.policy_version_min == 2
        store.say(replace(loose, new_trades_paused=True))
        await until(lambda: account.fence.policy_version_min == 4)
        await until(lambda: leased.why_shut() == "no entry while new trades are paused")

    play(story)


def test_an_emergency_that_is_not_written_yet_shuts_as_one_that_is() -> None:
    async def story(store: Store, account: Account, leased: Leased) -> None:
        store.say(Policy(), "no entry, an emergency could not be written")
        await until(lambda: account.fence.emergency)
        await until(lambda: leased.why_shut() == "no entry, an emergency could not be written")

    play(story)


def test_an_account_that_is_not_ready_says_so_whatever_the_lease() -> None:
    async def story(store: Store, account: Account, leased: Leased) -> None:
        account.shut = "entries wait for what was missed"
        await until(lambda: leased.why_shut() == "entries wait for what was missed")

    play(story)
