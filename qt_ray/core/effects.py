"""Effects: everything we do, as values, so that a decision can be looked at before it is carried out.

Each effect bears a key that its receiver remembers: carrying one out twice changes nothing. Lanes say who
goes first when the venue lets few through; whatever lessens risk stands before whatever adds it.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event
from qt_ray.core.orders import Intent


class Lane(IntEnum):
    """Who goes first; a smaller number is sooner."""

    KILL = 0
    CANCEL = 1
    STOP = 2
    EXIT = 3
    ENTRY = 4
    QUERY = 5


class Severity(StrEnum):
    """How soon a person must look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Send an order."""

    intent: Intent

    @property
    def key(self) -> str:
        """Return the order's own name."""
        return f"place:{self.intent.client_id}"

    @property
    def lane(self) -> Lane:
        """Return the lane of a stop, another exit or an entry."""
        if not self.intent.reduce_only:
            return Lane.ENTRY
        return Lane.STOP if self.intent.type.is_conditional else Lane.EXIT


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel one order."""

    symbol: str
    client_id: str

    @property
    def key(self) -> str:
        """Return the name of the order that ends."""
        return f"cancel:{self.client_id}"

    @property
    def lane(self) -> Lane:
        """Return the lane of cancels."""
        return Lane.CANCEL


@dataclass(frozen=True, slots=True)
class AskOrder:
    """Ask the venue what became of an order."""

    symbol: str
    client_id: str
    attempt: int = 0

    @property
    def key(self) -> str:
        """Return the name of the order and of the attempt, since each attempt may answer anew."""
        return f"ask:{self.client_id}:{self.attempt}"

    @property
    def lane(self) -> Lane:
        """Return the lane of queries."""
        return Lane.QUERY


@dataclass(frozen=True, slots=True)
class Flatten:
    """Cancel entries and close every position of an account, in an emergency of `epoch`."""

    account: str
    epoch: int
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Invalid("reason: an emergency has a reason, was empty")

    @property
    def key(self) -> str:
        """Return the account and the epoch, which an emergency changes once."""
        return f"flatten:{self.account}:{self.epoch}"

    @property
    def lane(self) -> Lane:
        """Return the lane before all others."""
        return Lane.KILL


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell everybody."""

    event: Event

    @property
    def key(self) -> str:
        """Return the event's id."""
        return f"publish:{self.event.id}"


@dataclass(frozen=True, slots=True)
class Alert:
    """Tell a person."""

    severity: Severity
    title: str
    detail: str
    at_ms: int

    @property
    def key(self) -> str:
        """Return a name made of what is said and when."""
        return f"alert:{digest(self)[:32]}"


VenueEffect = PlaceOrder | CancelOrder | AskOrder | Flatten
Effect = VenueEffect | Publish | Alert


def in_lanes(effects: tuple[VenueEffect, ...]) -> tuple[VenueEffect, ...]:
    """Return effects in the order of their lanes; within a lane nothing overtakes."""
    return tuple(sorted(effects, key=lambda effect: effect.lane))
