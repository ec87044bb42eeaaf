"""Session: a gateway's conversation with the exchange over a network that delays and loses, but signs honestly.

A request bears the moment it was signed at, and the exchange takes none that is older than the receive window. What
has left a process arrives, whatever becomes of the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

from qt_ray.core.limits import RECEIVE_WINDOW_MS
from qt_ray.core.orders import Intent
from qt_ray.execution.venue.calls import Answer, Call, Done, Place, PlaceMany, Refused, Unsure
from qt_ray.execution.venue.news import News, StreamUp
from tests.simulation.fence_wire import back
from tests.simulation.loop import Life

if TYPE_CHECKING:
    from tests.simulation.fence_world import FenceWorld

PATIENCE_MS: Final = 2_000
CLOCK_ERROR_MS: Final = 200
LATE: Final = Refused(-1021, "Timestamp for this request is outside of the recvWindow.")


def opened_by(call: Call) -> tuple[Intent, ...]:
    """Return the intents that a call places."""
    if isinstance(call, PlaceMany):
        return call.intents
    return (call.intent,) if isinstance(call, Place) else ()


class Session:
    """One life's conversation."""

    def __init__(self, world: "FenceWorld", life: Life, name: str, token: Callable[[], int]) -> None:
        self._world, self._life, self.name, self._token = world, life, name, token
        self._error_ms = world.dice.randint(-CLOCK_ERROR_MS, CLOCK_ERROR_MS)
        self._news: asyncio.Queue[News] = asyncio.Queue()

    @property
    def receive_window_ms(self) -> int:
        return RECEIVE_WINDOW_MS

    async def ask(self, call: Call) -> Answer[Any]:
        signed_ms, token = self._life.steady_ms() + self._error_ms, self._token()
        for intent in opened_by(call):
            self._world.truth.sends(intent, token, self._life.name)
        answer: asyncio.Future[Answer[Any]] = self._world.loop.create_future()
        route = f"{self.name}-venue"
        self._world.wire.later(route, self._arrive, route, call, signed_ms, token, answer)
        try:
            async with asyncio.timeout(PATIENCE_MS / 1_000):
                return await answer
        except TimeoutError:
            return Unsure("no answer")

    async def news(self) -> AsyncIterator[News]:
        yield StreamUp(self._life.wall_ms())
        while True:
            yield await self._news.get()

    def hear(self, news: News) -> None:
        """Take in what the exchange told; a dead or stopped process finds it in its buffer."""
        self._news.put_nowait(news)

    def _arrive(self, route: str, call: Call, signed_ms: int, token: int, answer: "asyncio.Future[Any]") -> None:
        now_ms = self._world.now_ms
        if not -1_000 < now_ms - signed_ms <= RECEIVE_WINDOW_MS:
            found: Answer[Any] = LATE
        else:
            found = self._world.venue.ask(call, self._world.loop.start_ms + now_ms)
            self._note(call, found, token)
            self._world.tell()
        self._world.wire.later(back(route), _say, answer, found)

    def _note(self, call: Call, found: Answer[Any], token: int) -> None:
        if not isinstance(found, Done):
            return
        parts = found.value if isinstance(call, PlaceMany) else (found,)
        for intent, one in zip(opened_by(call), parts, strict=False):
            if isinstance(one, Done):
                self._world.truth.accepts(intent, token, self._life.name)


def _say(answer: "asyncio.Future[Any]", found: Any) -> None:
    if not answer.done():
        answer.set_result(found)
