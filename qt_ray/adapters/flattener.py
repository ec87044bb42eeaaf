"""Flattener: carries an emergency out over any session, with nothing of the program but this, a latch and a clock.

The latch is closed first, and if the disk refuses, the emergency goes on all the same. Each question has a time by
which it counts as unanswered, so a venue that hangs can only slow the loop, never hold it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import QtError, Retryable
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.venue.calls import Answer, Call, Unsure
from qt_ray.execution.venue.session import VenueSession
from qt_ray.risk.ess import EssSignal

PARALLEL_MAX = 16
ANSWER_MS_MAX = 3_000


class Clock(Protocol):
    """What time it is, and how to let some pass."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""

    async def sleep(self, ms: int) -> None:
        """Return after so long."""


class RealClock:
    """The time there is."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return now_ms()

    async def sleep(self, ms: int) -> None:
        """Return after so long."""
        await asyncio.sleep(ms / 1_000)


@dataclass(frozen=True, slots=True)
class Means:
    """With what an emergency is carried out; `told` hears what the emergency stop has to know."""

    latch: Latch
    clock: Clock
    told: Callable[[EssSignal, int], None]
    parallel_max: int = PARALLEL_MAX
    answer_ms_max: int = ANSWER_MS_MAX


async def flatten(session: VenueSession, flattening: Flattening, means: Means, reason: str, by: str) -> Report:
    """Close the latch, then ask until all is flat, cleared and settled; there is no other end but being cancelled."""
    if not _latched(means, flattening.epoch, reason, by):
        means.told(EssSignal.FAILED, means.clock.now_ms())
    waiting: deque[Call] = deque()
    asked: dict[asyncio.Task[Answer[Any]], Call] = {}
    try:
        while not flattening.is_done:
            waiting.extend(flattening.due(means.clock.now_ms()))
            while waiting and len(asked) < means.parallel_max:
                call = waiting.popleft()
                asked[asyncio.create_task(_answer(session, call, means.answer_ms_max))] = call
            if asked:
                done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    flattening.answered(asked.pop(task), task.result(), means.clock.now_ms())
            elif flattening.next_ms is not None:
                await means.clock.sleep(max(flattening.next_ms - means.clock.now_ms(), 1))
            for signal, at_ms in flattening.signals():
                means.told(signal, at_ms)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return flattening.report


def _latched(means: Means, epoch: int, reason: str, by: str) -> bool:
    try:
        means.latch.close(epoch, reason, by, means.clock.now_ms())
    except Retryable:
        return False
    return True


async def _answer(session: VenueSession, call: Call, answer_ms_max: int) -> Answer[Any]:
    try:
        return await asyncio.wait_for(session.ask(call), answer_ms_max / 1_000)
    except TimeoutError:
        return Unsure(f"no answer within {answer_ms_max} ms")
    except (QtError, OSError) as error:
        return Unsure(str(error))
