import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from qt_ray.adapters.trading.gateway_loop import GatewayLoop
from qt_ray.core.errors import Retryable
from qt_ray.execution.gateway.effects import Effect
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.venue.calls import Answer, Call, Unsure
from qt_ray.execution.venue.news import News
from tests.unit.execution.gateway.stories import OPEN, RULES, entry

pytestmark = pytest.mark.unit


@dataclass
class Desk:
    """A session nobody answers on, and a journal that takes so many appends; `deeds` is what happened, in order."""

    appends_max: int
    deeds: list[str] = field(default_factory=list)

    def append_many(self, payloads: Sequence[bytes]) -> int:
        if self.deeds.count("journalled") >= self.appends_max:
            raise Retryable("a journal is durable")
        self.deeds.append("journalled")
        return 1

    async def ask(self, call: Call) -> Answer[Any]:
        self.deeds.append(type(call).__name__)
        await asyncio.sleep(0)
        return Unsure("nobody answers")

    async def news(self) -> AsyncIterator[News]:
        await asyncio.Event().wait()
        yield


async def worked(desk: Desk, entries: int) -> BaseException | None:
    """Want so many entries, one after the other, and return what the loop ended with, if it did."""
    loop = GatewayLoop(Gateway(RULES), desk, desk, clock=lambda: 10)
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    loop.take(partial(loop.engine.fenced, OPEN))
    for number in range(entries):
        if loop.is_whole:
            try:
                loop.take(partial(loop.engine.want, entry(number, symbol=f"S{number}USDT")))
            except Retryable:
                assert not loop.is_whole
            await asyncio.sleep(0)
    if loop.is_whole:
        running.cancel()
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    return ended


def test_nothing_leaves_before_its_records_are_durable() -> None:
    desk = Desk(appends_max=9)
    assert isinstance(asyncio.run(worked(desk, 1)), asyncio.CancelledError)
    assert desk.deeds[:2] == ["journalled", "Place"]


def test_a_step_that_could_not_be_journalled_is_the_last_one_whoever_took_it() -> None:
    desk = Desk(appends_max=0)
    ended = asyncio.run(worked(desk, 3))
    assert isinstance(ended, ExceptionGroup)
    assert "Place" not in desk.deeds
    assert isinstance(ended.exceptions[0], Retryable)
    assert str(ended.exceptions[0]) == "a journal is durable"


async def begun(desk: Desk) -> tuple[GatewayLoop, "asyncio.Task[None]"]:
    """Return a loop at work under an open fence."""
    loop = GatewayLoop(Gateway(RULES), desk, desk, clock=lambda: 10, mark=lambda point, about: desk.deeds.append(point))
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    loop.take(partial(loop.engine.fenced, OPEN))
    return loop, running


def test_what_one_input_leads_to_is_durable_by_one_append_and_leaves_after_it() -> None:
    async def story() -> None:
        desk = Desk(appends_max=9)
        loop, running = await begun(desk)

        def think_on(effect: Effect, at_ms: int) -> None:
            if "noted" not in desk.deeds:
                desk.deeds.append("noted")
                loop.write([b"ours"], "posted", effect)
                loop.take(partial(loop.engine.want, entry(1, symbol="ETHUSDT")))

        loop.join(think_on)
        loop.listen(lambda effect, at_ms: desk.deeds.append("told"))
        loop.take(partial(loop.engine.want, entry()))
        await asyncio.sleep(0)
        written = ["journalled.wanted", "journalled.sent"]
        turn = ["noted", "journalled", *written, "posted", *written]
        assert desk.deeds[: len(turn)] == turn
        assert sorted(desk.deeds[len(turn) :]) == ["Place"] * 2 + ["sending"] * 2 + ["told"] * 2
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())


def test_of_a_turn_that_could_not_be_made_durable_nothing_leaves_and_nobody_hears() -> None:
    async def story() -> None:
        desk = Desk(appends_max=0)
        loop, running = await begun(desk)
        loop.listen(lambda effect, at_ms: desk.deeds.append("told"))
        both = (entry(), entry(1, symbol="ETHUSDT"))
        with pytest.raises(Retryable, match="a journal is durable"), loop.turn():
            loop.take(partial(loop.engine.want_all, both))
        await asyncio.gather(running, return_exceptions=True)
        assert desk.deeds == []
        assert not loop.is_whole

    asyncio.run(story())


def test_what_a_listener_takes_in_is_a_turn_of_its_own() -> None:
    async def story() -> None:
        desk = Desk(appends_max=9)
        loop, running = await begun(desk)

        def answer(effect: Effect, at_ms: int) -> None:
            if desk.deeds.count("journalled") == 1:
                loop.take(partial(loop.engine.want, entry(1, symbol="ETHUSDT")))

        loop.listen(answer)
        loop.take(partial(loop.engine.want, entry()))
        await asyncio.sleep(0)
        assert desk.deeds.count("journalled") == 2
        assert desk.deeds.count("Place") == 2
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())


def test_a_loop_that_has_ended_takes_nothing_in() -> None:
    async def story() -> None:
        desk = Desk(appends_max=9)
        loop = GatewayLoop(Gateway(RULES), desk, desk, clock=lambda: 10)
        running = asyncio.create_task(loop.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert loop.is_whole
        with pytest.raises(Retryable, match="takes nothing in"):
            loop.take(partial(loop.engine.want, entry()))
        assert desk.deeds == []

    asyncio.run(story())
