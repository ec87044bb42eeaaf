import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from qt_ray.execution.venue.calls import Answer, AskPositions, Call, CancelAll, Done, Unsure
from qt_ray.execution.venue.news import News
from qt_ray.jobs.stopwatch import Laps, Stopwatch
from qt_ray.risk.ess import Cause, Emergency, EssSignal, progress, trip

pytestmark = pytest.mark.unit

CANCEL = CancelAll("BTCUSDT")
TRIPPED = trip(Emergency(), Cause.MANUAL, "drill", 1)


class Slow:
    """Answers whatever is next, a millisecond later by its own clock."""

    def __init__(self, *answers: Answer[Any]) -> None:
        self.answers, self.at_ns, self.closed = list(answers), 0, False

    def clock(self) -> int:
        return self.at_ns

    async def ask(self, call: Call) -> Answer[Any]:
        self.at_ns += 1_000_000
        return self.answers.pop(0)

    async def news(self) -> AsyncIterator[News]:
        for item in ():
            yield item

    async def close(self) -> None:
        self.closed = True


def timed(slow: Slow, *calls: Call) -> Stopwatch:
    watch = Stopwatch(slow, slow.clock)

    async def story() -> None:
        for call in calls:
            await watch.ask(call)

    asyncio.run(story())
    return watch


def test_a_cancel_is_sent_before_it_is_answered_and_counts_as_cancelled_only_when_it_is_confirmed() -> None:
    watch = timed(Slow(Done(()), Unsure("cut"), Done(None)), AskPositions(), CANCEL, CANCEL)
    assert watch.laps == Laps(first_cancel_us=1_000, first_answer_us=2_000, cancelled_us=3_000)


def test_flat_counts_from_the_last_time_and_what_is_cleared_afterwards_is_not_timed() -> None:
    slow = Slow(Done(None), Done(None))
    watch = timed(slow, CANCEL)
    flat = progress(TRIPPED, EssSignal.FLATTENED, 2)
    watch.told(flat, 2)
    watch.told(progress(flat, EssSignal.REOPENED, 3), 3)
    assert watch.laps.flat_us is None
    slow.at_ns = 7_000_000
    watch.told(flat, 4)
    asyncio.run(watch.ask(CANCEL))
    assert (watch.laps.flat_us, watch.laps.cancelled_us) == (7_000, 1_000)


def test_a_new_start_forgets_the_last_run_and_the_session_behind_is_closed_through_it() -> None:
    slow = Slow(Done(None))
    watch = timed(slow, CANCEL)
    watch.start()
    assert watch.laps == Laps()
    asyncio.run(watch.close())
    assert slow.closed
