"""Consumer: one effect for each event, however often it is delivered, and an acknowledgement only after the effect.

The effect and the note that it happened are one durable step, which is the handler's to make: it is asked first whether
it knows the event. What may succeed later is left pending, and tried again by whoever claims it; what fails five times,
or can never succeed, is put aside.
"""

from collections import Counter
from collections.abc import Collection
from typing import Final, Protocol

from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event
from qt_ray.governance.bus import CLAIM_IDLE_MS, DELIVERIES_MAX, Delivery, EventBus

READ_MAX: Final = 100
WAIT_MS: Final = 1_000


class Effects(Protocol):
    """What a group does about events."""

    def knows(self, event: Event) -> bool:
        """Return whether the effect of an event is committed already."""

    async def commit(self, event: Event) -> None:
        """Do what an event asks for and note it, as one durable step; Retryable to be asked again, Invalid never."""


class Consumer:
    """One member of a group; `counts` is what became of deliveries."""

    def __init__(
        self,
        bus: EventBus,
        group: str,
        name: str,
        kinds: Collection[str],
        effects: Effects,
        idle_ms: int = CLAIM_IDLE_MS,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._bus, self._group, self._name = bus, group, name
        self._kinds, self._effects, self._idle_ms = frozenset(kinds), effects, idle_ms

    async def turn(self, wait_ms: int = WAIT_MS) -> int:
        """Take what others have left and what is new, and return how much that was."""
        found = await self._bus.claim(self._group, self._name, READ_MAX, self._idle_ms)
        found += await self._bus.hear(self._group, self._name, READ_MAX, 0 if found else wait_ms)
        useless = [delivery for delivery in found if self._is_useless(delivery.event)]
        if useless:  # most of what a bus carries is for somebody else, and is passed by in one step
            self.counts["of no use"] += len(useless)
            await self._bus.finish(self._group, useless)
        for delivery in found:
            if not self._is_useless(delivery.event):
                await self._take(delivery)
        return len(found)

    def _is_useless(self, event: Event | None) -> bool:
        return event is not None and event.type not in self._kinds

    async def _take(self, delivery: Delivery) -> None:
        event = delivery.event
        if event is None:
            await self._bury(delivery, delivery.fault)
        elif self._effects.knows(event):
            self.counts["known"] += 1
            await self._bus.finish(self._group, [delivery])
        else:
            await self._do(delivery, event)

    async def _do(self, delivery: Delivery, event: Event) -> None:
        try:
            await self._effects.commit(event)
        except Invalid as fault:
            await self._bury(delivery, str(fault))
        except Retryable as fault:
            if delivery.times >= DELIVERIES_MAX:
                await self._bury(delivery, f"{delivery.times} deliveries, the last: {fault}")
            self.counts["left"] += delivery.times < DELIVERIES_MAX
        else:
            self.counts["done"] += 1
            await self._bus.finish(self._group, [delivery])

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        self.counts["buried"] += 1
        await self._bus.bury(self._group, delivery, reason)
