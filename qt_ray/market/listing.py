"""Listing: contracts for symbols that no venue lists, as a function of seed and name.

Ticks leave six figures in the price and a step is worth about one to ten of the quote currency.
"""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from math import exp, floor, log, log10

import numpy as np

from qt_ray.core.instruments import Bracket, Instrument

PRICE_LOW, PRICE_HIGH = 0.02, 80_000.0

BRACKETS = (
    Bracket(Decimal(0), 50, Decimal("0.01"), Decimal(0)),
    Bracket(Decimal(50_000), 20, Decimal("0.025"), Decimal(750)),
    Bracket(Decimal(250_000), 10, Decimal("0.05"), Decimal(7_000)),
    Bracket(Decimal(1_000_000), 5, Decimal("0.1"), Decimal(57_000)),
    Bracket(Decimal(5_000_000), 2, Decimal("0.125"), Decimal(182_000)),
)


def dice(seed: int, name: str) -> np.random.Generator:
    """Return the generator that belongs to `name` under `seed`, whoever else is listed."""
    word = int.from_bytes(sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, word])))


def listed(symbols: Sequence[str], seed: int) -> tuple[Instrument, ...]:
    """Return one contract for each symbol."""
    return tuple(contract(symbol, first_price(symbol, seed)) for symbol in symbols)


def first_price(symbol: str, seed: int) -> float:
    """Return the price at which a symbol starts when nobody says otherwise."""
    draw = float(dice(seed, f"price of {symbol}").random())
    return exp(log(PRICE_LOW) + draw * log(PRICE_HIGH / PRICE_LOW))


def contract(symbol: str, price: float) -> Instrument:
    """Return a contract whose filters suit a symbol that trades around `price`."""
    exponent = floor(log10(price))
    step = min(Decimal(1), Decimal(1).scaleb(-exponent))
    most = (Decimal(10_000_000) / Decimal(repr(price))).quantize(Decimal(1)) + 1
    return Instrument(
        symbol=symbol,
        tick=Decimal(1).scaleb(exponent - 5),
        step=step,
        quantity_min=step,
        quantity_max=most,
        market_quantity_max=most / 4 // step * step,
        notional_min=Decimal(5),
        price_min=Decimal(1).scaleb(exponent - 3),
        price_max=Decimal(1).scaleb(exponent + 4),
        maker_rate=Decimal("0.0002"),
        taker_rate=Decimal("0.0004"),
        liquidation_rate=Decimal("0.0125"),
        brackets=BRACKETS,
    )
