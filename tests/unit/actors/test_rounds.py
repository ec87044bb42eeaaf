import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.actors.rounds import AGE_MAX_MS, Rounds
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.monitoring.health import Condition

pytestmark = pytest.mark.unit


class Part:
    """A part that says how it is, says nothing, or hangs."""

    def __init__(self, health: Health = Health.HEALTHY) -> None:
        self.health, self.is_away = health, False

    async def condition(self) -> Condition:
        if self.is_away:
            raise Retryable("somebody is there, was not")
        return Condition("part", self.health, 0)


async def seen(rounds: Rounds) -> None:
    """Let one round be made."""
    going = asyncio.create_task(rounds.run())
    for _ in range(5):
        await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


def test_well_is_who_answered_lately_and_is_not_critical() -> None:
    async def story() -> None:
        now = 10_000
        good, bad, away = Part(), Part(Health.CRITICAL), Part()
        away.is_away = True
        told: list[str] = []
        parts = {"good": good.condition, "bad": bad.condition, "away": away.condition}
        rounds = Rounds(parts, lambda name, condition, at_ms: told.append(name), lambda: now)
        assert not rounds.is_well(["good"])
        await seen(rounds)
        assert [rounds.is_well([name]) for name in parts] == [True, False, False]
        assert sorted(told) == ["bad", "good"]
        now += AGE_MAX_MS
        assert not rounds.is_well(["good"])

    asyncio.run(story())


def test_a_part_that_hangs_delays_no_other() -> None:
    async def story() -> None:
        good = Part()

        async def hung() -> Condition:
            await asyncio.Event().wait()
            raise AssertionError("nobody rings")

        rounds = Rounds({"hung": hung, "good": good.condition}, clock=lambda: 1)
        await seen(rounds)
        assert rounds.is_well(["good"])
        assert not rounds.is_well(["hung", "good"])

    asyncio.run(story())


def test_one_round_asks_each_once_and_returns_when_the_last_has_answered() -> None:
    async def story() -> None:
        now, answers = 1_000, asyncio.Event()
        away, slow = Part(), Part()
        away.is_away = True

        async def late() -> Condition:
            await answers.wait()
            return await slow.condition()

        rounds = Rounds({"away": away.condition, "late": late}, clock=lambda: now)
        taken = asyncio.create_task(rounds.take())
        await asyncio.sleep(0)
        assert not taken.done()
        answers.set()
        await taken
        assert (rounds.absent(), set(rounds.within(0))) == (("away",), {"late"})

    asyncio.run(story())


@given(ages=st.lists(st.integers(0, 10_000), min_size=1, max_size=8), most=st.integers(0, 10_000))
def test_what_others_have_heard_is_as_old_as_they_say_and_the_youngest_word_counts(ages: list[int], most: int) -> None:
    part = Part()
    rounds = Rounds({"part": part.condition}, clock=lambda: 20_000)
    for age_ms in ages:
        rounds.hear("part", Condition("part", Health.HEALTHY, age_ms), age_ms)
        rounds.hear("stranger", Condition("stranger", Health.HEALTHY, 0))
    assert rounds.last["part"] == (Condition("part", Health.HEALTHY, min(ages)), 20_000 - min(ages))
    assert set(rounds.within(most)) == ({"part"} if min(ages) <= most else set())
