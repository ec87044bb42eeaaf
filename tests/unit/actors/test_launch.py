"""A fund begins behind gates, says what it waits for, mends what Ray gives up, and rests in reverse order."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, repeat

import pytest

from qt_ray.actors.launch import AGAIN_MS, DESERTED_MS, Launch
from qt_ray.actors.topology import Part
from qt_ray.adapters.edition import edition
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.monitoring.health import Condition

pytestmark = pytest.mark.unit

STORE, FEED, DESK = Part("Store", "x:y", is_detached=True), Part("Feed", "x:y"), Part("Desk", "x:y", is_gated=True)
PARTS = (STORE, FEED, DESK)


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


class World:
    """Parts that are ready after so many looks, or never, or cannot be born so many times."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.alive: dict[str, int] = {}
        self.looks: dict[str, int] = {}
        self.stillborn: dict[str, int] = {}
        self.mute: set[str] = set()
        self.restless: set[str] = set()
        self.editions: dict[str, str] = {}
        self.reasons: Iterator[str] = repeat("Invalid: a cradle has four legs")
        self.pids = 100
        self.round: dict[str, Condition] = {}

    async def begin(self, part: Part) -> None:
        self.log.append(f"begin {part.name}")
        if self.stillborn.get(part.name, 0) > 0:
            self.stillborn[part.name] -= 1
            return
        self.pids += 1
        self.alive[part.name] = self.pids

    async def condition(self, name: str) -> Condition:
        if name not in self.alive or name in self.mute:
            raise Retryable(f"{name}.condition: somebody is there, was nobody")
        self.looks[name] = self.looks.get(name, 0) - 1
        ready = self.looks[name] < 0
        if ready:
            self.log.append(f"ready {name}")
        return Condition(
            name,
            Health.HEALTHY,
            0,
            reasons=() if ready else ("warming up",),
            is_ready=ready,
            pid=self.alive[name],
            edition=self.editions.get(name, edition()),
        )

    async def heard(self) -> Mapping[str, Condition]:
        return self.round

    async def rest(self, name: str) -> None:
        self.log.append(f"rest {name}")
        if name in self.restless:
            raise Retryable(f"{name}.rest: answers within 1 ms, did not")

    def lives(self, name: str) -> bool:
        return name in self.alive

    def why_stillborn(self, name: str) -> str | None:
        return None if name in self.alive else next(self.reasons)

    def end(self, name: str) -> None:
        self.log.append(f"end {name}")
        self.alive.pop(name, None)


class Clock:
    """A clock that somebody looks at once in so many milliseconds."""

    def __init__(self, step_ms: int = 1) -> None:
        self.now_ms, self.step_ms = 0, step_ms

    def __call__(self) -> int:
        self.now_ms += self.step_ms
        return self.now_ms


def launch(world: World, lines: list[str], step_ms: int = 1) -> Launch:
    return Launch(world, PARTS, lines.append, Clock(step_ms))


def test_nobody_behind_a_gate_begins_before_all_in_front_are_ready() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        world.looks = {"Feed": 2}
        await launch(world, lines).begin()
        assert world.log == ["begin Store", "begin Feed", "ready Store", "ready Feed", "begin Desk", "ready Desk"]
        assert [line.split()[:2] for line in lines] == [["Store", "ready"], ["Feed", "ready"], ["Desk", "ready"]]

    told(story)


def test_a_part_that_is_not_ready_in_time_is_named_with_its_reason() -> None:
    async def story() -> None:
        world = World()
        world.looks = {"Feed": 1_000_000}
        with pytest.raises(Retryable, match="Feed is not: warming up"):
            await launch(world, []).begin(within_ms=5)
        assert "begin Desk" not in world.log

    told(story)


def test_a_part_that_never_answers_is_named_too() -> None:
    async def story() -> None:
        world = World()
        world.mute = {"Store"}
        with pytest.raises(Retryable, match=r"Store is not: .*somebody is there"):
            await launch(world, []).begin(within_ms=5)

    told(story)


def test_a_part_that_could_not_be_born_is_begun_again() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        world.stillborn = {"Feed": 1}
        await launch(world, lines, AGAIN_MS).begin()
        assert world.log.count("begin Feed") == 2
        assert "Feed is begun again: Invalid: a cradle has four legs" in lines

    told(story)


def test_a_part_that_can_never_be_born_is_named_with_what_it_said() -> None:
    async def story() -> None:
        world = World()
        world.stillborn = {"Feed": 1_000_000}
        with pytest.raises(Retryable, match="Feed is not: Invalid: a cradle has four legs"):
            await launch(world, []).begin(within_ms=5)

    told(story)


def test_what_keeps_a_part_from_being_born_is_said_once_and_again_when_it_is_something_else() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        world.stillborn = {"Feed": 6}
        world.reasons = chain(repeat("a cradle has four legs", 3), repeat("a cradle stands still"))
        await launch(world, lines, AGAIN_MS).begin(within_ms=10**9)
        said = [line for line in lines if "begun again" in line]
        assert said == ["Feed is begun again: a cradle has four legs", "Feed is begun again: a cradle stands still"]

    told(story)


def test_what_a_killed_fund_left_behind_is_ended_first() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        world.alive = {"Store": 7}
        await launch(world, lines).begin()
        assert world.log[:2] == ["end Store", "begin Store"]
        assert "left behind" in lines[0]

    told(story)


def test_an_account_whose_fund_lives_elsewhere_is_left_alone() -> None:
    async def story() -> None:
        world = World()
        world.alive = {"Store": 7, "Desk": 8}
        with pytest.raises(Invalid, match="one fund, Desk of another"):
            await launch(world, []).begin()
        assert world.log == []

    told(story)


def test_all_rest_before_any_is_ended_the_last_begun_first() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        fund = launch(world, lines)
        await fund.begin()
        world.log.clear()
        world.restless = {"Feed"}
        await fund.rest()
        assert world.log == ["rest Desk", "rest Feed", "rest Store", "end Desk", "end Feed", "end Store"]
        assert lines[-1].startswith("Feed was ended without rest")

    told(story)


def test_a_launch_that_failed_half_way_lays_to_rest_only_what_it_began() -> None:
    async def story() -> None:
        world = World()
        world.looks = {"Feed": 1_000_000}
        fund = launch(world, [])
        with pytest.raises(Retryable):
            await fund.begin(within_ms=5)
        world.log.clear()
        await fund.rest()
        assert world.log == ["rest Feed", "rest Store", "end Feed", "end Store"]

    told(story)


def test_a_part_that_never_answered_is_not_waited_for() -> None:
    async def story() -> None:
        world = World()
        world.mute = {"Store"}
        fund = launch(world, [])
        with pytest.raises(Retryable):
            await fund.begin(within_ms=5)
        world.log.clear()
        await fund.rest()
        assert world.log == ["rest Feed", "end Feed", "end Store"]

    told(story)


def test_who_was_born_again_is_said_and_who_was_given_up_is_begun_anew() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        fund = launch(world, lines, AGAIN_MS)
        await fund.begin(within_ms=10**9)
        lines.clear()
        world.alive["Feed"] = 999
        del world.alive["Desk"]
        watching = asyncio.create_task(fund.watch())
        while len(lines) < 2:
            await asyncio.sleep(0)
        watching.cancel()
        assert sorted(lines) == [
            "Desk is begun again: Invalid: a cradle has four legs",
            "Feed was born again, process 102 is now 999, ready again 0.0 s after its last word",
        ]
        assert "Desk" in world.alive

    told(story)


@pytest.mark.parametrize("other", ["0.0.9+abc", ""], ids=["known", "older than editions"])
def test_a_part_that_runs_other_code_is_refused_at_once_and_nobody_behind_it_begins(other: str) -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        world.editions = {"Feed": other}
        world.looks = {"Feed": 1_000_000}
        fund = launch(world, lines)
        with pytest.raises(Invalid, match=f"code of who begins it, Feed runs {re.escape(other) or 'another'} and this"):
            await fund.begin()
        assert "begin Desk" not in world.log
        await fund.rest()
        assert world.alive == {}

    told(story)


def test_a_fund_whose_ray_has_gone_ends_and_begins_nobody_in_the_void() -> None:
    async def story() -> None:
        world = World()
        fund = launch(world, [], DESERTED_MS // 4)
        await fund.begin(within_ms=10**9)
        world.alive.clear()
        world.log.clear()
        with pytest.raises(Retryable, match="all were gone for 15 s"):
            await fund.watch()
        assert not [line for line in world.log if line.startswith("begin")]

    told(story)


def test_a_part_that_is_born_again_as_other_code_is_told_of() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        fund = launch(world, lines)
        await fund.begin()
        lines.clear()
        world.alive["Feed"], world.editions = 999, {"Feed": "0.0.9+abc"}
        watching = asyncio.create_task(fund.watch())
        while len(lines) < 2:
            await asyncio.sleep(0)
        watching.cancel()
        assert "born again" in lines[0]
        assert lines[1].startswith("nothing new is opened until the fund is begun anew: Feed runs 0.0.9+abc and this")

    told(story)


def test_who_has_just_said_how_it_is_is_not_asked_again() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        fund = launch(world, lines)
        await fund.begin()
        looks, lines[:] = dict(world.looks), []
        world.round = {"Feed": replace(await world.condition("Feed"), pid=999)}
        looks["Feed"] -= 1
        watching = asyncio.create_task(fund.watch())
        while not lines:
            await asyncio.sleep(0)
        watching.cancel()
        assert [line.partition(",")[0] for line in lines] == ["Feed was born again"]
        assert (world.looks["Feed"], world.looks["Desk"]) == (looks["Feed"], looks["Desk"] - 1)

    told(story)


def test_a_ray_that_did_not_answer_for_a_moment_is_no_reason_to_end() -> None:
    async def story() -> None:
        world, lines = World(), list[str]()
        fund = launch(world, lines, DESERTED_MS // 4)
        await fund.begin(within_ms=10**9)
        there, world.alive = world.alive, {}
        watching = asyncio.create_task(fund.watch())
        await asyncio.sleep(0)
        world.alive = {**there, "Desk": 999}
        while not any("born again" in line for line in lines):
            await asyncio.sleep(0)
        assert not watching.done()
        watching.cancel()

    told(story)
