"""Listings: what the venue lists: the symbols of the instruments file, and invented ones where scale is wanted.

Invented symbols follow from their number alone, so that two venues of one size list the same.
"""

from collections.abc import Iterable
from decimal import Decimal

from qt_ray.adapters.instruments import INFERRED_BRACKETS, load_instruments, pick
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.instruments import Instrument
from qt_ray.execution.exchange.listing import Listing, listing_of

INVENTED_MAX = 1_000
QUOTE = "USDT"
TICKS = (Decimal("0.1"), Decimal("0.01"), Decimal("0.001"), Decimal("0.0001"))
STEPS = (Decimal("0.001"), Decimal("0.01"), Decimal("0.1"), Decimal("1"))


def listings(symbols: Iterable[str], invented: int = 0) -> dict[str, Listing]:
    """Return the listings of `symbols`, all of the file when there are none, and of some invented ones."""
    known = load_instruments()
    wanted = tuple(symbols) or tuple(known)
    if not 0 <= invented <= INVENTED_MAX:
        raise InvalidConfig(f"invented symbols are 0 to {INVENTED_MAX}, were {invented}")
    hint = f"the venue lists {', '.join(known)}, and invented ones if asked to"
    found = [*pick(known, wanted, hint), *map(invent, range(invented))]
    return {instrument.symbol: listing_of(instrument) for instrument in found}


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
        price_max=tick * 10_000_000,
        maker_rate=Decimal("0.0002"),
        taker_rate=Decimal("0.0005"),
        liquidation_rate=Decimal("0.0125"),
        brackets=INFERRED_BRACKETS,
    )
