"""Line to the emergency stop: a trip is begun when its answer comes, and nothing else is waited for."""

from typing import Final

from qt_ray.actors.line import Line
from qt_ray.adapters.emergency_memory import Past
from qt_ray.monitoring.emergency import EmergencyStatus
from qt_ray.monitoring.health import Condition
from qt_ray.risk.ess import Cause, Emergency

TRIP_MS: Final = 1_000


class EmergencyStopLine:
    """Asks the account's emergency stop."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        """Have the account stopped; Retryable if nobody has answered within a second, and then use another way."""
        found: Emergency = await self._line.ask("trip", cause, reason, by, within_ms=TRIP_MS)
        return found

    async def clear(self, cause: Cause, person: str, reason: str) -> Emergency:
        """Have one cause cleared, or hear why not."""
        found: Emergency = await self._line.ask("clear", cause, person, reason)
        return found

    async def status(self) -> EmergencyStatus:
        """Return where it is, what it sees, and how its last flattening went."""
        found: EmergencyStatus = await self._line.ask("status")
        return found

    async def history(self) -> tuple[Past, ...]:
        """Return what it has done, the newest last."""
        found: tuple[Past, ...] = await self._line.ask("history")
        return found

    async def condition(self) -> Condition:
        """Return whether it is armed and sees everything."""
        found: Condition = await self._line.ask("condition")
        return found
