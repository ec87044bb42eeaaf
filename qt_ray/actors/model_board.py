"""Model board: where the users of models say what they have, and hear when all of them change.

It lives in the predictor and forgets nothing that matters with it: what was in force is what its users say they serve,
and what is to come is what the policy names.
"""

from collections.abc import Callable
from typing import Final

from qt_ray.actors.bell import Bell
from qt_ray.adapters.clock import now_ms
from qt_ray.ai.model_sync import Duty, Live, ModelSync, Orders, Report, duty
from qt_ray.core.errors import Invalid

WAIT_MS_MAX: Final = 1_000
Changed = Callable[[Live | None, Live], None]


def unheard(before: Live | None, after: Live) -> None:
    """Tell nobody that another version serves."""


class ModelBoard:
    """The board of one fund; `promoted` hears of every version that comes to serve."""

    def __init__(self, promoted: Changed = unheard, clock: Callable[[], int] = now_ms) -> None:
        """Begin to listen."""
        self.state = ModelSync(clock())
        self._promoted, self._clock, self._changed = promoted, clock, Bell()

    def name(self, live: Live) -> None:
        """Take in the version that the policy names."""
        self._turn(self.state.naming(live))

    async def sync(self, report: Report, wait_ms: int) -> Orders:
        """Take in how a user is, and return its orders as soon as it has something to do, or after `wait_ms`."""
        if not 0 < wait_ms <= WAIT_MS_MAX:
            raise Invalid(f"wait_ms: 1 to {WAIT_MS_MAX}, was {wait_ms}")
        at_ms = self._clock()
        self._turn(self.state.elapsed(at_ms).heard(report, at_ms))
        if duty(self.state.orders, report) == Duty():
            await self._changed.heard(wait_ms)
        return self.state.orders

    def _turn(self, after: ModelSync) -> None:
        before, self.state = self.state.orders, after
        if after.orders == before:
            return
        self._changed.ring()
        serve = after.orders.serve
        if serve is not None and (before.serve is None or before.serve.version != serve.version):
            self._promoted(before.serve, serve)
