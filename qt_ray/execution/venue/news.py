"""News: what a venue tells us unasked, in the order it was heard.

A connection's own life is news too: whoever keeps books must know from when to when nothing could be heard.
What cannot be read is kept as `Unreadable` and counted, never dropped in silence and never a reason to stop.
"""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.execution.venue.views import PositionSide


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An order moved; `event` is the venue's word for what happened (NEW, TRADE, CANCELED, AMENDMENT, ...)."""

    symbol: str
    client_id: str
    venue_id: str
    side: Side
    position_side: PositionSide
    type: OrderType
    event: str
    status: str
    quantity: Decimal
    executed: Decimal
    limit_price: Decimal | None
    average_price: Decimal | None
    reduce_only: bool
    execution: Execution | None
    realised: Decimal
    time_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlgoNews:
    """A conditional order moved; `child_id` is the plain order a trigger made of it."""

    symbol: str
    client_id: str
    venue_id: str
    side: Side
    position_side: PositionSide
    type: OrderType
    status: str
    quantity: Decimal
    trigger_price: Decimal | None
    reduce_only: bool
    closes_position: bool
    child_id: str | None
    time_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A position as account news tells it."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry: Decimal
    unrealised: Decimal


@dataclass(frozen=True, slots=True)
class AccountNews:
    """Balances and positions after a change; only what changed is listed. `reason` is the venue's word."""

    reason: str
    wallets: dict[str, Decimal]
    changes: dict[str, Decimal]
    positions: tuple[Held, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class LeverageNews:
    """Somebody set a symbol's leverage."""

    symbol: str
    leverage: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class MarginCallNews:
    """The venue warns that these positions are near liquidation."""

    symbols: tuple[str, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class StreamUp:
    """From now on everything is heard."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class StreamDown:
    """Nothing is heard any more; what was may not have been all."""

    at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that broke a rule, which it names; the first letters of it are kept."""

    rule: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Unheeded:
    """A kind of message that we know of, or do not, and have no use for; counted by its name."""

    kind: str
    at_ms: int


News = (
    OrderNews | AlgoNews | AccountNews | LeverageNews | MarginCallNews | StreamUp | StreamDown | Unreadable | Unheeded
)
