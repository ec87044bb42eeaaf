"""Line to the monitor: what pages, commands and the gate in front of entries ask of it."""

from typing import Any, Final

from qt_ray.actors.line import Line
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.patches import Patch
from qt_ray.monitoring.rounds import Roll

PROBES_MS: Final = 8_000
SILENT_MS: Final = 1_000
# Whoever hears nothing asks each part by himself, and soon.
ROLL_BEYOND_MS: Final = 500


class MonitorLine:
    """Asks the monitor."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def why_silent(self) -> str | None:
        """Return why nothing new may be opened, or nothing."""
        found: str | None = await self._line.ask("why_silent", within_ms=SILENT_MS)
        return found

    async def condition(self) -> Condition:
        """Return how the monitor is."""
        found: Condition = await self._line.ask("condition")
        return found

    async def status(self) -> dict[str, Any]:
        """Return the fund on one screen, in the shape qt.status/1."""
        found: dict[str, Any] = await self._line.ask("status")
        return found

    async def health(self) -> dict[str, Any]:
        """Return every part and the machine, in the shape qt.health/1."""
        found: dict[str, Any] = await self._line.ask("health")
        return found

    async def roll(self, turn: int, wait_ms: int) -> Roll:
        """Return how all parts are, once there is news after `turn`, or after `wait_ms`."""
        found: Roll = await self._line.ask("roll", turn, wait_ms, within_ms=wait_ms + ROLL_BEYOND_MS)
        return found

    async def decisions(self, count: int, before: str | None = None) -> list[dict[str, Any]]:
        """Return the newest decisions, those before the decision `before` if it is known."""
        found: list[dict[str, Any]] = await self._line.ask("decisions", count, before)
        return found

    async def decision(self, decision_id: str) -> dict[str, Any] | None:
        """Return one decision with its reasons and what followed, or nothing if it is not known here."""
        found: dict[str, Any] | None = await self._line.ask("decision", decision_id)
        return found

    async def portfolio(self) -> dict[str, Any]:
        """Return what the account holds and what it was worth over time."""
        found: dict[str, Any] = await self._line.ask("portfolio")
        return found

    async def orders(self, count: int) -> dict[str, Any]:
        """Return the orders at work, and those that ended last."""
        found: dict[str, Any] = await self._line.ask("orders", count)
        return found

    async def fills(self, count: int) -> list[dict[str, Any]]:
        """Return the last executions."""
        found: list[dict[str, Any]] = await self._line.ask("fills", count)
        return found

    async def trips(self, count: int) -> list[dict[str, Any]]:
        """Return the last round trips."""
        found: list[dict[str, Any]] = await self._line.ask("trips", count)
        return found

    async def timeline(self, count: int, *prefixes: str) -> list[dict[str, Any]]:
        """Return what was noted last: emergencies, policy, health, models, and who was refused."""
        found: list[dict[str, Any]] = await self._line.ask("timeline", count, *prefixes)
        return found

    async def alerts(self) -> list[dict[str, Any]]:
        """Return every alert as it stands."""
        found: list[dict[str, Any]] = await self._line.ask("alerts")
        return found

    async def acknowledge(self, key: str, person: str) -> dict[str, Any]:
        """Take a trouble on: it is not told again unless it gets worse."""
        found: dict[str, Any] = await self._line.ask("acknowledge", key, person)
        return found

    async def patches(self) -> tuple[Patch, ...]:
        """Return whether the seven founding requirements hold now."""
        found: tuple[Patch, ...] = await self._line.ask("patches", within_ms=PROBES_MS)
        return found
