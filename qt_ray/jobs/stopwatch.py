"""Stopwatch: an emergency timed from outside, in microseconds of a clock that never steps back.

It stands between the emergency stop and its session, so nothing that is timed knows of it. A call counts as sent when
the session is handed it; the answer, which comes later than the bytes left, is timed as well and bounds that.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.execution.venue.calls import Answer, Call, CancelAll, CancelById, Done, Place
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.session import VenueSession
from qt_ray.risk.ess import Emergency, EssState


@dataclass(frozen=True, slots=True)
class Laps:
    """How long after the trip each step came; None for what has not happened."""

    first_cancel_us: int | None = None
    first_answer_us: int | None = None
    cancelled_us: int | None = None
    closed_us: int | None = None
    flat_us: int | None = None


class Stopwatch:
    """A session that notes when things were asked and answered, and hears when all is flat."""

    def __init__(self, session: VenueSession, clock: Callable[[], int] = monotonic_ns) -> None:
        self.laps = Laps()
        self._session, self._clock = session, clock
        self._began_ns = clock()

    def start(self) -> None:
        """Begin to count now."""
        self.laps, self._began_ns = Laps(), self._clock()

    async def ask(self, call: Call) -> Answer[Any]:
        """Carry out a call, and note when it was asked and answered; once all is flat the clearing is not timed."""
        is_cancel = isinstance(call, CancelAll | CancelById)
        if is_cancel and self.laps.first_cancel_us is None:
            self.laps = replace(self.laps, first_cancel_us=self._lap())
        answer = await self._session.ask(call)
        if self.laps.flat_us is not None:
            return answer
        if is_cancel and self.laps.first_answer_us is None:
            self.laps = replace(self.laps, first_answer_us=self._lap())
        if is_cancel and isinstance(answer, Done):
            self.laps = replace(self.laps, cancelled_us=self._lap())
        elif isinstance(call, Place) and isinstance(answer, Done):
            self.laps = replace(self.laps, closed_us=self._lap())
        return answer

    def told(self, emergency: Emergency, at_ms: int) -> None:
        """Hear how far the emergency is; flat counts from the last time that it became so."""
        if emergency.state is EssState.FLAT:
            self.laps = replace(self.laps, flat_us=self._lap())
        elif emergency.state is EssState.FLATTENING:
            self.laps = replace(self.laps, flat_us=None)

    def news(self) -> AsyncIterator[News]:
        """Yield what the session hears."""
        return self._session.news()

    async def close(self) -> None:
        """End the session's conversation."""
        await self._session.close()

    def _lap(self) -> int:
        return (self._clock() - self._began_ns) // 1_000
