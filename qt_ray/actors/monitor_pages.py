"""Monitor's pages: what others ask the monitor for, each answer bounded and ready for JSON."""

from typing import Any, Final

from qt_ray.actors.monitor import Monitor
from qt_ray.core.errors import Invalid
from qt_ray.monitoring import pages
from qt_ray.monitoring.rounds import Roll
from qt_ray.monitoring.status import health_page, status_of

ROLL_MS_MAX: Final = 30_000


class PagedMonitor(Monitor):
    """A monitor that can be asked."""

    async def status(self) -> dict[str, Any]:
        """Return the fund on one screen, in the shape qt.status/1."""
        return status_of(self.who, self.views, self.warden.rounds, self.why_silent(), self._clock())

    async def health(self) -> dict[str, Any]:
        """Return every part and the machine, in the shape qt.health/1."""
        return health_page(self.warden.rounds, self._reach.machine(self.warden.rounds), self._clock())

    async def roll(self, turn: int, wait_ms: int) -> Roll:
        """Return how all parts are, once there is news after `turn`, or after `wait_ms`."""
        if not 0 < wait_ms <= ROLL_MS_MAX:
            raise Invalid(f"wait_ms: 1 to {ROLL_MS_MAX}, was {wait_ms}")
        return await self.warden.roll(turn, wait_ms)

    async def decisions(self, count: int, before: str | None = None) -> list[dict[str, Any]]:
        """Return the newest decisions, those before the decision `before` if it is known."""
        return pages.decisions_page(self.views, count, before)

    async def decision(self, decision_id: str) -> dict[str, Any] | None:
        """Return one decision with its reasons and what followed, or nothing if it is not known here."""
        return pages.decision_page(self.views, decision_id)

    async def portfolio(self) -> dict[str, Any]:
        """Return what the account holds and what it was worth over time."""
        return pages.portfolio_page(self.views)

    async def orders(self, count: int) -> dict[str, Any]:
        """Return the orders at work, and those that ended last."""
        return pages.orders_page(self.views, count)

    async def fills(self, count: int) -> list[dict[str, Any]]:
        """Return the last executions."""
        return pages.fills_page(self.views, count)

    async def trips(self, count: int) -> list[dict[str, Any]]:
        """Return the last round trips."""
        return pages.trips_page(self.views, count)

    async def timeline(self, count: int, *prefixes: str) -> list[dict[str, Any]]:
        """Return what was noted last, of some kinds or of all."""
        return pages.timeline_page(self.views, count, *prefixes)

    async def alerts(self) -> list[dict[str, Any]]:
        """Return every alert as it stands."""
        return pages.alerts_page(self.book.alerts)

    async def acknowledge(self, key: str, person: str) -> dict[str, Any]:
        """Take a trouble on: it is not told again unless it gets worse."""
        return pages.alerts_page([self.book.acknowledge(key, person, self._clock())])[0]
