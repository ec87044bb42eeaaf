"""A part's own work: it cannot die unseen, and it ends in order."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from qt_ray.actors.living import ASKED_MAX, EXIT_FAILED, Living
from qt_ray.adapters.edition import edition
from qt_ray.ai.hedge_fund_os import Health

pytestmark = pytest.mark.unit


class Ends(list[int]):
    """How often, and with what, a process would have ended."""


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


async def for_ever(log: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        log.append(name)


async def failing() -> None:
    raise ValueError("a wheel came off")


def test_work_that_fails_ends_the_process_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        ends = Ends()
        living = Living("Feed", end=ends.append)
        task = living.keep(failing())
        await asyncio.wait((task,))
        await asyncio.sleep(0)
        assert ends == [EXIT_FAILED]

    told(story)
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (line.msg, line.__dict__["part"], line.__dict__["work"]) == ("a part's work failed", "Feed", "Feed.failing")
    assert line.exc_info is not None


def test_work_that_ends_or_is_cancelled_ends_nothing_else() -> None:
    async def story() -> None:
        ends, log = Ends(), list[str]()
        living = Living("Feed", end=ends.append)
        done, cancelled = living.keep(asyncio.sleep(0)), living.keep(for_ever(log, "cancelled"))
        await done
        cancelled.cancel()
        await asyncio.wait((cancelled,))
        await living.rest()
        assert (ends, log) == ([], ["cancelled"])

    told(story)


def test_rest_ends_the_youngest_work_first_and_waits_for_each() -> None:
    async def story() -> None:
        log = list[str]()
        living = Living("Gateway", end=Ends().append)
        for name in ("oldest", "middle", "youngest"):
            living.keep(for_ever(log, name))
        await asyncio.sleep(0)
        await living.rest()
        assert log == ["youngest", "middle", "oldest"]
        await living.rest()

    told(story)


def test_what_fails_on_the_way_to_rest_is_written_down_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        ends = Ends()

        async def stubborn() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await failing()

        living = Living("Gateway", end=ends.append)
        living.keep(stubborn())
        await asyncio.sleep(0)
        await living.rest()
        await asyncio.sleep(0)
        assert ends == []

    told(story)
    assert [record.levelname for record in caplog.records if record.levelno > 20] == ["ERROR"]


def test_work_that_swallows_an_order_to_end_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qt_ray.actors.living.ASK_MS", 1)

    async def story() -> None:
        heard = list[str]()

        async def deaf(most: int) -> None:
            while len(heard) < most:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    heard.append("told")

        living = Living("Monitor", end=Ends().append)
        living.keep(deaf(3))
        await asyncio.sleep(0)
        await living.rest()
        assert heard == ["told"] * 3
        heard.clear()
        task = living.keep(deaf(2 * ASKED_MAX))
        await asyncio.sleep(0)
        await living.rest()
        assert not task.done()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)

    told(story)


def test_a_condition_has_one_shape_for_every_part() -> None:
    living = Living("Desk", clock=iter((1_000, 5_000)).__next__, was_reconstructed=True)
    found = living.condition(Health.DEGRADED, ["slow"], {"decisions": 3}, ready=False)
    assert (found.part, found.health, found.at_ms, found.since_ms) == ("Desk", Health.DEGRADED, 5_000, 1_000)
    assert (found.reasons, found.facts, found.is_ready) == (("slow",), {"decisions": 3}, False)
    assert (found.pid, found.was_reconstructed, found.edition) == (os.getpid(), True, edition())


def test_outside_of_ray_nobody_was_born_before() -> None:
    assert Living("Desk").was_reconstructed is False
