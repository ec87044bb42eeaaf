"""Trips: fills told as round trips, from flat to flat.

A fill that crosses zero ends one trip and begins the next; its fee and slippage are split by quantity, to the
last 1e-8. So every fill belongs to trips whole, and their sums are the ledger's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.core.records import I32, I64, U8, empty
from qt_ray.engine.run import Run
from qt_ray.market.bars import Ints


class Trip:
    """One round trip; values are ticks times steps, money is 1e-8 of the quote currency.

    `decided` is the cycle of the opening decision, `closed` is 0 while the trip is open, `realised` is before
    fees; `cause` is that of the last fill.
    """

    symbol: I32
    side: I32
    opened: I64
    closed: I64
    decided: I64
    quantity: I64
    entry_value: I64
    exit_quantity: I64
    exit_value: I64
    realised: I64
    fees: I64
    slippage: I64
    fills: I32
    cause: U8


def trips_of(run: Run) -> NDArray[np.void]:
    """Return all round trips of `run`, ordered by when they opened."""
    fills = run.fills[np.argsort(run.fills["symbol"], kind="stable")]
    if len(fills) == 0:
        return empty(Trip, 0)
    before = fills["position"] - fills["quantity"]
    check_continuous(fills, before, run.bars.symbols)
    size = np.abs(fills["quantity"])
    closing = np.where(before * np.sign(fills["quantity"]) < 0, np.minimum(np.abs(before), size), 0)
    opening = size - closing
    begins = (opening > 0) & ((before == 0) | (closing > 0))
    current = np.cumsum(begins) - 1
    trips = empty(Trip, int(begins.sum()))
    _begin(trips, fills[begins])
    slippage = slippage_of(fills, run.instruments)
    # A flip's closing part belongs to the trip before the one that it begins.
    leaving = current - (begins & (closing > 0))
    fee_out = np.where(opening > 0, _share(fills["fee"], closing, size), fills["fee"])
    slip_out = np.where(opening > 0, _share(slippage, closing, size), slippage)
    out, into = closing > 0, opening > 0
    _add(trips, leaving, out, fees=fee_out, slippage=slip_out, realised=fills["realised"])
    _add(trips, leaving, out, exit_quantity=closing, exit_value=closing * fills["price"], fills=out)
    _add(trips, current, into, fees=fills["fee"] - _where(out, fee_out), fills=into)
    _add(trips, current, into, slippage=slippage - _where(out, slip_out))
    _add(trips, current, into, quantity=opening, entry_value=opening * fills["price"])
    ends = out & ((fills["position"] == 0) | into)
    trips["closed"][leaving[ends]] = fills["ts"][ends]
    trips["cause"][leaving[ends]] = fills["cause"][ends]
    return trips[np.argsort(trips["opened"], kind="stable")]


def check_continuous(fills: NDArray[np.void], before: Ints, symbols: Sequence[str]) -> None:
    """Refuse fills, sorted by symbol, whose positions do not follow from their quantities."""
    same = fills["symbol"][1:] == fills["symbol"][:-1]
    expected = np.concatenate(([0], np.where(same, fills["position"][:-1], 0)))
    broken = np.flatnonzero(before != expected)
    if len(broken):
        fill = fills[broken[0]]
        symbol, order = symbols[int(fill["symbol"])], int(fill["order"])
        raise Invalid(
            f"fills: a position is the one before plus the quantity, {symbol} order {order}: "
            f"{int(expected[broken[0]])} + {int(fill['quantity'])} was {int(fill['position'])}"
        )


def closed_trips(trips: NDArray[np.void]) -> NDArray[np.void]:
    """Return the trips that came back to flat."""
    return trips[trips["closed"] > 0]


def nets(trips: NDArray[np.void]) -> Ints:
    """Return what each trip earned after fees; funding is booked per account and is not in it."""
    return np.asarray(trips["realised"] - trips["fees"], dtype=np.int64)


def notionals_of(fills: NDArray[np.void], instruments: Sequence[Instrument]) -> Ints:
    """Return what each fill was worth."""
    return np.asarray(np.abs(fills["quantity"]) * fills["price"] * _units(fills, instruments), dtype=np.int64)


def slippage_of(fills: NDArray[np.void], instruments: Sequence[Instrument]) -> Ints:
    """Return what each fill lost against the price at the moment of decision."""
    moved = fills["price"] - fills["arrival"]
    return np.asarray(moved * fills["quantity"] * _units(fills, instruments), dtype=np.int64)


def exact_sum(units: Ints) -> int:
    """Return a sum that may leave 64 bits although no term does."""
    high, low = units >> 32, units & 0xFFFF_FFFF
    return (int(high.sum()) << 32) + int(low.sum())


def _units(fills: NDArray[np.void], instruments: Sequence[Instrument]) -> Ints:
    units = np.array([int(instrument.unit_exact) for instrument in instruments], dtype=np.int64)
    return np.asarray(units[fills["symbol"]], dtype=np.int64)


def _begin(trips: NDArray[np.void], fills: NDArray[np.void]) -> None:
    trips["symbol"] = fills["symbol"]
    trips["side"] = np.sign(fills["quantity"])
    trips["opened"] = fills["ts"]
    trips["decided"] = fills["decided"]
    trips["cause"] = fills["cause"]


def _add(trips: NDArray[np.void], which: Ints, where: NDArray[np.bool_], **columns: NDArray[np.generic]) -> None:
    for name, column in columns.items():
        np.add.at(trips[name], which[where], column[where].astype(trips.dtype[name]))


def _share(amount: Ints, part: Ints, whole: Ints) -> Ints:
    # Quotient and remainder first: amount times part may leave 64 bits. Exact below 3e9 steps.
    return np.asarray(amount // whole * part + amount % whole * part // whole, dtype=np.int64)


def _where(mask: NDArray[np.bool_], values: Ints) -> Ints:
    return np.where(mask, values, 0)
