"""Bell: wakes everybody who waits for the next change, once, and nobody who comes later."""

import asyncio

from qt_ray.adapters.waiting import happened


class Bell:
    """Something that happens again and again."""

    def __init__(self) -> None:
        """Stand silent."""
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    async def heard(self, within_ms: int) -> bool:
        """Wait for the next ring at most so long, and return whether it came."""
        return await happened(self._next, within_ms)
