"""Emergency word: what an emergency stop tells of what it has done, with what its own stream has shown of it.

Nothing is done here and nothing waits for it: acting comes first.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from qt_ray.actors.emergency_stop import Told
from qt_ray.adapters.clock import now_ms
from qt_ray.core.events import Event, event
from qt_ray.core.notices import CauseCleared, EmergencyTripped
from qt_ray.core.payloads import EmergencyRecovered, EmergencyTriggered

SOURCE: Final = "emergency_stop"


class EmergencyWord:
    """Tells one account's; what was held and cancelled is counted from the trip on."""

    def __init__(
        self,
        tell: Callable[[Event], None],
        seen: Callable[[], tuple[Mapping[str, Decimal], int]],
        drawdown_bps: Callable[[], float | None],
        epoch: Callable[[], int],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Tell through `tell`; `seen` is what is held by now, and how many orders were seen cancelled."""
        self._tell, self._seen, self._drawdown_bps = tell, seen, drawdown_bps
        self._epoch, self._clock = epoch, clock
        self._held_then = self._cancelled_then = 0

    def told(self, told: Told) -> None:
        """Say what was done."""
        if told.what == "tripped":
            held, self._cancelled_then = self._seen()
            self._held_then = len(held)
            what = EmergencyTripped(told.cause, told.emergency.reason, told.by, self._epoch())
            self.say("system.emergency.tripped", what)
        elif told.what == "flat":
            self.say("system.emergency.triggered", self._outcome(told))
        else:
            left = tuple(told.emergency.causes)
            self.say("system.emergency.cause_cleared", CauseCleared(told.cause, told.by, told.reason, left))

    def climbed(self, step: EmergencyRecovered) -> None:
        """Say that a step was taken out of an emergency."""
        self.say("system.emergency.recovered", step)

    def say(self, kind: str, payload: Any) -> None:
        """Say something that was seen."""
        self._tell(event(kind, payload, SOURCE, self._clock()))

    def _outcome(self, told: Told) -> EmergencyTriggered:
        held, cancelled = self._seen()
        drawdown = self._drawdown_bps()
        return EmergencyTriggered(
            severity="critical",
            reason=told.emergency.reason,
            drawdown_bps=None if drawdown is None else round(drawdown),
            positions_closed=max(self._held_then - len(held), 0),
            orders_canceled=cancelled - self._cancelled_then,
            residual=dict(held),
            epoch=self._epoch(),
        )
