"""Line to the feed: rows are asked for by the last one that is known, so asking twice costs nothing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from qt_ray.actors.line import Line
from qt_ray.market.bars import Bars
from qt_ray.monitoring.health import Condition

BEYOND_MS: Final = 2_000
# A decision waits for it.
RATES_MS: Final = 200


class FeedLine:
    """Asks the venue's feed."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return all closed rows that opened after `after_ms`, as soon as there are any, or nothing after `wait_ms`."""
        found: Bars | None = await self._line.ask("rows", after_ms, wait_ms, within_ms=wait_ms + BEYOND_MS)
        return found

    async def marks(self) -> Mapping[str, Decimal]:
        """Return the newest mark of each symbol that has one."""
        found: Mapping[str, Decimal] = await self._line.ask("marks")
        return found

    async def rates(self) -> Mapping[str, Decimal]:
        """Return at which rate funding will settle next, of each symbol where it is known."""
        found: Mapping[str, Decimal] = await self._line.ask("rates", within_ms=RATES_MS)
        return found

    async def condition(self) -> Condition:
        """Return how the feed is."""
        found: Condition = await self._line.ask("condition")
        return found
