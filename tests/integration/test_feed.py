"""The feed against the paper venue and its faults, over real sockets, at the venue's time and not at this machine's."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np
import pytest

from qt_ray.actors.feed import Feed
from qt_ray.actors.living import Living
from qt_ray.adapters import clock
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.gathering import Scope, Source
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperSettings
from qt_ray.execution.venue.calls import Done
from qt_ray.market.bars import Bars
from tests.integration.accounts import SYMBOLS, endpoints_of, venue_open
from tests.unit.actors.numbers import CountedNumbers
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.integration

MINUTE_MS = 60_000
ROWS = 300
BEFORE_CLOSE_MS = 500
NEXT_MS = 20_000


class Scene:
    """A venue whose clock is not ours, and a feed on it."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self.voice, self.broken = HeardVoice(), list[Rule]()

    def now_ms(self) -> int:
        return clock.now_ms() + self.ahead_ms

    def soon(self) -> None:
        """Let the venue's next candle close in a moment."""
        self.ahead_ms += MINUTE_MS - self.now_ms() % MINUTE_MS - BEFORE_CLOSE_MS

    def break_(self, deed: Deed, **how: object) -> None:
        self.broken.append(Rule(deed, **how))  # type: ignore[arg-type]
        self.venue.faults.add(self.broken[-1])

    async def open(self) -> Source:
        self.session = await BinanceSession.open(endpoints_of(self.venue), None)
        return self.session

    async def next(self, after_ms: int) -> Bars:
        found = await self.feed.rows(after_ms, NEXT_MS)
        assert found is not None
        return found

    async def is_true(self, bars: Bars) -> bool:
        """Return whether the venue, asked in peace, says the same."""
        for at, symbol in enumerate(bars.symbols):
            found = await self.session.candles(symbol, "1m", int(bars.ts[0]), int(bars.ts[-1]))
            assert isinstance(found, Done)
            told = bars.close[:, at]
            np.testing.assert_array_equal(told[~np.isnan(told)], [float(one.close) for one in found.value])
        return True


Story = Callable[[Scene, Bars], Awaitable[None]]


def watch(story: Story, before: Callable[[Scene], None] = lambda scene: None) -> None:
    async def whole() -> None:
        scene = Scene()
        async with venue_open(PaperSettings(symbols=SYMBOLS, seed=7, now_ms=scene.now_ms)) as scene.venue:
            before(scene)
            scope = Scope(SYMBOLS, "1m", ROWS)
            living, metrics = Living("Feed", was_reconstructed=False), MetricsLogger(CountedNumbers())
            scene.feed = Feed(scene.open, scope, living, scene.voice.tell, metrics)
            work = asyncio.create_task(scene.feed.run())
            try:
                await asyncio.wait_for(story(scene, await scene.next(0)), 60)
                assert all(rule.done for rule in scene.broken)
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work

    asyncio.run(whole())


async def one_more(scene: Scene, history: Bars) -> None:
    """Let a candle close and see its row: the one that follows, whole, and as the venue remembers it."""
    scene.soon()
    await scene.session._ask_time()
    row = await scene.next(int(history.ts[-1]))
    assert int(row.ts[0]) == int(history.ts[-1]) + MINUTE_MS
    assert not np.isnan(row.close).any()
    assert await scene.is_true(row)


def test_the_history_is_the_venue_s_and_the_next_row_follows_it() -> None:
    async def story(scene: Scene, history: Bars) -> None:
        assert len(history) >= ROWS - 1
        assert await scene.is_true(history.window(len(history) - 50, len(history)))
        await one_more(scene, history)
        condition = await scene.feed.condition()
        assert condition.is_ready
        assert all("clock" in reason for reason in condition.reasons)
        assert set(await scene.feed.marks()) == set(SYMBOLS)

    watch(story)


@pytest.mark.parametrize("case", ["candles lost", "sockets closed", "a symbol is garbled"])
def test_a_candle_that_the_stream_did_not_tell_is_in_its_row_all_the_same(case: str) -> None:
    async def story(scene: Scene, history: Bars) -> None:
        if case == "candles lost":
            scene.break_(Deed.EVENT_LOSE, event="kline")
        elif case == "sockets closed":
            scene.break_(Deed.EVENT_CLOSE, event="kline", count=3)
        else:
            scene.break_(Deed.EVENT_TRUNCATE, event="kline", stream=f"{SYMBOLS[0].lower()}@kline_1m")
        await one_more(scene, history)

    watch(story)


def test_a_history_whose_answers_are_lost_and_garbled_is_asked_for_until_it_is_whole() -> None:
    def before(scene: Scene) -> None:
        scene.break_(Deed.DROP_AFTER, method="GET", path="/fapi/v1/klines", count=1)
        scene.break_(Deed.TRUNCATE, method="GET", path="/fapi/v1/klines", count=2)
        scene.break_(Deed.ANSWER_BEFORE, method="GET", path="/fapi/v1/klines", answer="bad_gateway", count=4)

    async def story(scene: Scene, history: Bars) -> None:
        assert len(history) >= ROWS - 1
        assert await scene.is_true(history.window(len(history) - 50, len(history)))
        assert (await scene.feed.condition()).facts["counts"]["unanswered"] > 0

    watch(story, before)
