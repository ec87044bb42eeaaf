"""No bus: what a fund has that was told of none; every event waits on its publisher's disk until there is one.

It fails like a bus that is away, so nothing else in the house has to know the difference.
"""

from collections.abc import Sequence
from typing import Final, NoReturn

from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.governance.bus import CLAIM_IDLE_MS, Delivery, Gap

AGAIN_MS: Final = 60_000


class NoBus:
    """A bus that is never there."""

    async def publish(self, events: Sequence[Event]) -> int:
        """Refuse to carry."""
        self._refuse()

    async def join(self, group: str, from_start: bool = False) -> None:
        """Refuse to let anybody in."""
        self._refuse()

    async def hear(self, group: str, consumer: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Refuse to tell."""
        self._refuse()

    async def read(self, after: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Refuse to show."""
        self._refuse()

    async def position(self, since_ms: int) -> str:
        """Refuse to count."""
        self._refuse()

    async def claim(self, group: str, consumer: str, most: int, idle_ms: int = CLAIM_IDLE_MS) -> tuple[Delivery, ...]:
        """Refuse to hand over."""
        self._refuse()

    async def finish(self, group: str, deliveries: Sequence[Delivery]) -> None:
        """Refuse to take in."""
        self._refuse()

    async def bury(self, group: str, delivery: Delivery, reason: str) -> None:
        """Refuse to put aside."""
        self._refuse()

    async def gap(self, group: str) -> Gap | None:
        """Refuse to count."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Retryable("redis: a fund has a bus, this one was told of none")
