"""Rounds: who is well, asked of each part once a second and of none for long; silence is an answer that grows old.

What was heard last, and when, is there to be read: by whoever goes round all the time, by whoever goes round once, and
by whoever is told by somebody that has just been round. A part that hangs delays no other.
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
        self.names = frozenset(asks)
        self.last: dict[str, tuple[Condition, int]] = {}
        self._asks, self._heard, self._clock = asks, heard, clock

    async def run(self) -> None:
        """Go the rounds until cancelled, each part's on its own."""
        async with asyncio.TaskGroup() as group:
            for name in self._asks:
                group.create_task(self._visit(name))

    async def take(self) -> None:
        """Go round once: ask each part, all at the same time, and return when none is waited for any more."""
        await asyncio.gather(*map(self._ask, self._asks))

    def hear(self, name: str, condition: Condition, age_ms: int = 0) -> None:
        """Take in what a part has said so long ago, unless something younger is known."""
        at_ms = self._clock() - age_ms
        if name in self.names and at_ms >= self.last.get(name, (None, 0))[1]:
            self.last[name] = condition, at_ms
            self._heard(name, condition, at_ms)

    def absent(self) -> tuple[str, ...]:
        """Return who has never answered."""
        return tuple(name for name in self._asks if name not in self.last)

    def fresh(self, name: str) -> Condition | None:
        """Return what a part has said of itself lately, or nothing."""
        condition, at_ms = self.last.get(name, (None, 0))
        return condition if self._clock() - at_ms < AGE_MAX_MS else None

    def within(self, age_max_ms: int) -> dict[str, Condition]:
        """Return what each part has said at most so long ago."""
        now = self._clock()
        return {name: said for name, (said, at_ms) in self.last.items() if now - at_ms <= age_max_ms}

    def is_well(self, names: Iterable[str]) -> bool:
        """Return whether each of these has answered lately, and said nothing critical of itself."""
        return all(self._is_well(name) for name in names)

    def _is_well(self, name: str) -> bool:
        condition = self.fresh(name)
        return condition is not None and condition.health < Health.CRITICAL

    async def _visit(self, name: str) -> None:
        while True:
            await self._ask(name)
            await asyncio.sleep(EVERY_MS / 1_000)

    async def _ask(self, name: str) -> None:
        try:
            condition = await self._asks[name]()
        except Retryable:
            return  # it has said nothing, which is how it will be remembered
        self.hear(name, condition)
