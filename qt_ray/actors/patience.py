"""Patience: a question is asked until there is an answer, and whoever looks may know what is waited for.

Retryable is an answer that may come later; everything else ends the work, and with it the part.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from qt_ray.core.errors import Retryable

AGAIN_MS: Final = 200
T = TypeVar("T")


class Patience:
    """One part's; `waits_for` is why the last question has no answer yet."""

    def __init__(self, waits_for: str = "it has just been born") -> None:
        self.waits_for = waits_for

    async def until(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question once there is one."""
        while True:
            try:
                answer = await ask()
            except Retryable as why:
                self.waits_for = str(why)
                await self.pause()
            else:
                self.waits_for = ""
                return answer

    async def always(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work again and again until cancelled."""
        while True:
            await self.until(work)

    async def pause(self) -> None:
        """Wait a moment before something is asked again."""
        await asyncio.sleep(AGAIN_MS / 1_000)
