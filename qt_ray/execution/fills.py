"""Fills: what the venue did for us, one row each, exact.

Quantities are signed steps, prices are ticks, money is 1e-8 of the quote currency. `arrival` is the price at the
moment of decision, so `(price - arrival) * quantity` is slippage and nothing else.
"""

from enum import IntEnum

from qt_ray.core.records import I32, I64, U8


class Cause(IntEnum):
    """Why an order existed."""

    SIGNAL = 0
    STOP = 1
    TAKE_PROFIT = 2
    TIME = 3
    LIQUIDATION = 4
    EMERGENCY = 5


class Fill:
    """One execution; `position` is the position after it."""

    ts: I64
    decided: I64
    order: I64
    quantity: I64
    price: I64
    arrival: I64
    fee: I64
    realised: I64
    position: I64
    symbol: I32
    cause: U8
    maker: U8
