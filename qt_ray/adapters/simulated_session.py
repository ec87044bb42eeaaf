"""Simulated session: the venue port with the exchange behind it in this process, and no wire that could fail.

Whoever drives the world (quotes, time, other accounts) calls `hear` afterwards; what a call itself causes is heard
before its answer is given.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from qt_ray.execution.exchange.counter import Counter
from qt_ray.execution.venue.calls import NOT_SENT, Answer, Call, Refused
from qt_ray.execution.venue.news import News, StreamUp


class SimulatedSession:
    """A conversation with one account; every listener hears the same."""

    def __init__(self, counter: Counter, now_ms: Callable[[], int]) -> None:
        self._counter, self._now_ms = counter, now_ms
        self._listeners: list[asyncio.Queue[News | None]] = []
        self._is_closed = False

    async def ask(self, call: Call) -> Answer[Any]:
        """Carry out one call and return what came of it."""
        if self._is_closed:
            return Refused(NOT_SENT, "the session is closed")
        answer = self._counter.ask(call, self._now_ms())
        self.hear()
        return answer

    def hear(self) -> None:
        """Take what the exchange has told since the last time, and tell the listeners."""
        for news in self._counter.news():
            for listener in self._listeners:
                listener.put_nowait(news)

    async def news(self) -> AsyncIterator[News]:
        """Yield what the venue tells this account, beginning with StreamUp, until the session is closed."""
        listener: asyncio.Queue[News | None] = asyncio.Queue()
        self._listeners.append(listener)
        try:
            yield StreamUp(self._now_ms())
            while (news := await listener.get()) is not None:
                yield news
        finally:
            self._listeners.remove(listener)

    async def close(self) -> None:
        """End the conversation; open orders stay where they are."""
        self._is_closed = True
        for listener in self._listeners:
            listener.put_nowait(None)
