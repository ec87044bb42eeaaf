"""Effects: what the gateway asks the world to do, in the order in which it must be done.

A shell syncs every `Write` of a list before it carries out a later `Send`; nothing else depends on it.
"""

from dataclasses import dataclass
from typing import Any

from qt_ray.core.effects import Alert, Lane
from qt_ray.core.events import Event, event
from qt_ray.core.orders import Intent
from qt_ray.core.payloads import OrderChanged, TradeExecuted
from qt_ray.execution.gateway.records import Record
from qt_ray.execution.venue.calls import Answer, Call


@dataclass(frozen=True, slots=True)
class Write:
    """Append to the journal."""

    record: Record


@dataclass(frozen=True, slots=True)
class Send:
    """Ask the venue, and bring the answer back under this number."""

    call_id: int
    lane: Lane
    call: Call


@dataclass(frozen=True, slots=True)
class Tell:
    """Something happened that everybody may know.

    An event's name is a hash over all that it says, so it is made by whoever wants the event and not before an order
    has left.
    """

    kind: str
    payload: OrderChanged | TradeExecuted
    source: str
    time_ms: int

    @property
    def event(self) -> Event:
        """Return it as an event; the same one whoever asks, and whenever."""
        return event(self.kind, self.payload, self.source, self.time_ms)


@dataclass(frozen=True, slots=True)
class Declined:
    """The gateway's no to an intent, with the rule; nothing of it reached the venue."""

    intent: Intent
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call that somebody else asked through us, under his name for it; None if it was shed."""

    tag: str
    call: Call
    answer: Answer[Any] | None


Effect = Write | Send | Tell | Alert | Declined | Answered
