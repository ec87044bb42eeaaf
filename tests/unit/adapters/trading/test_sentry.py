"""The emergency stop's own eyes: a withdrawal is no loss, a mark is a reason to ask, and silence is told to nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from qt_ray.adapters.trading.sentry import RUMOUR_AGE_MAX_MS, Sentry
from qt_ray.core.limits import EssLimits
from qt_ray.core.orders import OrderType, Side
from qt_ray.core.payloads import EquityUpdated
from qt_ray.core.policy import Policy
from qt_ray.execution.venue.calls import Answer, AskAccount, AskIncome, AskPositions, Call, Done, Unsure
from qt_ray.execution.venue.news import AlgoNews, News, OrderNews
from qt_ray.execution.venue.views import PositionSide
from qt_ray.market.ticks import MarkTick
from qt_ray.risk.ess import Cause
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.vigil import Vigil
from tests.unit.execution.test_purse import income, news, shown

pytestmark = pytest.mark.unit

START_MS = 86_400_000


class House:
    """A venue that shows an account, and a vigil that judges it."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.wallet, self.transfers, self.is_away = 10_000, list[int](), False
        self.asked: list[type] = []
        self.told: asyncio.Queue[News] = asyncio.Queue()
        self.ticks: asyncio.Queue[object] = asyncio.Queue()
        self.vigil = Vigil(EssLimits(), limits_in_force(Policy()).row[0], (), None, START_MS)
        self.causes: set[Cause] = set()
        self.sentry = Sentry(self, self, self.vigil, "USDT", START_MS, self.look, lambda: self.now_ms)

    def look(self) -> None:
        self.vigil.fed(self.now_ms)
        self.causes |= set(self.vigil.look(self.now_ms)[1])

    async def ask(self, call: Call) -> Answer[Any]:
        self.asked.append(type(call))
        if self.is_away:
            return Unsure("nobody is there")
        if isinstance(call, AskAccount):
            return Done(shown(self.wallet))
        if isinstance(call, AskIncome):
            return Done([income(number, amount) for number, amount in enumerate(self.transfers)])
        assert isinstance(call, AskPositions)
        return Done(())

    async def news(self) -> AsyncIterator[News]:
        while True:
            yield await self.told.get()

    async def listen(self) -> AsyncIterator[object]:
        while True:
            yield await self.ticks.get()

    async def close(self) -> None:
        """Nothing is open."""


def play(story: Callable[[House], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(House()), 10))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_withdrawal_that_the_stream_has_not_told_yet_is_no_loss() -> None:
    async def story(house: House) -> None:
        await house.sentry.confirm()
        house.wallet, house.transfers = 5_000, [-5_000]
        house.now_ms += 1_000
        await house.sentry.confirm()
        assert not house.causes
        house.wallet = 4_500
        house.now_ms += 1_000
        await house.sentry.confirm()
        assert Cause.DAILY_DRAWDOWN in house.causes

    play(story)


def test_transfers_are_asked_for_at_the_start_and_when_the_account_has_jumped() -> None:
    async def story(house: House) -> None:
        await house.sentry.confirm()
        assert AskIncome in house.asked
        house.asked.clear()
        house.wallet = 9_950
        await house.sentry.confirm()
        assert house.asked == [AskAccount]

    play(story)


def test_a_venue_that_does_not_answer_has_shown_nothing() -> None:
    async def story(house: House) -> None:
        await house.sentry.confirm()
        house.is_away = True
        house.now_ms += EssLimits().heartbeat_age_max_ms
        await house.sentry.confirm()
        assert "equity_drawdown_bps" in house.vigil.look(house.now_ms)[0].unknown

    play(story)


def test_a_mark_that_looks_serious_is_asked_about_at_once_and_trips_nothing_by_itself() -> None:
    async def story(house: House) -> None:
        work = asyncio.create_task(house.sentry.run())
        await settled()
        house.told.put_nowait(news(10_000, held=10))
        house.ticks.put_nowait(MarkTick("BTCUSDT", Decimal(100), Decimal(100), Decimal(0), 0, house.now_ms))
        await settled()
        asked = len(house.asked)
        house.ticks.put_nowait(MarkTick("BTCUSDT", Decimal(1), Decimal(1), Decimal(0), 0, house.now_ms))
        while len(house.asked) == asked:
            await asyncio.sleep(0.01)
        assert house.asked[asked] is AskAccount
        assert not house.causes
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    play(story)


def test_a_rumour_is_heard_while_it_is_young_and_no_more() -> None:
    async def story(house: House) -> None:
        await house.sentry.confirm()
        fall = EquityUpdated("main", Decimal(5_000), Decimal(5_000), Decimal(0), Decimal(-77))
        for _ in range(3):
            house.sentry.rumour(fall, house.now_ms - RUMOUR_AGE_MAX_MS)
        assert not house.causes
        for _ in range(2):
            house.sentry.rumour(fall, house.now_ms)
        assert Cause.EQUITY_DRAWDOWN in house.causes

    play(story)


def algo(number: int, status: str) -> AlgoNews:
    return AlgoNews(
        "BTCUSDT", "", str(number), Side.SELL, PositionSide.BOTH, OrderType.STOP_MARKET, status, Decimal(1), Decimal(9),
        True, False, None, 1,
    )  # fmt: skip


def order(status: str, kind: OrderType = OrderType.MARKET) -> OrderNews:
    return OrderNews(
        "BTCUSDT", "", "1", Side.SELL, PositionSide.BOTH, kind, status, status, Decimal(1), Decimal(0), None, None,
        True, None, Decimal(0), 1,
    )  # fmt: skip


def test_a_stop_is_hit_once_and_what_ended_unwanted_is_an_error() -> None:
    async def story(house: House) -> None:
        await house.sentry.confirm()
        for told in (algo(1, "TRIGGERED"), algo(1, "FINISHED"), algo(2, "NEW"), algo(3, "CANCELED")):
            house.sentry._heard(told, house.now_ms)
        for news_ in (order("REJECTED"), order("EXPIRED"), order("EXPIRED", OrderType.LIMIT), algo(4, "REJECTED")):
            house.sentry._heard(news_, house.now_ms)
        readings = house.vigil.readings(house.now_ms)
        assert (readings.stop_hits, readings.execution_errors, house.sentry.cancelled) == (1, 3, 1)

    play(story)
