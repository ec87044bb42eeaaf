"""Listing: what the exchange is given: the symbols it lists and the outside market it trades in."""

from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument

UNBOUNDED = Decimal(10**12)


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

    def __post_init__(self) -> None:
        for name, price in (("last", self.last), ("mark", self.mark), ("index", self.index)):
            if not (price.is_finite() and price > 0):
                raise Invalid(f"{self.symbol}: {name} is positive, was {price}")
        if self.bids and self.asks and not self.bids[0].price < self.asks[0].price:
            raise Invalid(f"{self.symbol}: bids lie below asks, were {self.bids[0].price} and {self.asks[0].price}")


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


def listing_of(instrument: Instrument) -> Listing:
    """Return a contract of ours as the exchange lists it, with the filters that its venue usually has."""
    floors = [bracket.floor for bracket in instrument.brackets]
    caps = [*floors[1:], UNBOUNDED]
    quote = next((asset for asset in ("USDT", "USDC") if instrument.symbol.endswith(asset)), "USDT")
    return Listing(
        symbol=instrument.symbol,
        base=instrument.symbol.removesuffix(quote),
        quote=quote,
        status="TRADING",
        tick=instrument.tick,
        step=instrument.step,
        market_step=instrument.step,
        quantity_min=instrument.quantity_min,
        quantity_max=instrument.quantity_max,
        market_quantity_max=instrument.market_quantity_max,
        notional_min=instrument.notional_min,
        price_min=instrument.price_min,
        price_max=instrument.price_max,
        price_up=Decimal("1.0500"),
        price_down=Decimal("0.9500"),
        orders_max=200,
        liquidation_rate=instrument.liquidation_rate,
        market_take_bound=Decimal("0.05"),
        trigger_protect=Decimal("0.0500"),
        maker_rate=instrument.maker_rate,
        taker_rate=instrument.taker_rate,
        brackets=tuple(
            Tier(number, one.leverage_max, one.floor, cap, one.maintenance_rate, one.deduction)
            for number, (one, cap) in enumerate(zip(instrument.brackets, caps, strict=True), 1)
        ),
    )
