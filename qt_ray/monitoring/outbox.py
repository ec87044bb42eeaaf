"""Outbox: what one listener is sent next: in small frames, at a bounded rate, the newest of each thing it can miss.

What it cannot miss is never replaced and never dropped: whoever falls too far behind with that is cut off, and reads
the whole anew. What stops the fund goes before everything else.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from qt_ray.core.events import Event

FRAME_MAX: Final = 10
FRAME_MS: Final = 100
PER_SECOND_MAX: Final = 50
COALESCED_MAX: Final = 1_000
CRITICAL_MAX: Final = 5_000
URGENT: Final = "system.emergency."
SECOND_MS: Final = 1_000

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """Events that go together, and how many were replaced by newer ones since the last frame."""

    events: tuple[Event, ...]
    replaced: int


class Outbox:
    """One listener's outbox."""

    def __init__(self) -> None:
        self.is_overrun = False
        self._urgent, self._critical = deque[Event](), deque[Event]()
        self._latest: dict[Key, Event] = {}
        self._replaced = 0
        self._since_ms: int | None = None
        self._sent: deque[tuple[int, int]] = deque()

    def offer(self, event: Event, at_ms: int) -> None:
        """Take an event in."""
        if event.type.startswith(URGENT):
            self._urgent.append(event)
        elif event.is_critical:
            self._critical.append(event)
        else:
            self._coalesce(event)
        self.is_overrun |= len(self._urgent) + len(self._critical) > CRITICAL_MAX
        if self._since_ms is None:
            self._since_ms = at_ms

    def due(self, at_ms: int) -> Frame | None:
        """Return the frame that is to be sent now, or nothing yet."""
        if self.wait_ms(at_ms) != 0:
            return None
        events = tuple(self._taken(min(FRAME_MAX, self._room(at_ms))))
        replaced, self._replaced = self._replaced, 0
        self._sent.append((at_ms, len(events)))
        self._since_ms = at_ms if self._waiting else None
        return Frame(events, replaced)

    def wait_ms(self, at_ms: int) -> int | None:
        """Return how long it is until a frame is due; nothing when there is nothing to send."""
        if self._since_ms is None:
            return None
        if self._urgent and self._room(at_ms):
            return 0
        wait = 0 if self._waiting >= FRAME_MAX else max(self._since_ms + FRAME_MS - at_ms, 0)
        return wait if self._room(at_ms) else max(wait, self._sent[0][0] + SECOND_MS - at_ms)

    @property
    def _waiting(self) -> int:
        return len(self._urgent) + len(self._critical) + len(self._latest)

    def _coalesce(self, event: Event) -> None:
        key = _key_of(event)
        self._replaced += self._latest.pop(key, None) is not None
        self._latest[key] = event  # the newest word about a thing goes last
        if len(self._latest) > COALESCED_MAX:
            del self._latest[next(iter(self._latest))]
            self._replaced += 1

    def _room(self, at_ms: int) -> int:
        while self._sent and at_ms - self._sent[0][0] >= SECOND_MS:
            self._sent.popleft()
        return PER_SECOND_MAX - sum(count for _, count in self._sent)

    def _taken(self, count: int) -> list[Event]:
        taken: list[Event] = []
        while len(taken) < count and self._waiting:
            if self._urgent:
                taken.append(self._urgent.popleft())
            elif self._critical:
                taken.append(self._critical.popleft())
            else:
                taken.append(self._latest.pop(next(iter(self._latest))))
        return taken


def _key_of(event: Event) -> Key:
    """Return what an event is about: its kind, and the symbol, part or model that it names."""
    named = (getattr(event.payload, name, None) for name in ("symbol", "part", "model_name", "key", "account"))
    return event.type, next((name for name in named if isinstance(name, str)), "")
