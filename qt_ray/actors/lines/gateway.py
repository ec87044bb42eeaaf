"""Line to the gateway: errands go there, tidings come from there, and neither is done twice for being asked twice."""

from typing import Final

from qt_ray.actors.line import Line
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Tiding
from qt_ray.monitoring.health import Condition
from qt_ray.risk.at_work import AtWork

BEYOND_MS: Final = 2_000
# An answer that comes later is too old to be believed for long.
AT_WORK_MS: Final = 1_000


class GatewayLine:
    """Asks the account's gateway."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        """Have errands carried out; a no comes as an end among the tidings."""
        await self._line.ask("errands", errands, stamp)

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        """Return what came after the tiding `after`, as soon as there is something, or nothing after `wait_ms`."""
        found: tuple[Tiding, ...] = await self._line.ask("tidings", after, wait_ms, within_ms=wait_ms + BEYOND_MS)
        return found

    async def at_work(self) -> AtWork:
        """Return the entries that may still fill."""
        found: AtWork = await self._line.ask("at_work", within_ms=AT_WORK_MS)
        return found

    async def end_entries(self, reason: str) -> None:
        """Have everything taken back that rests and may open."""
        await self._line.ask("end_entries", reason)

    async def condition(self) -> Condition:
        """Return how the gateway is."""
        found: Condition = await self._line.ask("condition")
        return found
