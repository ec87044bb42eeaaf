"""A supervisor joins what was foretold with what followed, says it, and is the same after it was begun anew."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from qt_ray.actors.supervisor import HEAR_MS, Supervisor
from qt_ray.adapters.redis.link import ANSWER_S
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.market.bars import Bars
from qt_ray.monitoring.scorecards import Scorecards
from tests.conformance.bus_memory import MemoryBus
from tests.unit.monitoring.happenings import decided, worth

pytestmark = pytest.mark.unit

BAR = 60_000


class Market:
    """Rows of one symbol, opened at 0, 1, 2 ... bars; away when told so."""

    def __init__(self) -> None:
        self.closes: list[float] = []
        self.is_away = False

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        await asyncio.sleep(0)
        if self.is_away:
            raise Retryable("Feed.rows: somebody is there, was not")
        first = 0 if after_ms == 0 else after_ms // BAR + 1
        closes = np.array(self.closes[first:])[:, None]
        if not len(closes):
            return None
        ts = np.arange(first, len(self.closes), dtype=np.int64) * BAR
        return Bars(("BTCUSDT",), BAR, ts, closes, closes, closes, closes, closes)


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def life() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(life())


@pytest.mark.requirement("S5 ModelSupervisor")
def test_a_decision_is_judged_once_its_horizon_has_closed() -> None:
    async def story() -> None:
        bus, market = MemoryBus(), Market()
        supervisor = Supervisor(bus, market, Scorecards(BAR), since_ms=1)
        await bus.publish([decided(BAR, "d1"), decided(2 * BAR, "d2", wish=-1, granted=0), worth(3, 5)])
        assert await supervisor.hear(1) == 3
        market.closes = [100.0, 110.0]
        assert await supervisor.see(1) == 2
        assert [(card["count"], card["waiting"]) for card in await supervisor.scorecards()] == [(1, 1), (1, 1)]
        market.closes.append(120.0)
        assert await supervisor.see(1) == 1
        assert await supervisor.see(1) == 0
        card = await supervisor.card("decisions")
        assert (card["count"], card["win_rate"]) == (2, 0.5)
        with pytest.raises(Invalid, match="a model was heard, decisions were"):
            await supervisor.card("ghost")

    run(story)


def test_a_supervisor_that_is_begun_anew_has_the_same_cards() -> None:
    async def story() -> None:
        bus, market = MemoryBus(), Market()
        market.closes = [100.0, 110.0, 90.0, 95.0]
        lives = [Supervisor(bus, market, Scorecards(BAR), since_ms=1) for _ in range(2)]
        await bus.publish([decided(at * BAR, f"d{at}") for at in range(1, 4)])
        await lives[0].hear(1)
        await lives[0].see(1)
        await lives[1].see(1)
        await lives[1].hear(1)
        assert await lives[0].scorecards() == await lives[1].scorecards()

    run(story)


def test_what_another_life_foretold_is_not_judged_by_this_ones_market() -> None:
    async def story() -> None:
        bus = MemoryBus()
        supervisor = Supervisor(bus, Market(), Scorecards(BAR), since_ms=2 * BAR)
        await bus.publish([decided(BAR, "d1"), decided(2 * BAR, "d2")])
        await supervisor.hear(1)
        assert (await supervisor.card("decisions"))["waiting"] == 1

    run(story)


def test_it_goes_on_when_the_market_is_back() -> None:
    async def story() -> None:
        bus, market = MemoryBus(), Market()
        market.is_away, market.closes = True, [1.0, 2.0]
        supervisor = Supervisor(bus, market, Scorecards(BAR), since_ms=1)
        work = [asyncio.create_task(supervisor.follow()), asyncio.create_task(supervisor.watch())]
        while "was not" not in supervisor.blind or "not there" in supervisor.blind:
            await asyncio.sleep(0)
        market.is_away = False
        while supervisor.blind:
            await asyncio.sleep(0.001)
        for task in work:
            task.cancel()
        await asyncio.wait(work)

    run(story)


def test_a_silent_bus_is_not_taken_for_one_that_is_away() -> None:
    assert HEAR_MS < ANSWER_S * 1_000
