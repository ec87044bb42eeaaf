"""Lanes: what waits to be sent, the more urgent first; in one lane only what another share pays for overtakes.

The queue is bounded by shedding queries, the youngest first, since whoever asked will ask again. An order or a
cancel is never shed; an entry that finds the queue full is declined before it is written down.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from qt_ray.core.effects import Lane
from qt_ray.core.orders import Intent
from qt_ray.execution.venue.calls import Amend, Call, Place, PlaceMany


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that has not left; `stamp` is the intent an amend must answer to, `tag` the name of an outside asker."""

    call: Call
    lane: Lane
    since_ms: int
    not_before_ms: int = 0
    stamp: Intent | None = None
    tag: str = ""

    @property
    def intents(self) -> tuple[Intent, ...]:
        """Return the intents that this call would carry out."""
        if isinstance(self.call, Place):
            return (self.call.intent,)
        if isinstance(self.call, PlaceMany):
            return self.call.intents
        return (self.stamp,) if isinstance(self.call, Amend) and self.stamp else ()


@dataclass(slots=True)
class Lanes:
    """The waiting calls by lane."""

    most: int
    queues: dict[Lane, list[Waiting]] = field(default_factory=lambda: {lane: [] for lane in Lane})

    def __len__(self) -> int:
        return sum(map(len, self.queues.values()))

    def __iter__(self) -> Iterator[Waiting]:
        return (waiting for lane in Lane for waiting in self.queues[lane])

    @property
    def is_full(self) -> bool:
        """Return whether only what lessens risk may still come in."""
        return len(self) >= self.most

    def put(self, waiting: Waiting) -> list[Waiting]:
        """Let a call wait, and return what was shed for it, perhaps itself; a query of one asker waits once."""
        queue = self.queues[waiting.lane]
        question = waiting.call, waiting.tag
        if waiting.lane is Lane.QUERY and any((known.call, known.tag) == question for known in queue):
            return []
        queue.append(waiting)
        queries = self.queues[Lane.QUERY]
        return [queries.pop()] if len(self) > self.most and queries else []

    def drop(self, waiting: Waiting) -> None:
        """Take a call out, because it leaves or never will."""
        self.queues[waiting.lane].remove(waiting)
