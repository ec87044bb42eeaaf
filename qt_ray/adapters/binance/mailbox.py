"""Mailbox: what a feed tells, until somebody takes it; how things stand is kept once, what happened is kept whole.

A price that nobody has taken yet gives its place to the next one of its stream, so that a burst never makes a reader
late. What happened (a trade, a candle, the loss of a feed) waits in order for room; meanwhile its socket is not read.
"""

import asyncio
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One reader's; `replaced` counts the prices that gave way to younger ones."""

    def __init__(self, room: int) -> None:
        """Keep at most `room` things that happened, and one of each that stands."""
        self.replaced = 0
        self._room = room
        self._waiting: OrderedDict[str | int, T] = OrderedDict()
        self._happened = self._number = 0
        self._some, self._free = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def renew(self, stream: str, told: T) -> None:
        """Keep what stands in the place of what stood."""
        self.replaced += stream in self._waiting
        self._waiting[stream] = told
        self._some.set()

    async def put(self, told: T) -> None:
        """Keep what happened, once there is room for it."""
        while self._happened >= self._room:
            self._free.clear()
            await self._free.wait()
        self._happened, self._number = self._happened + 1, self._number + 1
        self._waiting[self._number] = told
        self._some.set()

    def empty(self) -> bool:
        """Return whether nothing waits."""
        return not self._waiting

    def get_nowait(self) -> T:
        """Take what has waited longest."""
        name, told = self._waiting.popitem(last=False)
        if isinstance(name, int):
            self._happened -= 1
            self._free.set()
        return told

    async def get(self) -> T:
        """Take what has waited longest, once there is anything."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self.get_nowait()
