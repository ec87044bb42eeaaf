"""A line to another part: an answer within the time, or Retryable; what was said on purpose is heard as it was."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from ray.exceptions import PendingCallsLimitExceeded, RayTaskError

from qt_ray.actors.line import Line
from qt_ray.core.errors import Invalid, InvalidConfig, Invariant, QtError, Retryable
from tests.unit.actors.fake_part import FakePart

pytestmark = pytest.mark.unit


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


class Inside:
    def __init__(self) -> None:
        self.at_once = self.most = 0
        self.gate = asyncio.Event()

    async def echo(self, word: str) -> str:
        return word

    async def slow(self) -> int:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        return self.most

    def refuse(self, error: BaseException) -> None:
        raise RayTaskError("refuse", "a trace", error)


class Town:
    """Where names are looked up; somebody bears the name while there are handles left."""

    def __init__(self, *handles: Any) -> None:
        self.handles, self.asked = list(handles), list[tuple[str, str]]()

    def __call__(self, name: str, namespace: str) -> Any:
        self.asked.append((name, namespace))
        if not self.handles:
            raise Retryable(f"{name}: lives in {namespace}, does not")
        return self.handles.pop(0)


def test_a_name_is_looked_up_once_and_asked_often() -> None:
    async def story() -> None:
        town = Town(FakePart(Inside()))
        line = Line("Desk", "qt-paper-main", found=town)
        assert [await line.ask("echo", word) for word in ("a", "b")] == ["a", "b"]
        assert town.asked == [("Desk", "qt-paper-main")]

    told(story)


def test_a_part_that_died_is_retryable_and_its_successor_is_found() -> None:
    async def story() -> None:
        dead, alive = FakePart(Inside()), FakePart(Inside())
        dead.is_dead = True
        line = Line("Desk", "fund", found=Town(dead, alive))
        with pytest.raises(Retryable, match=r"Desk\.echo: somebody is there, was RayActorError"):
            await line.ask("echo", "a")
        assert await line.ask("echo", "a") == "a"

    told(story)


def test_nobody_of_that_name_is_retryable() -> None:
    async def story() -> None:
        with pytest.raises(Retryable, match="Desk: lives in fund"):
            await Line("Desk", "fund", found=Town()).ask("echo", "a")

    told(story)


def test_an_answer_that_does_not_come_in_time_is_retryable() -> None:
    async def story() -> None:
        line = Line("Desk", "fund", found=Town(FakePart(Inside())))
        with pytest.raises(Retryable, match=r"Desk\.slow: answers within 5 ms, did not"):
            await line.ask("slow", within_ms=5)

    told(story)


def test_no_more_than_a_bounded_number_is_under_way_at_once() -> None:
    async def story() -> None:
        inside = Inside()
        line = Line("Desk", "fund", at_once=3, found=Town(FakePart(inside)))
        await line.ask("echo", "found")
        asking = [asyncio.create_task(line.ask("slow")) for _ in range(10)]
        while inside.at_once < 3:
            await asyncio.sleep(0)
        inside.gate.set()
        assert max(await asyncio.gather(*asking)) == 3

    told(story)


@pytest.mark.parametrize("kind", [Invalid, InvalidConfig, Retryable, Invariant])
def test_an_error_of_ours_is_raised_here_as_it_was(kind: type[QtError]) -> None:
    async def story() -> None:
        line = Line("Desk", "fund", found=Town(FakePart(Inside())))
        with pytest.raises(kind) as caught:
            await line.ask("refuse", kind("a rule, was broken"))
        assert type(caught.value) is kind
        assert str(caught.value) == "a rule, was broken"

    told(story)


def test_a_part_with_too_much_before_it_is_retryable() -> None:
    class Crowded(FakePart):
        def __getattr__(self, name: str) -> Any:
            raise PendingCallsLimitExceeded("full")

    async def story() -> None:
        with pytest.raises(Retryable, match=r"Desk\.echo: has room for one more, was full"):
            await Line("Desk", "fund", found=Town(Crowded(Inside()))).ask("echo", "a")

    told(story)


def test_a_mistake_of_the_other_part_stays_rays_error() -> None:
    async def story() -> None:
        line = Line("Desk", "fund", found=Town(FakePart(Inside())))
        with pytest.raises(RayTaskError):
            await line.ask("refuse", KeyError("x"))

    told(story)
