"""Sockets: how long a stream socket lives and how much it may say, apart from what it says.

Whoever does not answer a ping, talks too much or has been here for a day is shown out, at times that a caller brings.
"""

from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from qt_ray.adapters.paper.frames import PING, closing, frame
from qt_ray.adapters.paper.hub import Listener
from qt_ray.adapters.paper.stream_names import Road

INBOUND_MAX, INBOUND_MS = 10, 1_000


@dataclass(frozen=True, slots=True)
class Manners:
    """How long a socket may live, how often it is pinged, and how long its pong may take."""

    ping_ms: int = 180_000
    pong_ms: int = 600_000
    life_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of a stream socket says: road, form, streams, listen key and wanted events."""

    road: Road
    is_wrapped: bool
    names: tuple[str, ...]
    listen_key: str | None
    events: frozenset[str] | None


@dataclass(eq=False, slots=True)
class Guest:
    """A listener as a socket with a life."""

    listener: Listener
    opened_ms: int
    pinged_ms: int
    ponged_ms: int
    said: deque[int] = field(default_factory=deque)

    def says(self, now_ms: int) -> bool:
        """Count a message of the client; False when it says too much."""
        self.said.append(now_ms)
        while self.said[0] <= now_ms - INBOUND_MS:
            self.said.popleft()
        return len(self.said) <= INBOUND_MAX

    def due(self, manners: Manners, now_ms: int) -> bytes | None:
        """Return the frame that is due to the client now, if one is: a ping or a farewell."""
        if now_ms - self.opened_ms >= manners.life_ms:
            return closing(1001, "24 hours are over")
        if now_ms - self.ponged_ms >= manners.pong_ms:
            return closing(1008, "Pong timeout")
        if now_ms - self.pinged_ms >= manners.ping_ms:
            self.pinged_ms = now_ms
            return frame(str(now_ms).encode(), PING)
        return None


def is_farewell(blob: bytes) -> bool:
    """Return whether a frame ends the conversation."""
    return blob[0] == 0x88


def address_of(path: str, query: str) -> Address | None:
    """Return what the path of a stream socket says, or None when there is nothing at that path.

    Streams stand in the path after `/ws/` or in `streams=` after `/stream`; what is no stream is taken for a listen
    key or ignored, for clients put junk there.
    """
    parts = [part for part in path.split("/") if part]
    road = Road.ANY
    if parts and parts[0] in (Road.PUBLIC, Road.MARKET, Road.PRIVATE):
        road = Road(parts.pop(0))
    if not parts or parts[0] not in ("ws", "stream"):
        return None
    asked = dict(parse_qsl(query))
    names = [*parts[1:], *asked.get("streams", "").split("/")]
    events = asked.get("events")
    return Address(
        road=road,
        is_wrapped=parts[0] == "stream",
        names=tuple(name for name in names if name),
        listen_key=asked.get("listenKey"),
        events=frozenset(events.split("/")) if events else None,
    )
