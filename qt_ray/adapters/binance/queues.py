"""Queues: what a task hears, handed to whoever asks, in order, until the task ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

T = TypeVar("T")
C = TypeVar("C", covariant=True)


class Source(Protocol[C]):
    """What things are taken from: a queue, or a mailbox."""

    def empty(self) -> bool:
        """Return whether nothing waits."""

    def get_nowait(self) -> C:
        """Take what waits."""

    async def get(self) -> C:
        """Take what waits, once there is anything."""


async def drained(queue: Source[T], source: "asyncio.Task[None]") -> AsyncIterator[T]:
    """Yield what `source` puts into `queue`; its failure is ours, its cancellation simply the end."""
    while True:
        while not queue.empty():
            yield queue.get_nowait()
        taker = asyncio.ensure_future(queue.get())
        try:
            await asyncio.wait({taker, source}, return_when=asyncio.FIRST_COMPLETED)
            if not taker.done():
                _end(source)
                return
        finally:
            taker.cancel()
        yield taker.result()


def _end(source: "asyncio.Task[None]") -> None:
    """Raise what ended a task, if anything but its cancellation did."""
    if not source.cancelled():
        source.result()
