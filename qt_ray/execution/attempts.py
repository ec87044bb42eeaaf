"""Attempts: what only lessens risk is tried again, under a new name, as soon as the last try is in doubt.

Two stops for one position are harmless, since neither closes more than there is; none is not. So nobody waits until he
is sure: what is not answered for in a moment, is lost, or was refused for a reason that passes is followed by another,
with growing pauses. What turns out to be one too many is cancelled then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qt_ray.core.orders import Cancelled, Expired, Order, Planned, Rejected, Submitted, Unknown, progress_of
from qt_ray.execution.lifecycle import NO_SUCH_ORDER

SILENT_MS: Final = 400
PAUSES_MS: Final = (0, 100, 200, 400, 800)
AGAIN_MS: Final = 1_000
# What has ended, or grew by the moment while it filled, is let be this long before the next try.
GROWN_MS: Final = 250
PENDING: Final = (Planned, Submitted, Unknown)
# Refused for reasons that pass: it was not sent, the venue was busy, it came too late, or not at all.
PASSING: Final = ("0 ", "-503 ", "-1021 ", NO_SUCH_ORDER)


@dataclass(slots=True)
class Attempts:
    """Tries at one thing: the orders of the last, and of the whole row of tries without success that it belongs to."""

    names: tuple[str, ...] = ()
    row: tuple[str, ...] = ()
    first_ms: int = 0
    last_ms: int = 0
    failed: int = 0

    def begun(self, names: tuple[str, ...], orders: Mapping[str, Order], at_ms: int) -> None:
        """Take in the next try; it goes on with the row if the last one brought nothing."""
        if self.names and any(_brought_nothing(orders.get(name)) for name in self.names):
            self.failed, self.row = self.failed + 1, self.row + names
        else:
            self.failed, self.row, self.first_ms = 0, names, at_ms
        self.names, self.last_ms = names, at_ms

    def refusal(self, orders: Mapping[str, Order]) -> str:
        """Return why the venue has refused one of the row for its own sake, if it has."""
        found = (orders.get(name) for name in self.row)
        return next((order.reason for order in found if isinstance(order, Rejected) and is_refused(order)), "")

    def is_due(self, orders: Mapping[str, Order], at_ms: int) -> bool:
        """Return whether to try (again): `orders` are ours in whatever state."""
        if not self.names:
            return True
        found = [orders.get(name) for name in self.names]
        return at_ms - self.last_ms >= self._wait_ms(found) and not all(isinstance(o, Planned) for o in found)

    def _wait_ms(self, found: list[Order | None]) -> int:
        pause_ms = PAUSES_MS[min(self.failed, len(PAUSES_MS) - 1)]
        if None in found or any(map(is_refused, found)):
            return AGAIN_MS
        if any(isinstance(order, Unknown | Rejected) for order in found):
            return pause_ms
        if any(isinstance(order, PENDING) for order in found):
            return max(SILENT_MS, pause_ms)
        return max(GROWN_MS, pause_ms) if any(map(_brought_nothing, found)) else GROWN_MS


def is_refused(order: Order | None) -> bool:
    """Return whether an order was refused for its own sake, so that another would fare no better."""
    return isinstance(order, Rejected) and not order.reason.startswith(PASSING)


def _brought_nothing(order: Order | None) -> bool:
    """Return whether a try has neither come to rest nor traded; a market that buys nothing is not pressed harder."""
    if order is None or isinstance(order, (*PENDING, Rejected)):
        return True
    progress = progress_of(order) if isinstance(order, Expired | Cancelled) else None
    return progress is not None and not (progress.executed or progress.reported)
