"""SPEC chapter 2, readers: an immutable local view, fresh by push, refreshed after 600 s, closed when it is stale."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.actors.policy_store import PolicyStore
from qt_ray.actors.policy_store import Word as StoreWord
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.policy_view import LEASE_MS, REFRESH_MS, PolicyView
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Pause
from tests.conformance.rulebook_memory import MemoryRulebook

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)


class House:
    def __init__(self, folder: Path) -> None:
        self.now_ms, self.is_away = 1_000_000, False
        self.asked: list[int] = []
        keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(folder / "policy.json"), Policy)
        self.store = PolicyStore(keeper, lambda: self.now_ms)
        self.reader = PolicyReader(self, lambda: self.now_ms)

    async def watch(self, turn: int, wait_ms: int) -> StoreWord:
        if self.is_away:
            raise Retryable("the policy store answers, it did not")
        self.asked.append(turn)
        return await self.store.watch(turn, min(wait_ms, 5))


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 20))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_nothing_is_let_in_before_the_policy_is_known(house: House) -> None:
    async def story() -> None:
        assert house.reader.why_closed() == "no entry before the policy is known"
        await house.reader.turn()
        assert house.reader.why_closed() is None

    run(story)


def test_a_change_is_heard_by_all_readers_and_told_on_once(house: House) -> None:
    async def story() -> None:
        told = list[PolicyView]()
        house.reader.listen(told.append)
        await house.reader.turn()
        waiting = asyncio.create_task(house.reader.turn())
        await asyncio.sleep(0)
        house.store.wish(Pause("lunch"), ANN)
        await waiting
        await house.reader.turn()
        assert [view.policy.new_trades_paused for view in told] == [False, True]
        assert house.reader.why_closed() == "no entry while new trades are paused"

    run(story)


def test_a_store_that_does_not_answer_lets_the_view_grow_stale_and_life_returns_with_it(house: House) -> None:
    async def story() -> None:
        await house.reader.turn()
        house.is_away = True
        following = asyncio.create_task(house.reader.run())
        house.now_ms += LEASE_MS
        await asyncio.sleep(0.01)
        assert "was not confirmed for 3000 ms" in (house.reader.why_closed() or "")
        house.is_away = False
        while house.reader.why_closed() is not None:
            await asyncio.sleep(0.01)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run(story)


@pytest.mark.requirement("Sprint5-8")
@pytest.mark.sprint5
def test_a_view_is_fetched_whole_after_ten_minutes_and_says_so(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        await house.reader.turn()
        await house.reader.turn()
        house.now_ms += REFRESH_MS
        house.is_away = True
        for _ in range(3):
            with pytest.raises(Retryable):
                await house.reader.turn()
        house.is_away = False
        await house.reader.turn()
        await house.reader.turn()
        assert [turn == -1 for turn in house.asked] == [True, False, True, False]
        (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
        assert "not fetched whole for ten minutes" in line.getMessage()

    run(story)
