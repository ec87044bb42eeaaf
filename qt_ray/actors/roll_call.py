"""Roll call: every part is asked how it is, all at once, and who does not answer for a while is not known to be well.

A single answer that is late means nothing on a busy machine: what a part said last stands for a few seconds, and not
for longer. Of a fact that several parts know the worst counts.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from qt_ray.actors.line import Line
from qt_ray.actors.topology import EMERGENCY_STOP
from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Retryable
from qt_ray.governance.coordination import SILENCE_MAX_MS, Seen
from qt_ray.monitoring.health import Condition

ANSWER_MS: Final = 900
REGIMES: Final = "regimes"
RECOVERY: Final = "mode"
NUMBERS: Final = ("drawdown_bps", "exposure_share_bps", "losing_streak")


class Asked(Protocol):
    """A part of the fund; Retryable when it does not answer."""

    async def condition(self) -> Condition:
        """Return how it is."""


class AskedLine:
    """A part at the other end of a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def condition(self) -> Condition:
        """Return how it is."""
        found: Condition = await self._line.ask("condition", within_ms=ANSWER_MS)
        return found


class RollCall:
    """Some parts, and what each said last."""

    def __init__(self, parts: Mapping[str, Asked], clock: Callable[[], int] = now_ms) -> None:
        self.names = frozenset(parts)
        self._parts, self._clock = dict(parts), clock
        self._heard: dict[str, tuple[Condition, int]] = {}

    async def take(self) -> None:
        """Ask every part once."""
        await asyncio.gather(*map(self._ask, self._parts))

    def seen(self, at_ms: int) -> Seen:
        """Return what is known of the fund now."""
        young = {name: said for name, (said, heard_ms) in self._heard.items() if at_ms - heard_ms <= SILENCE_MAX_MS}
        facts = [said.facts for said in young.values()]
        regimes: Mapping[str, str] = next((known[REGIMES] for known in facts if REGIMES in known), {})
        drawdown_bps, exposure_share_bps, losing_streak = (_worst(facts, name) for name in NUMBERS)
        healths = {name: said.health for name, said in young.items()}
        stop = young.get(EMERGENCY_STOP)
        recovery = stop.facts.get(RECOVERY) if stop else None
        return Seen(healths, regimes, drawdown_bps, exposure_share_bps, losing_streak, recovery)

    async def _ask(self, name: str) -> None:
        try:
            self._heard[name] = await self._parts[name].condition(), self._clock()
        except Retryable:
            return


def _worst(facts: list[Mapping[str, Any]], name: str) -> int | None:
    return max((known[name] for known in facts if known.get(name) is not None), default=None)
