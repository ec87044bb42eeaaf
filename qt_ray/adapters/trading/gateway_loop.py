"""Gateway loop: carries out what the gateway decides; first the journal, then the wire.

An input and all that follows from it are one turn, whose lines become durable together, by one sync; what the venue has
told meanwhile is one input, for in a burst a sync a word would be the queue. Only then do its calls leave and others
hear of it. If they cannot be made durable nothing leaves at all, then or later: the loop ends,
and its successor begins from what the journal holds. Everything happens in one thread, the sync too, so a turn is never
half seen; what waits is only the venue. A sync may take longer than a lease, so what opens is looked at once more in
the same breath in which its bytes are signed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Protocol

from qt_ray.adapters.clock import monotonic_ms, now_ms
from qt_ray.adapters.waiting import happened
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Retryable
from qt_ray.execution.gateway.effects import Effect, Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.venue.calls import NOT_SENT, Answer, Refused, Unsure
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.session import Metered, Prompt, VenueSession
from qt_ray.execution.venue.views import UsageView
from qt_ray.governance.leases import TRAVEL_MS

Step = Callable[[int], list[Effect]]
Listener = Callable[[Effect, int], None]
Mark = Callable[[str, object], None]

IDLE_MS: Final = 1_000
APPEND_MAX: Final = 4_096
# So many of the venue's words are one turn at most. A word costs half of a sync, so more of them would save little, and
# what is urgent, an emergency's fence for one, waits for all of them.
NEWS_MAX: Final = 8


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
        steady_ms: Callable[[], int] = monotonic_ms,
    ) -> None:
        self.engine = engine
        self._steady_ms = steady_ms
        # Calls that may open, and until when the venue may accept each, by a clock that nobody sets.
        self._adrift: dict[int, int] = {}
        self._journal = journal
        self._session = session
        self._prompt = session if isinstance(session, Prompt) else None
        self._metered = session if isinstance(session, Metered) else None
        self._clock = clock
        self._mark = mark
        self._listeners: list[Listener] = []
        self._joined: list[Listener] = []
        self._news: list[Callable[[News, int], None]] = []
        self._lines: list[bytes] = []
        self._points: list[tuple[str, object]] = []
        self._effects: deque[Effect] = deque()
        self._leaving: deque[Effect] = deque()
        self._is_turning = False
        self._is_following = False
        self._is_releasing = False
        self._group: asyncio.TaskGroup | None = None
        self._due = asyncio.Event()
        self._usage: UsageView | None = None
        self._told: deque[News] = deque()
        self._is_told = asyncio.Event()
        self._over = asyncio.Event()
        self._fault: Retryable | None = None
        self._is_whole = True

    @property
    def is_whole(self) -> bool:
        """Return whether every step so far was carried out to its end; if not, we believe what no journal says."""
        return self._is_whole

    def entries_in_flight(self) -> int:
        """Return how many calls that may open can still be accepted: an emergency is acknowledged once there are none.

        One that nobody has answered for, or only unsurely, counts until it is too old for the venue to take.
        """
        now_ms = self._steady_ms()
        self._adrift = {call_id: until_ms for call_id, until_ms in self._adrift.items() if now_ms < until_ms}
        return len(self._adrift)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` every effect that is not a call, after the whole turn is durable."""
        self._listeners.append(listener)

    def join(self, listener: Listener) -> None:
        """Tell `listener` every such effect at once: what it writes and takes belongs to the turn."""
        self._joined.append(listener)

    def overhear(self, listener: Callable[[News, int], None]) -> None:
        """Tell `listener` all news in the same turn, after the gateway has taken it in."""
        self._news.append(listener)

    def take(self, step: Step) -> None:
        """Let the engine take one input in, and carry out what it asks for; calls wait until the loop runs."""
        with self.turn():
            for effect in step(self._clock()):
                if isinstance(effect, Write):
                    self.write([canonical(effect.record)], f"journalled.{effect.record.kind}", effect.record)
                else:
                    self._effects.append(effect)
            self._follow()

    def write(self, lines: Sequence[bytes], point: str, about: object) -> None:
        """Let lines become durable with the rest of this turn, which is `point` in an order's life."""
        self._lines += lines
        self._points.append((point, about))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let all that is taken in until the end become durable together, and only then leave."""
        if self._over.is_set():
            raise Retryable(f"gateway: a loop that is over takes nothing in, it ended: {self._fault or 'as asked'}")
        if self._is_turning:
            yield
            return
        self._is_turning, is_done = True, False
        try:
            yield
            self._commit()
            self._is_turning = False
            self._release()
            is_done = True
        finally:
            self._is_turning = False
            if not is_done:
                self._break_off()
            self._due.set()

    def _break_off(self) -> None:
        """End: what the engine believes now is written nowhere, so nothing that rests on it may leave."""
        self._is_whole = False
        for waiting in (self._lines, self._points, self._effects, self._leaving):
            waiting.clear()
        self._over.set()

    async def run(self) -> None:
        """Work until cancelled or until something is wrong with ourselves; calls under way are abandoned then."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self.take(self.engine.recovered)
                group.create_task(self._receive())
                group.create_task(self._hear())
                group.create_task(self._tick())
                try:
                    await self._end()
                finally:
                    # Before the others are ended: whoever takes something in meanwhile sends nothing any more.
                    self._group = None
        finally:
            self._over.set()
            self._group = None

    async def _end(self) -> None:
        """Let the loop end when the journal has failed under a step that came from outside."""
        await self._over.wait()
        raise self._fault or Retryable("gateway: the loop is over")

    def _follow(self) -> None:
        """Let those who joined think on; what they set off meanwhile waits for its turn."""
        if self._is_following or self._group is None:
            return
        self._is_following = True
        try:
            while self._effects:
                effect = self._effects.popleft()
                self._leaving.append(effect)
                for listener in () if isinstance(effect, Send) else self._joined:
                    listener(effect, self._clock())
        finally:
            self._is_following = False

    def _commit(self) -> None:
        """Make the turn durable; when that fails the loop is over, whoever took the turn."""
        lines, points = self._lines, self._points
        self._lines, self._points = [], []
        try:
            for first in range(0, len(lines), APPEND_MAX):
                self._journal.append_many(lines[first : first + APPEND_MAX])
        except Retryable as fault:
            self._fault = fault
            raise
        for point, about in points:
            self._mark(point, about)

    def _release(self) -> None:
        """Let leave what is durable now, in order; what a listener takes in meanwhile is a turn of its own."""
        if self._is_releasing or self._group is None:
            return
        self._is_releasing = True
        try:
            while self._leaving:
                self._release_one(self._leaving.popleft(), self._group)
        finally:
            self._is_releasing = False

    def _release_one(self, effect: Effect, group: asyncio.TaskGroup) -> None:
        if isinstance(effect, Send):
            self._mark("sending", effect.call)
            self._drift(effect)
            is_prompt = self._prompt is not None and self._late(effect) is None
            begun = self._prompt.start(effect.call) if self._prompt is not None and is_prompt else None
            group.create_task(self._ask(effect, begun))
            return
        for listener in self._listeners:
            listener(effect, self._clock())

    async def _ask(self, send: Send, begun: Awaitable[Answer[Any]] | None) -> None:
        if begun is None:
            self._drift(send)
        answer = await begun if begun is not None else self._late(send) or await self._session.ask(send.call)
        self._mark("answered", send.call)
        if not isinstance(answer, Unsure):
            self._adrift.pop(send.call_id, None)
        with self.turn():
            self._meter()
            self.take(partial(self.engine.answered, send.call_id, answer))

    def _drift(self, send: Send) -> None:
        if self.engine.opens(send.call_id):
            self._adrift[send.call_id] = self._steady_ms() + TRAVEL_MS

    def _late(self, send: Send) -> Refused | None:
        """Return the no to a call that may not leave any more."""
        why = self.engine.why_late(send.call_id, self._clock())
        return None if why is None else Refused(NOT_SENT, why)

    def _meter(self) -> None:
        """Let the engine know what the venue has counted, whoever asked."""
        if self._metered is not None:
            before, self._usage = self._usage, self._metered.usage()
            self.take(partial(self.engine.metered, self._usage.since(before)))

    async def _receive(self) -> None:
        """Let what the venue tells wait for its turn; once it tells no more, the loop ends as soon as all was heard."""
        try:
            async for news in self._session.news():
                self._told.append(news)
                self._is_told.set()
            while self._told:
                await asyncio.sleep(0)
            raise Retryable("gateway: news ends with the session, and the loop before it")
        finally:
            self._group = None  # the others are about to be ended: whoever comes in between sends nothing any more

    async def _hear(self) -> None:
        while True:
            await self._is_told.wait()
            self._is_told.clear()
            while self._told:
                with self.turn():
                    for _ in range(min(len(self._told), NEWS_MAX)):
                        self._take_news(self._told.popleft())
                await asyncio.sleep(0)  # others have their turn too

    def _take_news(self, news: News) -> None:
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
            if not await happened(self._due, wait_ms):
                self.take(self.engine.ticked)
