"""Event bus on Redis Streams: one stream of a fund's events, a group for each kind of listener.

A publication sets the event's mark and adds it to the stream in one transaction that watches the mark, so a retry
after a lost reply finds the mark and adds nothing. Marks outlive every retry by far; consumers know an id for longer.
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError, WatchError

from qt_ray.adapters.redis.link import ANSWER_S, asked
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, decode_event, encode_event
from qt_ray.governance.bus import BATCH_MAX, CLAIM_IDLE_MS, Delivery, Gap

KEPT_MAX: Final = 1_000_000
BURIED_MAX: Final = 10_000
MARK_S: Final = 7_200
TRIES_MAX: Final = 100
SEQUENCE_MAX: Final = (1 << 64) - 1
FIELD: Final = b"event"
# A server that is silent for as long as a link has patience looks dead: nobody waits for news as long as that at once.
BLOCK_MS_MAX: Final = int(ANSWER_S * 500)


class RedisBus:
    """An EventBus of one fund."""

    def __init__(self, redis: "Redis", fund: str = "fund", kept_max: int = KEPT_MAX) -> None:
        self._redis, self._kept_max = redis, kept_max
        self.stream = f"qt:{fund}:events"
        self.buried = f"qt:{fund}:buried"
        self._mark = f"qt:{fund}:published:"

    async def publish(self, events: Sequence[Event]) -> int:
        """Return how many of `events` were new, all of them on the bus."""
        new = 0
        for at in range(0, len(events), BATCH_MAX):
            new += await self._published(events[at : at + BATCH_MAX])
        return new

    async def join(self, group: str, from_start: bool = False) -> None:
        """Let a group hear what is published from now on, or all that is kept."""
        async with asked("a group"):
            try:
                await self._redis.xgroup_create(self.stream, group, id="0" if from_start else "$", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def hear(self, group: str, consumer: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Return what nobody of the group has heard yet, after at most `wait_ms`."""
        async with asked("a stream"):
            found: Any = await self._redis.xreadgroup(
                group, consumer, {self.stream: ">"}, count=most, block=_blocked_ms(wait_ms)
            )
        return tuple(_delivery(entry[0], entry[1], 1) for _, entries in found or () for entry in entries)

    async def read(self, after: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        """Return what follows the position `after`, for anybody and as often as he asks; "" is before the first."""
        async with asked("a stream"):
            found: Any = await self._redis.xread({self.stream: after or "0"}, count=most, block=_blocked_ms(wait_ms))
        return tuple(_delivery(entry[0], entry[1], 1) for _, entries in found or () for entry in entries)

    async def position(self, since_ms: int) -> str:
        """Return the position to `read` on from to hear all that was published since a moment."""
        return f"{max(since_ms, 1) - 1}-{SEQUENCE_MAX}"  # the server numbers entries by its clock

    async def claim(self, group: str, consumer: str, most: int, idle_ms: int = CLAIM_IDLE_MS) -> tuple[Delivery, ...]:
        """Return what another consumer has heard and not finished for so long."""
        async with asked("a claim"):
            left: Any = await self._redis.xpending_range(self.stream, group, "-", "+", most, idle=idle_ms)
            times = {entry["message_id"]: int(entry["times_delivered"]) + 1 for entry in left}
            if not times:
                return ()
            found: Any = await self._redis.xclaim(self.stream, group, consumer, idle_ms, list(times))
        return tuple(_delivery(position, fields, times[position]) for position, fields in found)

    async def finish(self, group: str, deliveries: Sequence[Delivery]) -> None:
        """Take in that the effects of deliveries are committed."""
        if deliveries:
            async with asked("an acknowledgement"):
                await self._redis.xack(self.stream, group, *(delivery.position for delivery in deliveries))

    async def bury(self, group: str, delivery: Delivery, reason: str) -> None:
        """Put a delivery aside for a person, and finish it."""
        async with asked("a burial"):
            kept: Any = await self._redis.xrange(self.stream, delivery.position, delivery.position)
            body = kept[0][1].get(FIELD, b"") if kept else b""
            told: dict[Any, Any] = {"group": group, "position": delivery.position, "reason": reason, "event": body}
            async with self._redis.pipeline(transaction=True) as both:
                both.xadd(self.buried, told, maxlen=BURIED_MAX, approximate=True)
                both.xack(self.stream, group, delivery.position)
                await both.execute()

    async def gap(self, group: str) -> Gap | None:
        """Return what a group can never hear any more, if there is anything."""
        async with asked("a stream's state"):
            stream: Any = await self._redis.xinfo_stream(self.stream)
            groups: Any = await self._redis.xinfo_groups(self.stream)
        found = next((entry for entry in groups if entry["name"] == group.encode()), None)
        if found is None:
            raise Invalid(f"a group has joined the bus, {group} has not")
        if "entries-added" in stream and found["entries-read"] is not None:
            lost = int(stream["entries-added"]) - int(stream["length"]) - int(found["entries-read"])
            return Gap(group, lost) if lost > 0 else None
        return await self._may_have_missed(group, found["last-delivered-id"], stream["last-generated-id"])

    async def _may_have_missed(self, group: str, last: bytes, newest: bytes) -> Gap | None:
        """Return whether what a group has read last is gone; a server before 7 does not know what else is."""
        if last in (b"0-0", newest):
            return None
        async with asked("a stream's entry"):
            is_there: Any = await self._redis.xrange(self.stream, last, last)
        return None if is_there else Gap(group, None)

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _published(self, events: Sequence[Event]) -> int:
        marked = {f"{self._mark}{event.id}": event for event in events}
        async with asked("a publication"), self._redis.pipeline(transaction=True) as together:
            for _ in range(TRIES_MAX):
                try:
                    return await self._added(together, marked)
                except WatchError:  # somebody published one of them at the same moment: look again
                    continue
        raise Retryable(f"redis: a publication is alone with its events, it was not {TRIES_MAX} times")

    async def _added(self, together: "Pipeline", marked: dict[str, Event]) -> int:
        await together.watch(*marked)
        known = await together.mget(list(marked))
        new = {mark: event for (mark, event), found in zip(marked.items(), known, strict=True) if found is None}
        together.multi()  # type: ignore[no-untyped-call]
        for mark, event in new.items():
            together.set(mark, 1, ex=MARK_S)
            fields: dict[Any, Any] = {FIELD: encode_event(event)}
            together.xadd(self.stream, fields, maxlen=self._kept_max, approximate=True)
        await together.execute()
        return len(new)


def _blocked_ms(wait_ms: int) -> int | None:
    """Return for how long the server may hold an answer back; nothing is not to hold it back at all."""
    return min(wait_ms, BLOCK_MS_MAX) if wait_ms > 0 else None


def _delivery(position: bytes, fields: dict[bytes, bytes] | None, times: int) -> Delivery:
    place = position.decode()
    try:
        return Delivery(place, decode_event((fields or {}).get(FIELD, b"")), times)
    except Invalid as error:
        return Delivery(place, None, times, str(error))
