"""Gateway loop: carries out what the gateway decides; first the journal, then the wire.

All records of a step are durable before the first call of that step leaves. If they cannot be made durable nothing
leaves at all: the loop ends, and its successor begins from what the journal holds. Everything happens in one thread,
so a step is never half seen; what waits is only the venue.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Retryable
from qt_ray.execution.gateway.effects import Effect, Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.records import Record
from qt_ray.execution.venue.calls import Answer
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.session import VenueSession

Step = Callable[[int], list[Effect]]
Listener = Callable[[Effect, int], None]
Mark = Callable[[str, object], None]

IDLE_MS: Final = 1_000


class Journal(Protocol):
    """Where records become durable."""

    def append_many(self, payloads: Sequence[bytes]) -> int:
        """Return once all of `payloads` are durable; on Retryable none may be acted on."""


def unmarked(point: str, about: object) -> None:
    """Pass a crash point by; the tests put something deadly here."""


class GatewayLoop:
    """One gateway at work: its engine, its journal and its session."""

    def __init__(
        self,
        engine: Gateway,
        journal: Journal,
        session: VenueSession,
        clock: Callable[[], int] = now_ms,
        mark: Mark = unmarked,
    ) -> None:
        self.engine = engine
        self._journal = journal
        self._session = session
        self._clock = clock
        self._mark = mark
        self._listeners: list[Listener] = []
        self._news: list[Callable[[News, int], None]] = []
        self._effects: deque[Effect] = deque()
        self._is_carrying = False
        self._group: asyncio.TaskGroup | None = None
        self._due = asyncio.Event()
        self._is_whole = True
        self._is_over = False

    @property
    def is_whole(self) -> bool:
        """Return whether every step so far was carried out to its end; if not, we believe what no journal says."""
        return self._is_whole

    def listen(self, listener: Listener) -> None:
        """Tell `listener` every effect that is not a call, after its records are durable."""
        self._listeners.append(listener)

    def overhear(self, listener: Callable[[News, int], None]) -> None:
        """Tell `listener` all news, after the gateway has taken it in."""
        self._news.append(listener)

    def take(self, step: Step) -> None:
        """Let the engine take one input in, and carry out what it asks for; a step that fails is the last one."""
        self._refuse_if_ended()
        is_done = False
        try:
            self._carry(step(self._clock()))
            is_done = True
        finally:
            self._is_whole = self._is_whole and is_done
            self._due.set()

    async def run(self) -> None:
        """Work until cancelled or until something is wrong with ourselves; calls under way are abandoned then."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self.take(self.engine.recovered)
                group.create_task(self._hear())
                group.create_task(self._tick())
        finally:
            self._is_over = True

    def _refuse_if_ended(self) -> None:
        if self._is_over:
            raise Retryable("gateway: a loop that has ended takes nothing in, its successor does")
        if not self._is_whole:
            raise Retryable("gateway: a step that was not carried out to its end is the last one")

    def _carry(self, effects: list[Effect]) -> None:
        """Make a step durable, then carry it out; what a listener sets off meanwhile waits for its turn."""
        self._record([effect.record for effect in effects if isinstance(effect, Write)])
        self._effects.extend(effect for effect in effects if not isinstance(effect, Write))
        if self._is_carrying:
            return
        self._is_carrying = True
        try:
            while self._effects:
                self._carry_one(self._effects.popleft())
        finally:
            self._is_carrying = False

    def _record(self, records: list[Record]) -> None:
        if not records:
            return
        self._journal.append_many([canonical(record) for record in records])
        for record in records:
            self._mark(f"journalled.{record.kind}", record)

    def _carry_one(self, effect: Effect) -> None:
        if isinstance(effect, Send) and self._group is not None:
            self._group.create_task(self._ask(effect))
            return
        for listener in self._listeners:
            listener(effect, self._clock())

    async def _ask(self, send: Send) -> None:
        self._mark("sending", send.call)
        answer: Answer[object] = await self._session.ask(send.call)
        self._mark("answered", send.call)
        self.take(partial(self.engine.answered, send.call_id, answer))

    async def _hear(self) -> None:
        async for news in self._session.news():
            self._mark("heard", news)
            self.take(partial(self.engine.heard, news))
            for listener in self._news:
                listener(news, self._clock())

    async def _tick(self) -> None:
        """Wake the engine when it asked to be woken, and at least every `IDLE_MS`."""
        while True:
            self._due.clear()
            next_ms = self.engine.next_ms
            wait_ms = IDLE_MS if next_ms is None else min(max(next_ms - self._clock(), 0), IDLE_MS)
            is_due = not await happened(self._due, wait_ms)
            self._refuse_if_ended()  # whoever handed the step in has its error; this one ends the loop
            if is_due:
                self.take(self.engine.ticked)


async def happened(event: asyncio.Event, within_ms: int) -> bool:
    """Wait for an event at most so long, and return whether it happened; a cancellation is never mistaken for that."""
    try:
        async with asyncio.timeout(within_ms / 1_000):
            return await event.wait()
    except TimeoutError:
        return False
