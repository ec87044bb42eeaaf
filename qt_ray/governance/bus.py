"""Event bus: at least once to every group, in order, and no publication twice, whatever replies are lost.

A delivery stays pending until its group says that its effect is committed; one that a dead consumer has left is
claimed by another. What fails again and again, or cannot be read, is put aside where a person finds it, never
dropped and never in the way of what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from qt_ray.core.events import Event

CLAIM_IDLE_MS: Final = 30_000
DELIVERIES_MAX: Final = 5
BATCH_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event at its place in the stream, delivered for the n-th time; one that cannot be read has a `fault`."""

    position: str
    event: Event | None
    times: int = 1
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A group has missed what was trimmed away before it was read: its state is to be built anew from the journal.

    How much that was is not always known.
    """

    group: str
    missed: int | None


class EventBus(Protocol):
    """Carries events. Retryable when it cannot be reached; whoever asked may ask again."""

    async def publish(self, events: Sequence[Event]) -> int:
        """Return how many of `events` were new, all of them on the bus."""

    async def join(self, group: str, from_start: bool = False) -> None:
        """Let a group hear what is published from now on, or all that is kept."""

    async def hear(self, group: str, consumer: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Return what nobody of the group has heard yet, after at most `wait_ms`."""

    async def read(self, after: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Return what follows the position `after`, for anybody and as often as he asks; "" is before the first."""

    async def position(self, since_ms: int) -> str:
        """Return the position to `read` on from to hear all that was published since a moment."""

    async def claim(self, group: str, consumer: str, most: int, idle_ms: int = CLAIM_IDLE_MS) -> tuple[Delivery, ...]:
        """Return what another consumer has heard and not finished for so long."""

    async def finish(self, group: str, deliveries: Sequence[Delivery]) -> None:
        """Take in that the effects of deliveries are committed."""

    async def bury(self, group: str, delivery: Delivery, reason: str) -> None:
        """Put a delivery aside for a person, and finish it."""

    async def gap(self, group: str) -> Gap | None:
        """Return what a group can never hear any more, if there is anything."""
