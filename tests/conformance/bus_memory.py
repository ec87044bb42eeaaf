"""An event bus without a server, as honest as the real one: events pass through their bytes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event, decode_event, encode_event
from qt_ray.governance.bus import CLAIM_IDLE_MS, Delivery, Gap


@dataclass
class Pending:
    consumer: str
    since: float
    times: int = 1


@dataclass
class Group:
    next: int
    pending: dict[int, Pending] = field(default_factory=dict)


class MemoryBus:
    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.added_ms: list[int] = []
        self.first = self.finishes = 0
        self.groups: dict[str, Group] = {}
        self.dead: list[tuple[str, str, bytes]] = []
        self._ids: set[str] = set()

    async def publish(self, events: Sequence[Event]) -> int:
        new = {event.id: event for event in events if event.id not in self._ids}
        self._ids |= new.keys()
        self.added_ms += [now_ms()] * len(new)
        self.entries += [encode_event(event) for event in new.values()]
        return len(new)

    async def join(self, group: str, from_start: bool = False) -> None:
        self.groups.setdefault(group, Group(self.first if from_start else len(self.entries)))

    async def hear(self, group: str, consumer: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        found = self._group(group)
        if found.next >= len(self.entries):
            await asyncio.sleep(wait_ms / 1_000)
        places = range(max(found.next, self.first), min(found.next + most, len(self.entries)))
        for place in places:
            found.pending[place] = Pending(consumer, self._now())
        found.next = max(found.next, places.stop)
        return tuple(self._delivery(place, 1) for place in places)

    async def read(self, after: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        start = max(int(after) + 1 if after else 0, self.first)
        if start >= len(self.entries):
            await asyncio.sleep(wait_ms / 1_000)
        return tuple(self._delivery(place, 1) for place in range(start, min(start + most, len(self.entries))))

    async def position(self, since_ms: int) -> str:
        before = [place for place, added_ms in enumerate(self.added_ms) if added_ms < since_ms]
        return str(before[-1]) if before else ""

    async def claim(self, group: str, consumer: str, most: int, idle_ms: int = CLAIM_IDLE_MS) -> tuple[Delivery, ...]:
        pending = self._group(group).pending
        idle = [place for place, left in pending.items() if (self._now() - left.since) * 1_000 >= idle_ms][:most]
        for place in idle:
            pending[place] = Pending(consumer, self._now(), pending[place].times + 1)
        return tuple(self._delivery(place, pending[place].times) for place in idle)

    async def finish(self, group: str, deliveries: Sequence[Delivery]) -> None:
        self.finishes += 1
        for delivery in deliveries:
            self._group(group).pending.pop(int(delivery.position), None)

    async def bury(self, group: str, delivery: Delivery, reason: str) -> None:
        self.dead.append((group, reason, self.entries[int(delivery.position)]))
        await self.finish(group, [delivery])

    async def gap(self, group: str) -> Gap | None:
        lost = self.first - self._group(group).next
        return Gap(group, lost) if lost > 0 else None

    def _group(self, name: str) -> Group:
        if name not in self.groups:
            raise Invalid(f"a group has joined the bus, {name} has not")
        return self.groups[name]

    def _delivery(self, place: int, times: int) -> Delivery:
        try:
            return Delivery(str(place), decode_event(self.entries[place]), times)
        except Invalid as error:
            return Delivery(str(place), None, times, str(error))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    # What the suite does to any bus from outside

    async def poison(self, body: bytes) -> None:
        self.entries.append(body)
        self.added_ms.append(now_ms())

    async def trim(self, kept: int) -> None:
        self.first = max(len(self.entries) - kept, 0)

    async def buried_bodies(self) -> list[tuple[str, str, bytes]]:
        return list(self.dead)
