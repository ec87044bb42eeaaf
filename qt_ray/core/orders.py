"""Orders: a union of states, each carrying just what that state knows.

An order that was only planned has no venue id to misuse, and one that never traded has no average price.
What was wanted (`Intent`) never changes on the way; what happened is a set of executions, each with its
trade id, so hearing of one twice changes nothing. `reported` is the venue's own sum: above ours, an
execution was missed.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore_as

ZERO = Decimal(0)


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell."""
        return 1 if self is Side.BUY else -1


class PositionSide(StrEnum):
    """Which of a symbol's positions: the one there is, or one of the two of hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class OrderType(StrEnum):
    """How an order trades, in the venue's words."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def has_limit(self) -> bool:
        """Return whether the order names the worst price it takes."""
        return self in (OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT)

    @property
    def has_trigger(self) -> bool:
        """Return whether the order waits for a price; a trailing stop makes its own."""
        return self not in (OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP_MARKET)

    @property
    def is_conditional(self) -> bool:
        """Return whether the order rests until the market triggers it."""
        return self not in (OrderType.MARKET, OrderType.LIMIT)


class TimeInForce(StrEnum):
    """How long an order may rest, in the venue's words."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class Status(StrEnum):
    """The state of an order; the name of its class on the wire."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Intent:
    """What is wanted, by which decision, under which policy."""

    client_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    decision_id: str
    policy_version: int
    epoch: int
    reduce_only: bool = False
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.BOTH

    def __post_init__(self) -> None:
        if self.time_in_force is not TimeInForce.GTC and self.type is not OrderType.LIMIT:
            raise Invalid(f"time_in_force: {self.time_in_force} is for limit orders, was a {self.type}")
        for name, needed in (("limit_price", self.type.has_limit), ("trigger_price", self.type.has_trigger)):
            price: Decimal | None = getattr(self, name)
            if (price is not None) is not needed:
                raise Invalid(f"{name}: set exactly for orders that use it, was {price} for {self.type}")
            if price is not None and not (price.is_finite() and price > 0):
                raise Invalid(f"{name}: positive, was {price}")
        if not (self.quantity.is_finite() and self.quantity > 0):
            raise Invalid(f"quantity: positive, the side is the sign, was {self.quantity}")


@dataclass(frozen=True, slots=True)
class Execution:
    """One trade of an order, as the venue numbered it; unsigned quantity, a negative fee is a rebate."""

    trade_id: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time_ms: int

    def __post_init__(self) -> None:
        if not (self.quantity.is_finite() and self.quantity > 0 and self.price.is_finite() and self.price > 0):
            raise Invalid(f"quantity: positive at a positive price, was {self.quantity} at {self.price}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order has come at the venue; executions ascend by trade id."""

    venue_id: str
    executions: tuple[Execution, ...] = ()
    reported: Decimal = ZERO

    @property
    def executed(self) -> Decimal:
        """Return the sum of the executions we hold."""
        return sum((execution.quantity for execution in self.executions), ZERO)

    @property
    def missing(self) -> Decimal:
        """Return what the venue has executed and we have not yet seen."""
        return max(self.reported - self.executed, ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Return the average price paid, or nothing while nothing was executed."""
        if not self.executions:
            return None
        return sum((e.quantity * e.price for e in self.executions), ZERO) / self.executed


@dataclass(frozen=True, slots=True)
class Planned:
    """Decided and journalled; no byte has left."""

    kind: ClassVar[Status] = Status.PLANNED
    intent: Intent
    at_ms: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """Sent; no answer yet."""

    kind: ClassVar[Status] = Status.SUBMITTED
    intent: Intent
    at_ms: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, perhaps, and not answered: the venue must be asked before anything is sent again."""

    kind: ClassVar[Status] = Status.UNKNOWN
    intent: Intent
    at_ms: int


@dataclass(frozen=True, slots=True)
class Working:
    """Accepted by the venue."""

    kind: ClassVar[Status] = Status.WORKING
    intent: Intent
    at_ms: int
    venue_id: str


@dataclass(frozen=True, slots=True)
class PartiallyFilled:
    """Accepted, and traded in part."""

    kind: ClassVar[Status] = Status.PARTIALLY_FILLED
    intent: Intent
    at_ms: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Filled:
    """Traded whole."""

    kind: ClassVar[Status] = Status.FILLED
    intent: Intent
    at_ms: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended by us or by the venue, perhaps after trading in part."""

    kind: ClassVar[Status] = Status.CANCELLED
    intent: Intent
    at_ms: int
    progress: Progress
    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """Ended by its own time in force or by self-trade prevention, perhaps after trading in part."""

    kind: ClassVar[Status] = Status.EXPIRED
    intent: Intent
    at_ms: int
    progress: Progress
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never lived at the venue."""

    kind: ClassVar[Status] = Status.REJECTED
    intent: Intent
    at_ms: int
    reason: str


Order = Planned | Submitted | Unknown | Working | PartiallyFilled | Filled | Cancelled | Expired | Rejected
Traded = PartiallyFilled | Filled | Cancelled | Expired


def order_of(data: object) -> Order:
    """Return the order that plain data spells; its kind says in which state."""
    found: Order = restore_as(Order, data, "order")
    return found


def progress_of(order: Order) -> Progress | None:
    """Return how far an order has come, or nothing if the venue is not known to hold it."""
    if isinstance(order, Working):
        return Progress(order.venue_id)
    return order.progress if isinstance(order, Traded) else None


def in_flight(order: Order) -> Decimal:
    """Return the signed quantity that may still trade; of an unknown order that is all of it."""
    if isinstance(order, Filled | Cancelled | Expired | Rejected):
        return ZERO
    progress = progress_of(order)
    done = ZERO if progress is None else max(progress.reported, progress.executed)
    return order.intent.side.sign * (order.intent.quantity - done)
