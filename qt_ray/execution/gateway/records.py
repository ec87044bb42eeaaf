"""Records: the gateway's memory, one line per thing that must not be forgotten.

`Wanted` and `Sent` are written and synced before a byte leaves, so an order at the venue that is not in the journal
is not ours. Everything else is what we were told, in the order in which we believed it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from qt_ray.core.orders import Intent
from qt_ray.core.restore import restore_as
from qt_ray.execution.lifecycle import News

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An intent was let in; `quantity` is all that its parent may ever trade."""

    kind: ClassVar[str] = "wanted"
    intent: Intent
    parent: str
    quantity: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Sent:
    """From here on the order may live at the venue."""

    kind: ClassVar[str] = "sent"
    client_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Something new about an order; `plain_id` is the venue's number that its trades bear."""

    kind: ClassVar[str] = "heard"
    client_id: str
    news: News
    plain_id: str | None = None
    realised: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Ending:
    """The order is no longer wanted, and is cancelled until it has ended."""

    kind: ClassVar[str] = "ending"
    client_id: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The venue holds the order with this quantity and price now."""

    kind: ClassVar[str] = "reshaped"
    client_id: str
    quantity: Decimal
    limit_price: Decimal | None
    venue_ms: int


@dataclass(frozen=True, slots=True)
class Revived:
    """An order that was believed never to have lived does."""

    kind: ClassVar[str] = "revived"
    client_id: str
    at_ms: int


Record = Wanted | Sent | Heard | Ending | Reshaped | Revived


def record_of(data: object) -> Record:
    """Return the record that plain data spells."""
    found: Record = restore_as(Record, data, "record")
    return found
