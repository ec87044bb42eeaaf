"""SPEC law 3 and FAULTS 17 and 72: the fund sees a market whole and in order, or it is told that it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from qt_ray.actors.feed import Feed
from qt_ray.actors.living import Living
from qt_ray.adapters.binance.market_streams import Stream
from qt_ray.adapters.binance.venue_clock import Verdict
from qt_ray.adapters.gathering import Scope, Source
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import Volatility
from qt_ray.core.policy import Policy
from qt_ray.execution.venue.calls import Answer, Done, Refused, Throttled, Unsure
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.governance.policy_view import PolicyView
from qt_ray.market.bars import Bars
from qt_ray.market.recent import joined
from qt_ray.market.ticks import Gap
from tests.unit.actors.market_source import MarketSource, until
from tests.unit.actors.numbers import CountedNumbers
from tests.unit.actors.voices import HeardVoice
from tests.unit.market.candles import MINUTE_MS, START_MS, candle, closed, mark, opened

pytestmark = pytest.mark.unit

NAMES = ("AUSDT", "BUSDT")
HISTORY = 60


class House:
    """A feed at work on a market that a test moves."""

    def __init__(self) -> None:
        self.source, self.voice = MarketSource(HISTORY), HeardVoice()
        living = Living("Feed", lambda: self.source.now_ms, lambda code: None, False)
        scope = Scope(NAMES, "1m", HISTORY, look_ms=1)
        self.numbers = CountedNumbers()
        self.feed = Feed(self._open, scope, living, self.voice.tell, MetricsLogger(self.numbers))

    async def _open(self) -> Source:
        return self.source

    async def begun(self) -> None:
        await until(lambda: len(self.feed._recent) > 0)

    def tells(self, number: int, *symbols: str, later_ms: int = 5, close: float | None = None) -> None:
        self.source.now_ms = max(self.source.now_ms, closed(number) + later_ms)
        self.source.say(*(candle(symbol, number, close) for symbol in symbols or NAMES))

    def marks(self, price: float = 100.0) -> None:
        self.source.say(*(mark(s, price, "0", opened(10_000), self.source.now_ms) for s in NAMES))

    async def next(self, after: int) -> Bars:
        found = await self.feed.rows(opened(after), 30_000)
        assert found is not None
        return found


Story = Callable[[House], Awaitable[None]]


def play(story: Story) -> House:
    async def whole() -> House:
        house = House()
        work = asyncio.create_task(house.feed.run())
        try:
            await asyncio.wait_for(story(house), 60)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        assert house.source.is_closed
        return house

    return asyncio.run(whole())


def numbers(bars: Bars) -> list[int]:
    return [int(number) for number in (bars.ts - START_MS) // MINUTE_MS]


def test_the_history_comes_whole_and_a_reader_goes_on_from_its_place() -> None:
    async def story(house: House) -> None:
        whole = await house.next(-1)
        assert numbers(whole) == list(range(HISTORY))
        assert not np.isnan(whole.close).any()
        assert await house.feed.rows(opened(HISTORY - 1), 1) is None
        house.tells(HISTORY)
        assert numbers(await house.next(HISTORY - 1)) == [HISTORY]
        assert numbers(await house.next(HISTORY - 3)) == [HISTORY - 2, HISTORY - 1, HISTORY]
        assert house.source.wanted is not None
        assert house.source.wanted.kinds == {Stream.CANDLES, Stream.MARK}

    play(story)


def test_nothing_is_told_before_all_of_the_history_is_here() -> None:
    async def story(house: House) -> None:
        house.source.is_away = True
        await until(lambda: len(house.source.asked) > 4)
        house.tells(HISTORY)
        assert await house.feed.rows(0, 20) is None
        found = await house.feed.condition()
        assert not found.is_ready
        assert "the market's history is asked for" in found.reasons
        house.source.is_away = False
        assert numbers(await house.next(-1)) == list(range(1, HISTORY + 1))

    play(story)


@pytest.mark.parametrize("first", [Unsure("nobody answered"), Throttled(-1003, 5)], ids=["unsure", "throttled"])
def test_the_history_bears_the_funding_that_was_settled_in_it(first: Answer[Any]) -> None:
    async def story(house: House) -> None:
        house.source.settled = [first, Done(()), Done(((opened(7) + 3, Decimal("0.0001")),)), Done(())]
        whole = await house.next(-1)
        assert whole.funding is not None
        known = np.argwhere(~np.isnan(whole.funding))
        assert known.tolist() == [[7, 0]]
        assert whole.funding[7, 0] == 0.0001

    play(story)


def test_a_venue_that_refuses_to_speak_of_funding_leaves_it_unknown() -> None:
    async def story(house: House) -> None:
        house.source.settled = [Refused(-1121, "Invalid symbol.")]
        whole = await house.next(-1)
        assert whole.funding is not None
        assert np.isnan(whole.funding).all()
        assert (await house.feed.condition()).facts["counts"]["funding unanswered"] == 1

    play(story)


def test_what_a_stream_left_out_is_asked_for_before_its_row_is_told() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.tells(HISTORY, "AUSDT")
        assert await house.feed.rows(opened(HISTORY - 1), 20) is None
        house.source.now_ms = closed(HISTORY) + 1_000
        row = await house.next(HISTORY - 1)
        assert not np.isnan(row.close).any()
        assert house.source.asked[-1] == ("BUSDT", opened(HISTORY), opened(HISTORY))

    play(story)


def test_after_an_outage_the_rows_are_those_of_a_feed_that_had_none() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.source.now_ms = closed(HISTORY + 9) + 1_500
        rows = await house.next(HISTORY - 1)
        while len(rows) < 10:
            rows = joined([rows, await house.next(HISTORY - 1 + len(rows))])
        wanted = [[float(candle(symbol, number).close) for symbol in NAMES] for number in numbers(rows)]
        assert numbers(rows) == list(range(HISTORY, HISTORY + 10))
        np.testing.assert_array_equal(rows.close, wanted)

    play(story)


def test_a_symbol_that_nobody_has_is_empty_and_the_feed_says_so() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.source.lost.add(("BUSDT", HISTORY))
        house.tells(HISTORY, "AUSDT", later_ms=2_100)
        house.marks()
        row = await house.next(HISTORY - 1)
        assert np.isnan(row.close).tolist() == [[False, True]]
        found = await house.feed.condition()
        assert (found.health, found.is_ready) == (Health.DEGRADED, True)
        assert found.reasons == ("no bar in the newest row of BUSDT",)
        assert house.numbers.said["qt_bars_missing_total", "BUSDT"] == 1

    play(story)


def test_an_answer_that_cannot_all_be_read_ends_no_search() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.source.unread = ("klines.BUSDT: a row of at least 6",)
        house.source.lost.add(("BUSDT", HISTORY))
        house.tells(HISTORY, "AUSDT")
        house.source.now_ms = closed(HISTORY) + 1_000
        await until(lambda: ("BUSDT", opened(HISTORY), opened(HISTORY)) in house.source.asked)
        assert await house.feed.rows(opened(HISTORY - 1), 20) is None
        house.source.lost.clear()
        assert not np.isnan((await house.next(HISTORY - 1)).close).any()
        assert (await house.feed.condition()).facts["counts"]["unreadable"] > 0

    play(story)


def test_a_feed_is_well_while_it_hears_and_says_since_when_it_does_not() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.marks()
        await until(lambda: len(house.feed._quotes.marks) == 2)
        assert (await house.feed.condition()).health is Health.HEALTHY
        house.source.now_ms += 6_000
        silent = await house.feed.condition()
        assert silent.health is Health.DEGRADED
        assert silent.reasons[:2] == ("nothing was heard for 6000 ms", "no young mark of AUSDT, BUSDT")
        house.source.now_ms += 30_000
        assert (await house.feed.condition()).health is Health.CRITICAL

    play(story)


def test_a_clock_that_is_wrong_dates_nothing() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.marks()
        await until(lambda: len(house.feed._quotes.marks) == 2)
        for verdict, health in ((Verdict.WARN, Health.DEGRADED), (Verdict.STOP, Health.CRITICAL)):
            house.source.verdict = verdict
            found = await house.feed.condition()
            assert (found.health, found.reasons) == (health, ("the wall clock is off by 1500 ms",))

    play(story)


def test_a_feed_that_has_not_reached_the_venue_is_critical() -> None:
    found = asyncio.run(House().feed.condition())
    assert (found.health, found.reasons, found.is_ready) == (
        Health.CRITICAL,
        ("the venue was not reached yet",),
        False,
    )


def test_marks_are_the_newest_and_what_cannot_be_used_is_counted() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.marks(100.5)
        house.marks(101.5)
        house.source.say(
            Unheeded("forceOrder", 1), Unreadable("price: above 0, was 0", "{}", 1), Gap("AUSDT", "candles", 1, 2)
        )
        await until(lambda: "gap" in house.feed._gathering.counts)  # type: ignore[union-attr]
        assert await house.feed.marks() == {symbol: Decimal("101.5") for symbol in NAMES}
        counts = (await house.feed.condition()).facts["counts"]
        assert (counts["unheeded"], counts["unreadable"], counts["gap"]) == (1, 1, 1)

    play(story)


def test_the_feed_names_regimes_as_the_policy_in_force_does() -> None:
    async def story(house: House) -> None:
        await house.begun()
        volatility = Volatility(atr_low_bps=1, atr_high_bps=2, atr_extreme_bps=3)
        house.feed.governed(PolicyView(replace(Policy(), volatility=volatility), 0, 0))
        house.tells(HISTORY, close=101.0)
        await house.next(HISTORY - 1)
        assert (await house.feed.condition()).facts["regimes"] == dict.fromkeys(NAMES, "EXTREME")

    play(story)


def test_a_regime_that_changes_is_news_and_the_one_that_history_led_to_is_not() -> None:
    async def story(house: House) -> None:
        await house.begun()
        assert house.voice.of("market.regime.changed") == []
        for number in range(HISTORY, HISTORY + 40):
            swing = 100.0 * (1.03 if number % 2 else 0.97)
            wild = [replace(candle(s, number, swing), high=Decimal(110), low=Decimal(90)) for s in NAMES]
            house.source.now_ms = closed(number)
            house.source.say(*wild)
            await house.next(number - 1)
        told = house.voice.of("market.regime.changed")
        assert {one.payload.symbol for one in told} == set(NAMES)
        assert told[-1].payload.new == "EXTREME"
        assert (await house.feed.condition()).facts["regimes"] == dict.fromkeys(NAMES, "EXTREME")

    play(story)


def test_prices_are_told_once_a_second_however_often_they_come() -> None:
    async def story(house: House) -> None:
        await house.begun()
        house.marks(100.25)
        house.source.say(*(candle("AUSDT", HISTORY, 100 + n / 10, over=False) for n in range(50)))
        await until(lambda: bool(house.voice.of("market.tick")))
        (told,) = house.voice.of("market.tick")
        assert house.numbers.said["qt_feed_age_seconds", "market"] == 0
        assert (told.payload.price, told.payload.mark) == (Decimal("104.9"), Decimal("100.25"))

    play(story)


@pytest.mark.parametrize("wait_ms", [0, 30_001])
def test_nobody_waits_for_ever(wait_ms: int) -> None:
    with pytest.raises(Invalid, match="wait_ms: 1 to 30000"):
        asyncio.run(House().feed.rows(0, wait_ms))
