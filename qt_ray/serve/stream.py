"""Stream: the fund's events to whoever watches, over WebSocket, from one reader of the bus for all of them.

A slow listener holds up nobody: each has an outbox of its own, and one that does not take its frames is cut off and
comes back. A heartbeat each second says whether the bus answers, so that an old number is never shown as new.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from qt_ray.actors.bell import Bell
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.governance.bus import Delivery
from qt_ray.monitoring.outbox import Frame, Outbox
from qt_ray.monitoring.outward import outward

SCHEMA: Final = "qt.stream/1"
PATH: Final = "/stream"
BEAT_MS: Final = 1_000
SEND_S: Final = 5.0
READ_MAX: Final = 500
WAIT_MS: Final = 1_000
AGAIN_S: Final = 0.5
LISTENERS_MAX: Final = 400
TOO_MANY: Final = 1013
OVERRUN: Final = 4008
# How a socket says that its other end is not there any more.
GONE: Final = (asyncio.CancelledError, TimeoutError, RuntimeError, OSError, WebSocketDisconnect)


class Source(Protocol):
    """The bus, as far as a stream needs it; Retryable when it cannot be reached."""

    async def position(self, since_ms: int) -> str:
        """Return the position to read on from to hear all that was published since a moment."""

    async def read(self, after: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Return what follows a position."""


class Broadcast:
    """One reader for all listeners; `is_linked` is whether the bus answers."""

    def __init__(self, source: Source, clock: Callable[[], int]) -> None:
        self.is_linked = False
        self.heard = Bell()
        self._source, self._clock = source, clock
        self._outboxes: set[Outbox] = set()
        self._position: str | None = None

    @property
    def listeners(self) -> int:
        """Return how many listen."""
        return len(self._outboxes)

    def join(self) -> Outbox:
        """Return the outbox of a new listener."""
        outbox = Outbox()
        self._outboxes.add(outbox)
        return outbox

    def leave(self, outbox: Outbox) -> None:
        """Forget a listener."""
        self._outboxes.discard(outbox)

    async def run(self) -> None:
        """Read the bus until cancelled."""
        while True:
            try:
                await self.turn()
                self.is_linked = True
            except Retryable:
                self.is_linked = False
                await asyncio.sleep(AGAIN_S)

    async def turn(self, wait_ms: int = WAIT_MS) -> None:
        """Hand on what the bus has next."""
        if self._position is None:
            self._position = await self._source.position(self._clock())
        for delivery in await self._source.read(self._position, READ_MAX, wait_ms):
            self._position = delivery.position
            if delivery.event is not None:
                self._offer(delivery.event)

    def _offer(self, event: Event) -> None:
        for outbox in self._outboxes:
            outbox.offer(event, self._clock())
        self.heard.ring()


def stream_app(broadcast: Broadcast, clock: Callable[[], int]) -> FastAPI:
    """Return the application of one WebSocket route; a gate stands in front of it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.websocket(PATH)
    async def stream(socket: WebSocket) -> None:
        """Send frames until the listener leaves or falls too far behind."""
        await socket.accept()
        if broadcast.listeners >= LISTENERS_MAX:
            await socket.close(TOO_MANY, f"at most {LISTENERS_MAX} listen at once")
            return
        outbox = broadcast.join()
        try:
            await _served(socket, broadcast, outbox, clock)
        finally:
            broadcast.leave(outbox)

    return app


async def _served(socket: WebSocket, broadcast: Broadcast, outbox: Outbox, clock: Callable[[], int]) -> None:
    """Send and receive at once: only what receives notices that a listener has gone, and gives its slot back."""
    tasks = [
        asyncio.create_task(_sent(socket, broadcast, outbox, clock)),
        asyncio.create_task(_until_gone(socket)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, GONE):
            raise end
    if outbox.is_overrun:
        with suppress(*GONE):  # whoever took no frame takes no farewell either
            async with asyncio.timeout(SEND_S):
                await socket.close(OVERRUN, "too far behind, read the whole anew")


async def _sent(socket: WebSocket, broadcast: Broadcast, outbox: Outbox, clock: Callable[[], int]) -> None:
    beat_ms = clock()
    await _send(socket, broadcast, Frame((), 0), beat_ms)
    while not outbox.is_overrun:
        now_ms = clock()
        frame = outbox.due(now_ms)
        if frame is None and now_ms - beat_ms >= BEAT_MS:
            frame = Frame((), 0)
        if frame is not None:
            beat_ms = now_ms
            await _send(socket, broadcast, frame, now_ms)
            continue
        due_ms = outbox.wait_ms(now_ms)
        until_beat_ms = max(beat_ms + BEAT_MS - now_ms, 1)
        if due_ms is None:
            await broadcast.heard.heard(until_beat_ms)
        else:
            await asyncio.sleep(min(max(due_ms, 1), until_beat_ms) / 1_000)


async def _send(socket: WebSocket, broadcast: Broadcast, frame: Frame, at_ms: int) -> None:
    newest_ms = max((event.time_ms for event in frame.events), default=None)
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "at_ms": at_ms,
        "link": "up" if broadcast.is_linked else "down",
        "lag_ms": None if newest_ms is None else max(at_ms - newest_ms, 0),
        "replaced": frame.replaced,
        "events": frame.events,
    }
    async with asyncio.timeout(SEND_S):
        await socket.send_json(outward(told))


async def _until_gone(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, KeyError):  # what is no text is nothing to us either
        while True:
            await socket.receive_text()
