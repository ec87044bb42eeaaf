"""Witness: whether what is done is written down: nothing is opened that nobody would know of afterwards.

The monitor is asked about its record, the parts and the machine. Its no counts at once; its silence counts as a no once
it has lasted, because a monitor that is born again writes down what waits for it. What lessens risk asks nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Retryable

SILENCE_MS: Final = 5_000
ASK_EVERY_MS: Final = 500

# Returns why nothing new may be opened, or nothing; Retryable when the monitor does not answer.
Ask = Callable[[], Awaitable[str | None]]


class Witness:
    """What the monitor has said last; before it has spoken, nothing is opened."""

    def __init__(self, ask: Ask, clock: Callable[[], int] = now_ms) -> None:
        """Ask nothing yet; `run` does."""
        self._ask, self._clock = ask, clock
        self._word: str | None = None
        self._heard_ms: int | None = None

    def why_not(self) -> str | None:
        """Return why nothing may be opened now, or nothing."""
        if self._heard_ms is None:
            return "no entry before the monitor has spoken"
        if self._clock() - self._heard_ms >= SILENCE_MS:
            return f"no entry while nobody keeps the record, the monitor was silent for {SILENCE_MS} ms"
        return self._word

    def gate(self, symbol: str, at_ms: int) -> str | None:
        """Return why no entry of a symbol may be sent; it is the same for all of them."""
        return self.why_not()

    async def run(self, shut: Callable[[str], None], every_ms: int = ASK_EVERY_MS) -> None:
        """Ask until cancelled; `shut` hears of each no that follows upon a yes."""
        while True:
            before = self.why_not()
            await self.look()
            after = self.why_not()
            if after is not None and before is None:
                shut(after)
            await asyncio.sleep(every_ms / 1_000)

    async def look(self) -> None:
        """Ask once; without an answer the last one grows old."""
        at_ms = self._clock()
        with suppress(Retryable):
            self._word = await self._ask()
            self._heard_ms = at_ms
