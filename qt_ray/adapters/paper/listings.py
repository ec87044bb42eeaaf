"""Listings: what the venue lists: the symbols of the instruments file, and invented ones where scale is wanted.

Invented symbols follow from their number alone, so that two venues of one size list the same.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Final

from qt_ray.adapters.instruments import INFERRED_BRACKETS, load_instruments, pick
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.instruments import Bracket, Instrument
from qt_ray.execution.exchange.listing import Listing, Tier

INVENTED_MAX = 1_000
QUOTE = "USDT"
ORDERS_MAX = 200
OPEN_END: Final = Decimal("9223372036854775807")
PRICE_UP, PRICE_DOWN = Decimal("1.0500"), Decimal("0.9500")
TAKE_BOUND, TRIGGER_PROTECT = Decimal("0.05"), Decimal("0.0500")
TICKS = (Decimal("0.1"), Decimal("0.01"), Decimal("0.001"), Decimal("0.0001"))
STEPS = (Decimal("0.001"), Decimal("0.01"), Decimal("0.1"), Decimal("1"))


def listings(symbols: Iterable[str], invented: int = 0) -> dict[str, Listing]:
    """Return the listings of `symbols`, all of the file when there are none, and of some invented ones."""
    known = load_instruments()
    wanted = tuple(symbols) or tuple(known)
    if not 0 <= invented <= INVENTED_MAX:
        raise InvalidConfig(f"invented symbols are 0 to {INVENTED_MAX}, were {invented}")
    found = [*pick(known, wanted), *map(invent, range(invented))]
    return {instrument.symbol: listing_of(instrument) for instrument in found}


def listing_of(instrument: Instrument) -> Listing:
    """Return an instrument as the venue lists it."""
    return Listing(
        symbol=instrument.symbol,
        base=instrument.symbol.removesuffix(QUOTE),
        quote=QUOTE,
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
        price_up=PRICE_UP,
        price_down=PRICE_DOWN,
        orders_max=ORDERS_MAX,
        liquidation_rate=instrument.liquidation_rate,
        market_take_bound=TAKE_BOUND,
        trigger_protect=TRIGGER_PROTECT,
        maker_rate=instrument.maker_rate,
        taker_rate=instrument.taker_rate,
        brackets=tiers(instrument.brackets),
    )


def tiers(brackets: tuple[Bracket, ...]) -> tuple[Tier, ...]:
    """Return brackets with the ends and numbers that the venue publishes."""
    caps = [upper.floor for _, upper in pairwise(brackets)] + [OPEN_END]
    return tuple(
        Tier(number, each.leverage_max, each.floor, cap, each.maintenance_rate, each.deduction)
        for number, (each, cap) in enumerate(zip(brackets, caps, strict=True), 1)
    )


def invent(number: int) -> Instrument:
    """Return an instrument that no venue lists."""
    tick, step = TICKS[number % len(TICKS)], STEPS[number % len(STEPS)]
    return Instrument(
        symbol=f"QT{number:04d}{QUOTE}",
        tick=tick,
        step=step,
        quantity_min=step,
        quantity_max=step * 10_000_000,
        market_quantity_max=step * 1_000_000,
        notional_min=Decimal(5),
        price_min=tick,
        price_max=tick * 100_000_000,
        maker_rate=Decimal("0.0002"),
        taker_rate=Decimal("0.0005"),
        liquidation_rate=Decimal("0.0125"),
        brackets=INFERRED_BRACKETS,
    )
