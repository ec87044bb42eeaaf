"""Listing: what the exchange is given: the symbols it lists and the outside market it trades in."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Level:
    """A price and how much waits there."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """The outside market of one symbol at one moment: both sides best first, last, mark and index.

    It stands for everybody who is not a client of ours; clients' orders rest beside it at their own prices.
    """

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last: Decimal
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol as the exchange lists it: everything exchangeInfo and leverageBracket say, and its fees."""

    symbol: str
    base: str
    quote: str
    status: str
    tick: Decimal
    step: Decimal
    market_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    market_quantity_max: Decimal
    notional_min: Decimal
    price_min: Decimal
    price_max: Decimal
    price_up: Decimal
    price_down: Decimal
    orders_max: int
    liquidation_rate: Decimal
    market_take_bound: Decimal
    trigger_protect: Decimal
    maker_rate: Decimal
    taker_rate: Decimal
    brackets: tuple["Tier", ...]
    onboard_ms: int = 1_569_398_400_000
    funding_interval_ms: int = 28_800_000
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tier:
    """A leverage bracket as the exchange publishes it."""

    number: int
    leverage_max: int
    floor: Decimal
    cap: Decimal
    maintenance_rate: Decimal
    deduction: Decimal
