"""Values: what the exchange holds and tells, in its own words and exact decimals.

Orders, positions and wallets are mutable inside the exchange and nowhere else; what leaves it is a copy.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.venue.views import PositionSide

ZERO = Decimal(0)


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"


class OrderState(StrEnum):
    """How a plain order stands."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class AlgoState(StrEnum):
    """How a conditional order stands."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class Happened(StrEnum):
    """What happened to an order."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    AMENDMENT = "AMENDMENT"
    CALCULATED = "CALCULATED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


class Working(StrEnum):
    """Which price pulls a trigger."""

    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


class SelfTrade(StrEnum):
    """Who gives way when an account would trade with itself."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A plain order as a client asked for it, each field already of its kind; the exchange checks the rest."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    client_id: str | None = None
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.BOTH
    self_trade: SelfTrade = SelfTrade.NONE
    price_match: str = "NONE"
    good_till_ms: int = 0


@dataclass(frozen=True, slots=True)
class NewAlgo:
    """A conditional order as a client asked for it; `quantity` is None when it closes the whole position."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None
    trigger_price: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    client_id: str | None = None
    reduce_only: bool = False
    closes_position: bool = False
    position_side: PositionSide = PositionSide.BOTH
    working: Working = Working.CONTRACT_PRICE
    price_protect: bool = False
    self_trade: SelfTrade = SelfTrade.NONE
    price_match: str = "NONE"
    activate_price: Decimal | None = None
    callback_rate: Decimal | None = None
    good_till_ms: int = 0


@dataclass(slots=True)
class Order:
    """A plain order at the exchange; a forced one was placed by the exchange itself, to liquidate or deleverage."""

    id: int
    client_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    original_type: OrderType
    position_side: PositionSide
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    reduce_only: bool
    closes_position: bool
    self_trade: SelfTrade
    price_match: str
    good_till_ms: int
    created_ms: int
    updated_ms: int
    state: OrderState = OrderState.NEW
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    trigger_price: Decimal = ZERO
    working: Working = Working.CONTRACT_PRICE
    price_protect: bool = False
    expiry_reason: str = "0"
    forced: bool = False

    def copy(self) -> "Order":
        """Return the order as it stands now."""
        return Order(*_ORDER(self))

    @property
    def closes(self) -> bool:
        """Return whether it may only make a position smaller: by its flag, or by its side of hedge mode."""
        return self.reduce_only or is_closing(self.side, self.position_side)

    @property
    def left(self) -> Decimal:
        """Return what has not traded."""
        return self.quantity - self.executed

    @property
    def average(self) -> Decimal:
        """Return the average price, zero before the first trade."""
        return self.quote / self.executed if self.executed else ZERO

    @property
    def is_open(self) -> bool:
        """Return whether it can still trade."""
        return self.state in (OrderState.NEW, OrderState.PARTIALLY_FILLED)


@dataclass(slots=True)
class Algo:
    """A conditional order at the exchange; `order` is the plain one that its trigger made.

    `best` is the price from which a trailing stop measures, once it is active.
    """

    id: int
    client_id: str
    account: str
    wanted: NewAlgo
    created_ms: int
    updated_ms: int
    state: AlgoState = AlgoState.NEW
    triggered_ms: int = 0
    order: Order | None = None
    is_active: bool = True
    best: Decimal | None = None
    reason: str = ""

    def copy(self) -> "Algo":
        """Return the conditional order, and what its trigger made, as they stand now."""
        found = Algo(*_ALGO(self))
        found.order = self.order.copy() if self.order else None
        return found

    @property
    def is_open(self) -> bool:
        """Return whether it still waits."""
        return self.state is AlgoState.NEW


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of one account, as the exchange numbered it."""

    id: int
    account: str
    order_id: int
    client_id: str
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    quote: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal
    maker: bool
    time_ms: int


@dataclass(slots=True)
class Held:
    """A position at the exchange: signed quantity and its exact signed cost.

    `realised` is what closing ever brought before fees, `paid` the fees since it was opened; `isolated` and `mark`
    are as they were when a copy left the exchange.
    """

    symbol: str
    side: PositionSide
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    paid: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    updated_ms: int = 0
    isolated: bool = False
    mark: Decimal = ZERO

    def copy(self) -> "Held":
        """Return the position as it stands now."""
        return Held(*_HELD(self))

    @property
    def entry(self) -> Decimal:
        """Return the average entry price, zero when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    @property
    def break_even(self) -> Decimal:
        """Return the price at which closing pays back the fees too, zero when flat."""
        return (self.cost + self.paid) / self.quantity if self.quantity else ZERO

    @property
    def unrealised(self) -> Decimal:
        """Return the profit that closing at the mark would fix."""
        return self.quantity * self.mark - self.cost


@dataclass(frozen=True, slots=True)
class Income:
    """One movement of a wallet; `trade_id` is empty when no trade caused it."""

    id: int
    kind: str
    asset: str
    amount: Decimal
    symbol: str
    info: str
    time_ms: int
    trade_id: str = ""


@dataclass(slots=True)
class Setting:
    """An account's leverage and margin type for a symbol."""

    leverage: int = 20
    isolated: bool = False


def is_closing(side: Side, position_side: PositionSide) -> bool:
    """Return whether an order on this side of hedge mode takes from its position."""
    return position_side is (PositionSide.LONG if side is Side.SELL else PositionSide.SHORT)


# Copies are made for every event, so they take all fields at once.
_ORDER = attrgetter(*(field.name for field in fields(Order)))
_ALGO = attrgetter(*(field.name for field in fields(Algo)))
_HELD = attrgetter(*(field.name for field in fields(Held)))


class Refusal(Exception):
    """The exchange's own no, with its code and its words; nothing was changed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message
