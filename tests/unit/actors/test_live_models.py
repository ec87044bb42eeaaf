"""Live models: another version is loaded beside the one that serves, and exchanged whole, or refused."""

import asyncio
from collections.abc import Callable
from threading import Event

import pytest

from qt_ray.actors.live_models import LiveModels
from qt_ray.actors.model_board import WAIT_MS_MAX, ModelBoard
from qt_ray.ai.model_sync import LEASE_MS, Live, Report
from qt_ray.core.errors import Invalid, Retryable

pytestmark = pytest.mark.unit

ONE, TWO, BAD = Live("v1", 1), Live("v2", 2), Live("bad", 3)


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


class House:
    """A board, its clock, and users of models that load by naming what they have loaded."""

    def __init__(self, *users: str) -> None:
        self.clock, self.promoted = Clock(), list[tuple[Live | None, Live]]()
        self.board = self.new_board()
        self.users = [LiveModels[str](user, self, self.load) for user in users]
        self.gate = Event()
        self.gate.set()

    def new_board(self) -> ModelBoard:
        return ModelBoard(lambda before, after: self.promoted.append((before, after)), self.clock)

    async def sync(self, report: Report, wait_ms: int) -> object:
        """Answer at once, so that a story does not wait."""
        return await self.board.sync(report, 1)

    def load(self, version: str) -> str:
        self.gate.wait()
        if version == "bad":
            raise Invalid("weights are whole, were not")
        return f"models of {version}"

    async def until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            for user in self.users:
                await user.turn()

    def serving(self) -> list[Live | None]:
        return [user.served and user.served.live for user in self.users]


async def begun(*users: str) -> House:
    """Return a house in which all serve the first version."""
    house = House(*users)
    house.board.name(ONE)
    house.clock.now_ms += LEASE_MS
    await house.until(lambda: house.serving() == [ONE] * len(users))
    return house


def test_every_user_changes_to_the_version_that_is_named_and_somebody_hears_of_it_once() -> None:
    async def story() -> None:
        house = await begun("ann", "bob")
        house.board.name(TWO)
        await house.until(lambda: house.serving() == [TWO, TWO])
        assert [user.served and user.served.models for user in house.users] == ["models of v2"] * 2
        assert house.promoted == [(None, ONE), (ONE, TWO)]
        await house.users[0].turn()
        assert house.users[0].report().ready == {"v2"}

    asyncio.run(story())


def test_what_does_not_verify_is_refused_and_what_serves_goes_on() -> None:
    async def story() -> None:
        house = await begun("ann", "bob")
        house.board.name(BAD)
        await house.until(lambda: bool(house.board.state.withheld))
        assert house.board.state.withheld.endswith("weights are whole, were not")
        for user in house.users:
            while user.report().loading:
                await user.turn()
        assert house.serving() == [ONE, ONE]
        assert not house.board.state.mixed

    asyncio.run(story())


def test_while_one_loads_everybody_serves_the_old_version_and_nobody_is_forgotten() -> None:
    async def story() -> None:
        house = await begun("ann", "bob")
        house.gate.clear()
        house.board.name(TWO)
        for _ in range(10):
            house.clock.now_ms += LEASE_MS - 1
            for user in house.users:
                await user.turn()
        assert house.serving() == [ONE, ONE]
        assert [user.report().loading for user in house.users] == ["v2", "v2"]
        house.gate.set()
        await house.until(lambda: house.serving() == [TWO, TWO])

    asyncio.run(story())


def test_a_new_board_learns_what_serves_from_those_who_serve_it() -> None:
    async def story() -> None:
        house = await begun("ann", "bob")
        house.board = house.new_board()
        house.board.name(TWO)
        for user in house.users:
            await user.turn()
        assert house.board.state.orders.serve == ONE
        house.clock.now_ms += LEASE_MS
        await house.until(lambda: house.serving() == [TWO, TWO])

    asyncio.run(story())


def test_a_fault_that_is_not_the_models_ends_the_one_who_loads() -> None:
    async def story() -> None:
        house = House()
        house.board.name(ONE)
        user = LiveModels[int]("ann", house, lambda version: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await user.run()

    asyncio.run(story())


def test_a_board_that_does_not_answer_is_asked_again() -> None:
    class Deaf:
        calls = 0

        async def sync(self, report: Report, wait_ms: int) -> object:
            self.calls += 1
            if self.calls > 1:
                raise asyncio.CancelledError
            raise Retryable("nobody is there")

    deaf = Deaf()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(LiveModels[int]("ann", deaf, int).run())  # type: ignore[arg-type]
    assert deaf.calls == 2


def test_nobody_waits_longer_than_a_user_may_be_silent() -> None:
    assert WAIT_MS_MAX < LEASE_MS
    with pytest.raises(Invalid, match="wait_ms"):
        asyncio.run(ModelBoard().sync(Report("ann"), WAIT_MS_MAX + 1))
