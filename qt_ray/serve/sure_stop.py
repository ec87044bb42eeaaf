"""Sure stop: the line to the emergency stop of somebody who has another way: all that can go wrong is one answer."""

from ray.exceptions import RayError

from qt_ray.actors.lines.emergency_stop import EmergencyStopLine
from qt_ray.core.errors import Retryable
from qt_ray.risk.ess import Cause, Emergency


class SureStop(EmergencyStopLine):
    """Asks the emergency stop, and never fails in a way that nobody has foreseen."""

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        """Have the account stopped; Retryable if that failed in any way."""
        try:
            return await super().trip(cause, reason, by)
        except RayError as fault:
            raise Retryable(f"EmergencyStop.trip: is carried out, was {type(fault).__name__}") from fault
