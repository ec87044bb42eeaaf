"""What was written is told: in order, after a crash as well, and with the same ids if it is told twice."""

import asyncio
from pathlib import Path

import pytest

from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.policy_herald import AT_ONCE, PolicyHerald
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Start
from tests.conformance.rulebook_memory import MemoryRulebook

pytestmark = pytest.mark.unit


class House:
    """A book, a bus and a mark; the bus may be away, or cut us off after it has taken what it was given."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "told"
        self.keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(folder / "policy.json"), Policy)
        self.heard: list[Event] = []
        self.is_away = self.dies_after = False

    async def publish(self, *events: Event) -> None:
        if self.is_away:
            raise Retryable("the disk is full")
        self.heard.extend(events)
        if self.dies_after:
            raise KeyboardInterrupt

    def written(self, count: int) -> None:
        for at in range(count):
            self.keeper.decide(Start(), Author("store"), 1_000 + at)

    def herald(self) -> PolicyHerald:
        return PolicyHerald(self.keeper, self.mark, self.publish, "PolicyStore")

    @property
    def versions(self) -> list[int]:
        return [told.payload.version for told in self.heard]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.requirement("S2 PolicyStore")
def test_all_is_told_once_in_the_order_it_was_written(house: House) -> None:
    house.written(3)
    herald = house.herald()
    asyncio.run(herald.catch_up())
    asyncio.run(herald.catch_up())
    house.written(1)
    asyncio.run(herald.catch_up())
    assert house.versions == [1, 2, 3, 4, 5]


def test_a_new_life_goes_on_where_the_old_one_was(house: House) -> None:
    house.written(2)
    asyncio.run(house.herald().catch_up())
    house.written(2)
    asyncio.run(house.herald().catch_up())
    assert house.versions == [1, 2, 3, 4, 5]


def test_what_could_not_be_told_is_told_later(house: House) -> None:
    house.written(2)
    herald, house.is_away = house.herald(), True
    with pytest.raises(Retryable):
        asyncio.run(herald.catch_up())
    house.is_away = False
    asyncio.run(herald.catch_up())
    assert house.versions == [1, 2, 3]


def test_a_crash_between_word_and_mark_tells_the_same_events_again(house: House) -> None:
    house.written(1)
    house.dies_after = True
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(house.herald().catch_up())
    house.dies_after = False
    asyncio.run(house.herald().catch_up())
    first, second = house.heard[:2], house.heard[2:]
    assert [told.id for told in first] == [told.id for told in second]


@pytest.mark.parametrize("damage", [b"", b"seven", b"-1", b"99", b"\xff"])
def test_a_mark_that_says_nothing_has_all_told_again(house: House, damage: bytes) -> None:
    house.written(2)
    house.mark.write_bytes(damage)
    asyncio.run(house.herald().catch_up())
    assert house.versions == [1, 2, 3]


def test_a_long_book_is_told_in_bounded_pieces(house: House) -> None:
    house.written(AT_ONCE + 5)
    asyncio.run(house.herald().catch_up())
    assert house.versions == list(range(1, AT_ONCE + 7))
