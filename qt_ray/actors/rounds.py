"""Rounds: who is well, asked of each part once a second and of none for long; silence is an answer that grows old.

Nobody waits for these rounds: what was heard last, and when, is there to be read. A part that hangs delays no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.monitoring.health import Condition

EVERY_MS: Final = 1_000
AGE_MAX_MS: Final = 3_000

Ask = Callable[[], Awaitable[Condition]]


class Rounds:
    """The parts that are asked, and what each said last."""

    def __init__(
        self,
        asks: Mapping[str, Ask],
        heard: Callable[[str, Condition, int], None] = lambda name, condition, at_ms: None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Ask by name; `heard` is told of each answer as it comes."""
        self.last: dict[str, tuple[Condition, int]] = {}
        self._asks, self._heard, self._clock = asks, heard, clock

    async def run(self) -> None:
        """Go the rounds until cancelled, each part's on its own."""
        async with asyncio.TaskGroup() as group:
            for name, ask in self._asks.items():
                group.create_task(self._visit(name, ask))

    def absent(self) -> tuple[str, ...]:
        """Return who has never answered."""
        return tuple(name for name in self._asks if name not in self.last)

    def fresh(self, name: str) -> Condition | None:
        """Return what a part has said of itself lately, or nothing."""
        condition, at_ms = self.last.get(name, (None, 0))
        return condition if self._clock() - at_ms < AGE_MAX_MS else None

    def is_well(self, names: Iterable[str]) -> bool:
        """Return whether each of these has answered lately, and said nothing critical of itself."""
        return all(self._is_well(name) for name in names)

    def _is_well(self, name: str) -> bool:
        condition = self.fresh(name)
        return condition is not None and condition.health < Health.CRITICAL

    async def _visit(self, name: str, ask: Ask) -> None:
        while True:
            try:
                condition = await ask()
            except Retryable:
                pass  # it has said nothing, which is how it will be remembered
            else:
                self.last[name] = condition, self._clock()
                self._heard(name, condition, self._clock())
            await asyncio.sleep(EVERY_MS / 1_000)
