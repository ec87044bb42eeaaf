import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.repair import PAGE, PAGES_MAX, Repair
from qt_ray.adapters.binance.requests import Step
from qt_ray.execution.venue.calls import Answer, Unsure
from qt_ray.market.ticks import Candle, Gap, MarketTrade

pytestmark = pytest.mark.unit


class Memory:
    """A venue that remembers some trades, answers in pages, and at times not at all."""

    def __init__(self, trades: set[int], page: int = PAGE, fails_at: int | None = None) -> None:
        self.trades, self.page, self.fails_at, self.asked = sorted(trades), page, fails_at, 0

    async def ask(self, step: Step) -> Answer[Any]:
        self.asked += 1
        if self.fails_at == self.asked:
            return Unsure("lost")
        wanted = dict(step.pairs)
        found = [n for n in self.trades if n >= int(wanted["fromId"])][: min(self.page, int(wanted["limit"]))]
        return step.read([{"a": n, "p": "1", "q": "1", "T": 1, "m": False} for n in found])


def trade(number: int) -> MarketTrade:
    return MarketTrade("X", number, Decimal(1), Decimal(1), False, 1)


def told(memory: Memory, heard: list[int]) -> list[int | Gap]:
    async def story() -> list[int | Gap]:
        repair = Repair(memory.ask)
        ticks = [tick for number in heard async for tick in repair.trades(trade(number))]
        return [tick.id if isinstance(tick, MarketTrade) else tick for tick in ticks]

    return asyncio.run(story())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=12),
    st.sets(st.integers(0, 40)),
    st.integers(1, 7),
    st.none() | st.integers(1, 4),
)
def test_each_trade_is_told_once_in_order_or_missed_by_name(
    heard: list[int], remembered: set[int], page: int, fails_at: int | None
) -> None:
    covered: list[int] = []
    for one in told(Memory(remembered, page, fails_at), heard):
        covered += range(one.first, one.last + 1) if isinstance(one, Gap) else [one]
    assert covered == list(range(heard[0], max(heard) + 1))


def test_a_whole_memory_leaves_no_gap_up_to_a_bound() -> None:
    most = PAGES_MAX * PAGE
    assert told(Memory(set(range(most + 2))), [0, most + 1]) == list(range(most + 2))
    beyond = Memory(set(range(most + 10)))
    assert told(beyond, [0, most + 5])[-2:] == [Gap("X", "trades", most + 1, most + 4), most + 5]
    assert beyond.asked == PAGES_MAX


def test_what_nobody_remembers_is_asked_for_once() -> None:
    memory = Memory({8, 9})
    assert told(memory, [3, 10]) == [3, Gap("X", "trades", 4, 9), 10]
    assert memory.asked == 1


def test_candles_of_each_interval_have_their_own_steps() -> None:
    async def forgetful(step: Step) -> Answer[Any]:
        asked.append(dict(step.pairs))
        return step.read([[300_000, "1", "1", "1", "1", "1"]])

    def bar(minute: int, interval: str) -> Candle:
        one = Decimal(1)
        return Candle("X", interval, minute * 60_000, one, one, one, one, one, True)

    async def story() -> list[Candle | Gap]:
        repair = Repair(forgetful)
        heard = [bar(0, "5m"), bar(0, "1m"), bar(1, "1m"), bar(15, "5m")]
        return [tick for one in heard async for tick in repair.candles(one)]

    asked: list[dict[str, str]] = []
    ticks = asyncio.run(story())
    assert [tick.open_ms // 60_000 for tick in ticks if isinstance(tick, Candle)] == [0, 0, 1, 5, 15]
    assert ticks[4] == Gap("X", "candles", 600_000, 600_000)
    first = {"symbol": "X", "interval": "5m", "startTime": "300000", "endTime": "600000", "limit": str(PAGE)}
    assert asked[0] == first
