"""Emergency deed: what is done once an account was stopped, until nothing is left to do.

The policy store is told until it has acknowledged, and the account is flattened until it is flat. Neither waits for the
other, so a store that is down delays no cancel, and a venue that is down no fence.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from qt_ray.adapters.flattener import Means, flatten
from qt_ray.core.errors import Retryable
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.venue.session import VenueSession
from qt_ray.risk.ess import Emergency

AGAIN_MS: Final = 1_000
NAME: Final = "emergency_stop"


class Fence(Protocol):
    """The policy store, as far as an emergency needs it."""

    async def begin_emergency(self, reason: str) -> int:
        """Return the epoch once no order of an older one can leave; Retryable if the store does not answer."""

    async def end_emergency(self, person: str, reason: str) -> int:
        """Return the epoch in which entries are let in again; Retryable or Invalid if they are not."""


class EmergencyDeed:
    """Carries out one account's emergencies, of which `now` is the latest; `flat` hears how each flattening went.

    `outcome` is how the last one went, `fenced_ms` how long after its trip no entry of before could leave.
    """

    def __init__(
        self,
        session: VenueSession,
        fence: Fence,
        means: Means,
        begun: Callable[[int], Flattening],
        now: Callable[[], Emergency],
        flat: Callable[[Report], None],
    ) -> None:
        """Have nothing to do until urged; `begun` is how a flattening begins at a moment."""
        self.outcome: Report | None = None
        self.fenced_ms: int | None = None
        self._session, self._fence, self._means = session, fence, means
        self._begun, self._now, self._flat = begun, now, flat
        self._work = asyncio.Event()
        self._flattening: Flattening | None = None

    def urge(self, at_ms: int) -> None:
        """Begin, or end a pause in what is under way."""
        if self._flattening is not None:
            self._flattening.activate(at_ms)
        self._work.set()

    async def run(self) -> None:
        """Carry out what is urged until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._until_acknowledged())
                both.create_task(self._until_flat())

    async def _until_acknowledged(self) -> None:
        clock = self._means.clock
        while self._now().state.is_latched:
            with suppress(Retryable):
                await self._fence.begin_emergency(self._now().reason)
                self.fenced_ms = clock.now_ms() - (self._now().tripped_at_ms or 0)
                return
            await clock.sleep(AGAIN_MS)

    async def _until_flat(self) -> None:
        self._flattening = self._begun(self._means.clock.now_ms())
        self.outcome = await flatten(self._session, self._flattening, self._means, self._now().reason, NAME)
        self._flattening = None
        self._flat(self.outcome)
