"""Publisher: events go to the bus, and to the buffer while there is none; nobody who trades waits for either.

What waits behind an outage goes first, so order is kept; a reply that was lost makes the same events go again, which
the bus knows. Commands are not told late: what should have been done then is not done now.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import BusRecovered
from qt_ray.governance.bus import BATCH_MAX, EventBus

WAITING_MAX: Final = 10_000
AGAIN_MS: Final = 200
COMMANDS: Final = frozenset({"trade.execution_requested"})


class Publisher:
    """One process's way to the bus; `late` counts commands that an outage has outdated.

    `taken` counts all events that were ever told here, and the first `carried` of them cannot be lost any more.
    """

    def __init__(
        self,
        bus: EventBus,
        buffer: EventBuffer,
        source: str,
        clock: Callable[[], int] = now_ms,
        again_ms: int = AGAIN_MS,
    ) -> None:
        self._bus, self._buffer, self._source, self._clock = bus, buffer, source, clock
        self._again_s = again_ms / 1_000
        self._waiting: deque[Event] = deque()
        self._some, self._one_at_a_time = asyncio.Event(), asyncio.Lock()
        self._outage_ms: int | None = None if buffer.is_empty else clock()
        self._kept = self._replayed = 0
        self.taken = self.carried = 0
        self._under_way = 0
        self.late: Counter[str] = Counter()

    @property
    def is_reaching(self) -> bool:
        """Return whether what is told reaches the bus now."""
        return self._outage_ms is None

    @property
    def shed(self) -> Counter[str]:
        """Return what a full buffer did not keep, by kind."""
        return self._buffer.shed

    def tell(self, *events: Event) -> None:
        """Publish soon; what does not fit in memory is on disk before this returns."""
        self.taken += len(events)
        room = WAITING_MAX - len(self._waiting)
        if len(events) > room:
            self._keep([*self._waiting, *events])
            self._waiting.clear()
            self._count()
        else:
            self._waiting.extend(events)
        self._some.set()

    async def publish(self, *events: Event) -> None:
        """Return once `events` are on the bus or on disk; Retryable if they can be on neither."""
        before, self._waiting = list(self._waiting), deque()
        self.taken += len(events)
        await self._send([*before, *events])

    async def run(self) -> None:
        """Carry what is told until cancelled; what then still waits is on disk."""
        try:
            while True:
                if not self.is_reaching:
                    await self._replay()
                elif not self._waiting:
                    self._some.clear()
                    await self._some.wait()
                await self.publish()
        finally:
            self._keep(list(self._waiting))
            self._waiting.clear()
            self._count()

    def close(self) -> None:
        """Give the buffer back; what waits in it stays on disk for the next life."""
        self._buffer.close()

    async def _send(self, events: Sequence[Event]) -> None:
        self._under_way += len(events)
        try:
            async with self._one_at_a_time:
                if self.is_reaching and events:
                    await self._bus.publish(events)
                    self._landed(len(events))
                    return
        except Retryable:
            pass  # the disk takes them
        except asyncio.CancelledError:
            self._keep(events)
            self._landed(len(events))
            raise
        self._keep(events)
        self._landed(len(events))

    def _landed(self, count: int) -> None:
        """Take in that so many are on the bus or on disk; where neither took them, nothing counts as carried again."""
        self._under_way -= count
        self._count()

    def _count(self) -> None:
        """Count what is carried, while nothing older than the last of it is under way."""
        if not self._under_way:
            self.carried = self.taken - len(self._waiting)

    def _keep(self, events: Sequence[Event]) -> None:
        if not events:
            return
        if self._outage_ms is None:
            self._outage_ms, self._kept, self._replayed = self._clock(), 0, 0
        self._kept += self._buffer.keep(events)
        self._some.set()

    async def _replay(self) -> None:
        """Publish what was kept, the oldest first, until the bus fails again or nothing is left."""
        while (batch := self._buffer.next_batch(BATCH_MAX)) is not None:
            told = [event for event in batch.events if event.type not in COMMANDS]
            try:
                await self._bus.publish(told)
            except Retryable:
                await asyncio.sleep(self._again_s)
                return
            self.late.update(event.type for event in batch.events if event.type in COMMANDS)
            self._buffer.published(batch)
            self._replayed += len(told)
        self._recovered()

    def _recovered(self) -> None:
        now, since = self._clock(), self._outage_ms
        self._outage_ms = None
        what = BusRecovered(self._kept, self._replayed, now - (since if since is not None else now))
        self.tell(event("system.redis_recovered", what, self._source, now))
