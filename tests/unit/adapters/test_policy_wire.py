"""SPEC chapter 2, readers: a word is heard at once by whoever is near, and nothing rests on that."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.actors.policy_store import PolicyStore
from qt_ray.actors.policy_store import Word as StoreWord
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.policy_reader import NEVER, PolicyReader
from qt_ray.adapters.policy_wire import FILE, NS_PER_MS, OLD_MS, UNREAD_MAX, Crier, Nearby
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Pause, Resume
from tests.conformance.rulebook_memory import MemoryRulebook

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)
WAIT_MS = 2_000
# The story, the crier, and one for each hearer.
WITH_TWO_HEARERS = 4


class House:
    """A store with a crier, and a far way to it that counts who took it."""

    def __init__(self, folder: Path) -> None:
        keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(folder / "policy.json"), Policy)
        self.folder, self.store, self.far, self.age_ns = folder, PolicyStore(keeper), 0, 0
        self.crier: asyncio.Task[None] | None = None
        self.hearers: list[Nearby] = []

    async def watch(self, turn: int, wait_ms: int) -> StoreWord:
        self.far += 1
        return await self.store.watch(turn, min(wait_ms, 5))

    async def cries(self) -> None:
        self.crier = asyncio.create_task(Crier(self.folder, self.store, lambda: monotonic_ns() - self.age_ns).run())
        while not (self.folder / FILE).exists():
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def dies(self) -> None:
        if self.crier is not None:
            self.crier.cancel()
            await asyncio.wait((self.crier,))
            self.crier = None

    def changes(self) -> None:
        """Pause, or go on after a pause."""
        policy = self.store.get_policy()
        self.store.wish(Resume(policy.version, "back") if policy.new_trades_paused else Pause("lunch"), ANN)

    def near(self) -> Nearby:
        self.hearers.append(Nearby(self.folder, self))
        return self.hearers[-1]

    async def ends(self) -> None:
        for hearer in self.hearers:
            hearer.hang_up()
        await self.dies()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)
        await asyncio.sleep(0)


def run(folder: Path, story: Callable[[House], Awaitable[None]]) -> None:
    async def told() -> None:
        house = House(folder)
        async with asyncio.timeout(20):
            await story(house)
            await house.ends()

    asyncio.run(told())


def test_who_is_near_hears_how_things_stand_and_every_change_without_asking(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.cries()
        readers = [PolicyReader(house.near()) for _ in range(3)]
        for reader in readers:
            await reader.turn()
        for paused in (True, False):
            house.changes()
            for reader in readers:
                await reader.turn()
                assert reader.view is not None
                assert reader.view.policy.new_trades_paused is paused
        assert house.far == 0

    run(tmp_path, story)


def test_a_beat_without_a_change_says_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qt_ray.adapters.policy_wire.BEAT_MS", 10)

    async def story(house: House) -> None:
        await house.cries()
        near = house.near()
        first = await near.watch(NEVER, WAIT_MS)
        again = await near.watch(first.turn, WAIT_MS)
        assert (again.turn, again.policy) == (first.turn, first.policy)

    run(tmp_path, story)


def test_where_nobody_cries_the_store_is_asked_and_heard_again_once_somebody_does(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        near = house.near()
        far = Nearby(tmp_path / "another machine's", house)
        await far.watch(NEVER, WAIT_MS)
        first = await near.watch(NEVER, WAIT_MS)
        assert house.far == 2
        await house.cries()
        await near.watch(first.turn, WAIT_MS)
        await house.dies()
        with pytest.raises(Retryable, match="one a beat"):
            await near.watch(first.turn, WAIT_MS)
        assert house.far == 2
        await near.watch(first.turn, WAIT_MS)
        assert house.far == 3

    run(tmp_path, story)


def test_a_socket_that_a_killed_store_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.cries()
        left = (tmp_path / FILE).rename(tmp_path / "left")
        await house.dies()
        left.rename(tmp_path / FILE)
        near = house.near()
        await near.watch(NEVER, WAIT_MS)
        assert house.far == 1
        (tmp_path / FILE).unlink()
        (tmp_path / FILE).write_bytes(b"no socket")
        await house.cries()
        await near.watch(NEVER, WAIT_MS)

    run(tmp_path, story)


def test_a_store_that_has_stopped_is_silence_and_not_the_policy_as_it_was(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.cries()
        near = house.near()
        first = await near.watch(NEVER, WAIT_MS)
        house.age_ns = 2 * OLD_MS * NS_PER_MS
        house.changes()
        with pytest.raises(Retryable, match="one a beat, was TimeoutError"):
            await near.watch(first.turn, -900)
        house.age_ns = 0
        assert (await near.watch(first.turn, WAIT_MS)).policy.new_trades_paused
        assert house.far == 0

    run(tmp_path, story)


def test_another_edition_of_the_code_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        editions = iter(("0.1+old", "0.1+new"))
        monkeypatch.setattr("qt_ray.adapters.policy_wire.edition", lambda: next(editions))
        await house.cries()
        await house.near().watch(NEVER, WAIT_MS)
        assert house.far == 1

    run(tmp_path, story)


def test_who_does_not_listen_is_hung_up_on_and_holds_up_nobody(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.cries()
        deaf, near = house.near(), house.near()
        await deaf.watch(NEVER, WAIT_MS)
        first = await near.watch(NEVER, WAIT_MS)
        assert deaf._stream is not None
        deaf._stream[1].transport.pause_reading()  # type: ignore[attr-defined]  # a process that was stopped
        turn = first.turn
        for _ in range(UNREAD_MAX):
            house.changes()
            turn = (await near.watch(turn, WAIT_MS)).turn
            if len(asyncio.all_tasks()) < WITH_TWO_HEARERS:
                break
        else:
            pytest.fail("it was never hung up on")

    run(tmp_path, story)


def test_who_is_cancelled_amid_a_word_begins_anew(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.cries()
        near = house.near()
        await near.watch(NEVER, WAIT_MS)
        waiting = asyncio.create_task(near.watch(1, WAIT_MS))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        house.changes()
        assert (await near.watch(1, WAIT_MS)).policy.new_trades_paused
        assert house.far == 0

    run(tmp_path, story)
