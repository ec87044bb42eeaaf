import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.flattener import Means, RealClock, flatten
from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import PositionSide
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.venue.calls import Answer, AskPositions, Call, CancelAll, Place
from qt_ray.execution.venue.news import News
from qt_ray.risk.ess import EssSignal
from tests.unit.execution.emergency import FakeVenue, resting, stop

pytestmark = pytest.mark.unit

BTC = ("BTCUSDT", PositionSide.BOTH)
START = 1_000


class FastClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.at_ms = START

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, ms: int) -> None:
        self.at_ms += ms
        await asyncio.sleep(0)


class FakeSession:
    """A session with the small venue; some calls hang, some raise, and it counts how many are asked at once."""

    def __init__(self, venue: FakeVenue, clock: FastClock, latch: Latch) -> None:
        self.venue, self.clock, self.latch = venue, clock, latch
        self.hangs: list[Call] = []
        self.raises: list[BaseException] = []
        self.at_once = self.at_once_most = 0
        self.was_latched: list[bool] = []

    async def ask(self, call: Call) -> Answer[Any]:
        self.was_latched.append(self.latch.state().closed)
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        try:
            if call in self.hangs:
                self.hangs.remove(call)
                await asyncio.Event().wait()
            if self.raises:
                raise self.raises.pop()
            await asyncio.sleep(0)
            return self.venue.ask(call, self.clock.now_ms())
        finally:
            self.at_once -= 1

    async def news(self) -> AsyncIterator[News]:
        for item in ():
            yield item

    async def close(self) -> None:
        self.venue.log.clear()


class Story:
    def __init__(self, folder: Path, venue: FakeVenue, parallel_max: int = 16) -> None:
        self.clock, self.latch = FastClock(), Latch(folder / "latch.json")
        self.session = FakeSession(venue, self.clock, self.latch)
        self.signals: list[EssSignal] = []
        self.means = Means(self.latch, self.clock, self.told, parallel_max, answer_ms_max=30)
        self.flattening = Flattening("fund", 7, 1, ("BTCUSDT",), {"BTCUSDT": Decimal(9)}, START)

    def told(self, signal: EssSignal, at_ms: int) -> None:
        self.signals.append(signal)

    def run(self) -> Report:
        return asyncio.run(flatten(self.session, self.flattening, self.means, "drill", "ann"))


def venue(symbols: int = 1) -> FakeVenue:
    held = {(f"S{at}USDT", PositionSide.BOTH): Decimal(2) for at in range(1, symbols)}
    return FakeVenue({BTC: Decimal(3), **held}).rest(resting("1"), stop("2"))


def test_it_ends_flat_and_the_latch_was_closed_before_the_first_word(tmp_path: Path) -> None:
    story = Story(tmp_path, venue())
    report = story.run()
    assert story.session.venue.is_flat
    assert report.is_settled
    assert all(story.session.was_latched)
    assert Latch(tmp_path / "latch.json").state().reason == "drill"
    assert story.signals == [EssSignal.FLATTENED, EssSignal.SETTLED]


def test_a_latch_that_cannot_be_written_does_not_stop_the_stopping(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")
    story = Story(tmp_path / "folder", venue())
    assert story.run().is_settled
    assert story.signals[0] is EssSignal.FAILED
    assert all(story.session.was_latched)


def test_no_more_is_asked_at_once_than_allowed(tmp_path: Path) -> None:
    story = Story(tmp_path, venue(30), parallel_max=4)
    story.run()
    assert story.session.venue.is_flat
    assert story.session.at_once_most == 4


@pytest.mark.parametrize("call", [CancelAll("BTCUSDT"), AskPositions()])
def test_a_venue_that_hangs_slows_the_loop_and_never_holds_it(tmp_path: Path, call: Call) -> None:
    story = Story(tmp_path, venue())
    story.session.hangs = [call]
    assert story.run().unsure >= (call != AskPositions())
    assert story.session.venue.is_flat


@pytest.mark.parametrize("error", [OSError("reset"), Invalid("a number is digits")])
def test_a_session_that_breaks_the_port_leaves_the_call_unsure(tmp_path: Path, error: Exception) -> None:
    story = Story(tmp_path, venue())
    story.session.raises = [error, error, error]
    story.run()
    assert story.session.venue.is_flat


def test_whoever_cancels_it_leaves_no_question_behind(tmp_path: Path) -> None:
    story = Story(tmp_path, venue())
    story.session.hangs = [CancelAll("BTCUSDT")]
    story.means = Means(story.latch, story.clock, story.told, 16, 60_000)

    async def cut_short() -> None:
        task = asyncio.create_task(flatten(story.session, story.flattening, story.means, "drill", "ann"))
        while len(story.session.was_latched) < 4:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cut_short())
    assert story.session.at_once == 0
    assert story.latch.state().closed


def test_the_real_clock_sleeps_as_long_as_it_says() -> None:
    clock = RealClock()
    before = clock.now_ms()
    asyncio.run(clock.sleep(5))
    assert clock.now_ms() >= before + 4


def test_closes_are_reduce_only_whatever_happens(tmp_path: Path) -> None:
    story = Story(tmp_path, venue(5))
    story.run()
    assert all(call.intent.reduce_only for _, call in story.session.venue.log if isinstance(call, Place))
