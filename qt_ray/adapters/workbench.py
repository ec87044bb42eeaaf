"""Workbench: one thread on which work is done in order, each piece within its time or not at all.

Whoever waits for an answer that comes too late has decided without it, so late work is dropped and never queued: what
has not begun in time never begins, and what has begun is left to end while nobody waits for it any more.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.core.errors import Retryable

T = TypeVar("T")

WAITING_MAX: Final = 64
NS_PER_MS: Final = 1_000_000


class Late(Retryable):
    """Work that was not done within its time."""


class Crowded(Retryable):
    """Work that was not taken on, because too much waits already."""


class Workbench:
    """One thread, and who waits for it; `late` and `refused` count what was not done."""

    def __init__(self, waiting_max: int = WAITING_MAX, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        """Stand ready; the thread begins with the first work."""
        self.late = self.refused = self.waiting = 0
        self._max, self._clock_ns = waiting_max, clock_ns
        self._thread = ThreadPoolExecutor(1, "workbench")

    async def done(self, work: Callable[[float], T], within_ms: float) -> T:
        """Return what `work` makes of the milliseconds that are left to it; Late or Crowded if it makes nothing."""
        if self.waiting >= self._max:
            self.refused += 1
            raise Crowded(f"at most {self._max} pieces of work wait, was one more")
        until_ns = self._clock_ns() + int(within_ms * NS_PER_MS)
        self.waiting += 1
        begun = asyncio.get_running_loop().run_in_executor(self._thread, self._begun, work, until_ns)
        begun.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(within_ms / 1_000):
                return await asyncio.shield(begun)
        except TimeoutError as error:
            self.late += 1
            raise Late(f"work is done within {within_ms:g} ms, was not") from error
        except Late:
            self.late += 1
            raise

    def rest(self) -> None:
        """Take on nothing more; what has begun ends."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begun(self, work: Callable[[float], T], until_ns: int) -> T:
        left_ms = (until_ns - self._clock_ns()) / NS_PER_MS
        if left_ms <= 0:
            raise Late(f"work begins while there is time, was {-left_ms:.0f} ms late")
        return work(left_ms)

    def _ended(self, begun: "asyncio.Future[T]") -> None:
        self.waiting -= 1
        if not begun.cancelled():
            begun.exception()  # heard of here, where the one who waited has gone
