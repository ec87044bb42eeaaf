"""User stream: an account's own news through every reconnect; what could not be heard is told as a gap.

A new socket is opened before the old one is closed, so a planned move loses nothing and hears some things twice, which
is harmless. Where the venue stopped telling (an expired key, a dead socket) there is a gap, and StreamDown and StreamUp
stand around it: whoever keeps books asks for what happened between them. The queue is bounded and drops nothing: when
it is full, the socket is not read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from qt_ray.adapters.binance.connection import Connection
from qt_ray.adapters.binance.pace import Pace, Pauses
from qt_ray.adapters.binance.queues import drained
from qt_ray.adapters.binance.requests import Step, nothing, one
from qt_ray.adapters.binance.user_events import EXPIRED, SHUTDOWN, news_of
from qt_ray.adapters.binance.wire import Wire
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.core.errors import Retryable
from qt_ray.execution.venue.calls import Answer, Done, Refused, Throttled
from qt_ray.execution.venue.news import News, StreamDown, StreamUp, Unheeded

KEY_GONE: Final = -1125
MAKE_KEY: Final = Step("POST", "/fapi/v1/listenKey", (), one(lambda b: b.text("listenKey"), "key"), is_signed=False)
KEEP_KEY: Final = Step("PUT", "/fapi/v1/listenKey", (), nothing, is_signed=False)

Send = Callable[[Step], Awaitable[Answer[Any]]]


class Cause(Enum):
    """Why a socket is left for another one; all but the planned ones leave a gap."""

    AGE = "a day is over"
    SHUTDOWN = "the venue's server shuts down"
    KEY_EXPIRED = "the listen key expired"
    DEAD = "the socket ended"

    @property
    def leaves_gap(self) -> bool:
        """Return whether something may not have been told."""
        return self in (Cause.KEY_EXPIRED, Cause.DEAD)


@dataclass(slots=True)
class Line:
    """One socket being read into the queue."""

    connection: Connection
    opened_ns: int
    told: "asyncio.Future[Cause]"
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def tell(self, cause: Cause) -> None:
        """Ask for another line; the first cause counts."""
        if not self.told.done():
            self.told.set_result(cause)

    async def close(self) -> None:
        """Stop reading and close the socket."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.connection.close()


class UserStream:
    """The account's stream, from the first listen key to the last."""

    def __init__(self, wire: Wire, send: Send, pace: Pace) -> None:
        self._wire, self._send, self._pace = wire, send, pace
        self._pauses = Pauses(pace)
        self._queue: asyncio.Queue[News] = asyncio.Queue(pace.queue_max)
        self._lines: list[Line] = []
        self._life: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[News]:
        """Yield the news."""
        self._life = asyncio.create_task(self._live())
        try:
            async for news in drained(self._queue, self._life):
                yield news
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop listening; whoever waits for news learns that there are no more."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def _live(self) -> None:
        try:
            line = await self._connected(after_gap=True)
            while True:
                line = await self._moved(line, await self._left(line))
        finally:
            for line in tuple(self._lines):
                await self._leave(line)

    async def _left(self, line: Line) -> Cause:
        """Wait until a line has to be left."""
        ends: set[asyncio.Future[Any]] = {line.told, *line.tasks}
        await asyncio.wait(ends, timeout=self._pace.life_s, return_when=asyncio.FIRST_COMPLETED)
        for task in line.tasks:
            if task.done():
                task.result()
        return line.told.result() if line.told.done() else Cause.AGE

    async def _moved(self, line: Line, cause: Cause) -> Line:
        """Return a new line in place of one that is left, with the gap between them told if there is one."""
        self._pauses.succeeded((monotonic_ns() - line.opened_ns) / 1e9)
        if cause.leaves_gap:
            await self._queue.put(StreamDown(now_ms(), f"{cause.value} {line.connection.ended}".strip()))
        following = await self._connected(after_gap=cause.leaves_gap)
        if not cause.leaves_gap:
            await self._read_out(line)
        await self._leave(line)
        return following

    async def _read_out(self, line: Line) -> None:
        """Let an old line say what it still has to say; if it ended too early, there is a gap after all."""
        ended_early = line.tasks[0].done()
        await asyncio.wait(line.tasks[:1], timeout=self._pace.overlap_s)
        if ended_early or self._queue.full():
            await self._queue.put(StreamDown(now_ms(), "the old socket was not heard to its end"))
            await self._queue.put(StreamUp(now_ms()))

    async def _connected(self, after_gap: bool) -> Line:
        """Return a line, after as many tries as it takes; StreamUp is told before anything that is heard on it."""
        while True:
            await asyncio.sleep(self._pauses.following())
            try:
                return await self._connect(after_gap)
            except Retryable:
                continue

    async def _connect(self, after_gap: bool) -> Line:
        found = await self._send(MAKE_KEY)
        if isinstance(found, Throttled):
            await asyncio.sleep(found.retry_after_ms / 1_000)
        if not isinstance(found, Done):
            raise Retryable(f"a listen key is given, was not: {found}")
        connection = await Connection.open(self._wire.http, self._wire.endpoints.private(found.value), self._pace)
        line = Line(connection, monotonic_ns(), asyncio.get_running_loop().create_future())
        self._lines.append(line)
        if after_gap:
            await self._queue.put(StreamUp(now_ms()))
        line.tasks = [asyncio.create_task(self._read(line)), asyncio.create_task(self._keep_key(line))]
        return line

    async def _leave(self, line: Line) -> None:
        self._lines.remove(line)
        await line.close()

    async def _read(self, line: Line) -> None:
        while (text := await line.connection.hear()) is not None:
            news = news_of(text, now_ms())
            await self._queue.put(news)
            if isinstance(news, Unheeded) and news.kind in MOVES:
                line.tell(MOVES[news.kind])
        line.tell(Cause.DEAD)

    async def _keep_key(self, line: Line) -> None:
        pause = self._pace.keep_key_s
        while True:
            await asyncio.sleep(pause)
            found = await self._send(KEEP_KEY)
            if isinstance(found, Refused) and found.code == KEY_GONE:
                line.tell(Cause.KEY_EXPIRED)
            pause = self._pace.keep_key_s if isinstance(found, Done) else self._pace.keep_key_again_s


MOVES: Final = {EXPIRED: Cause.KEY_EXPIRED, SHUTDOWN: Cause.SHUTDOWN}
