"""Emergency door: the account's own user stops it over a socket in its folder, whatever Ray and Serve are busy with.

What it answers has the form of the console's own answers, so whoever reads one reads the other.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from qt_ray.adapters.latch import Latch
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import TEXT_MAX
from qt_ray.monitoring.emergency import EmergencyStatus, Stopped
from qt_ray.monitoring.outward import outward
from qt_ray.risk.ess import Cause, Emergency

DEEDS: Final = ("trip", "status")
NO_REASON: Final = "no reason was given"


class Stop(Protocol):
    """The emergency stop in this process."""

    async def trip(self, cause: Cause, reason: str, by: str) -> Emergency:
        """Stop the account; what this returns is begun already."""

    async def status(self) -> EmergencyStatus:
        """Return where it is, what it sees, and how its last flattening went."""


class EmergencyDoor:
    """Answers at the door of one account's emergency stop."""

    def __init__(self, stop: Stop, latch: Latch) -> None:
        self._stop, self._latch = stop, latch

    async def answer(self, asked: Mapping[str, Any], person: str) -> Any:
        """Stop the account, or say how it stands; a reason that cannot be read keeps nothing from being stopped."""
        deed = asked.get("do")
        if deed == "status":
            return outward({"ess": await self._stop.status(), "latch": self._latch.state()})
        if deed != "trip":
            raise Invalid(f"a door is asked to do one of {', '.join(DEEDS)}, was {deed!r:.60}")
        found = await self._stop.trip(Cause.MANUAL, reason_in(asked), person)
        return outward(Stopped("emergency_stop", True, found, self._latch.state(), None, ""))


def reason_in(asked: Any) -> str:
    """Return the reason that somebody gives, in as many letters as are kept; a stop needs none."""
    reason = asked.get("reason") if isinstance(asked, dict) else None
    return reason.strip()[:TEXT_MAX] or NO_REASON if isinstance(reason, str) else NO_REASON
