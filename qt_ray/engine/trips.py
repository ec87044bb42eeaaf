"""Trips: from flat to flat, what one position earned, whatever orders led in and out of it.

R is what was at risk when it began: its size times the distance of its first stop. What began before anybody here
looked has no risk that is known, and no R.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from qt_ray.core.ids import token
from qt_ray.core.orders import ZERO, Side
from qt_ray.core.positions import cents
from qt_ray.engine.tidings import Filled, Paid


@dataclass(frozen=True, slots=True)
class Trip:
    """A position's way so far; closed when `closed_ms` is known."""

    symbol: str
    side: Side
    opened_ms: int
    risk: Decimal | None
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    closed_ms: int | None = None
    cause: str = ""

    @property
    def name(self) -> str:
        """Return what the trade is called everywhere."""
        return token("trade", self.symbol, self.side, self.opened_ms)

    @property
    def result(self) -> Decimal:
        """Return what came of it, all costs counted."""
        return self.realised - self.fees + self.funding

    @property
    def r_multiple(self) -> Decimal | None:
        """Return the result in units of what was at risk, to the hundredth."""
        if not self.risk:
            return None
        return cents(self.result / self.risk)


class Trips:
    """The open trip of each symbol that is held."""

    def __init__(self, trips: Iterable[Trip] = ()) -> None:
        self._open = {trip.symbol: trip for trip in trips}

    @property
    def open(self) -> tuple[Trip, ...]:
        """Return the trips that are under way."""
        return tuple(self._open.values())

    def filled(self, told: Filled, before: Decimal, after: Decimal, distance: Decimal, cause: str) -> tuple[Trip, ...]:
        """Take in a trade that led from one position to another; return what it closed."""
        found = self._open.pop(told.symbol, None)
        trip = found or self._begun(told, before or after, None)
        trip = replace(trip, realised=trip.realised + told.realised, fees=trip.fees + told.fee)
        turned = before * after < 0
        if found is None and before == 0:
            trip = replace(trip, risk=self._risk(after, distance))
        if after != 0 and not turned:
            # What adds to a position while it grows by parts puts more at risk.
            grown = abs(after) > abs(before) > 0 and trip.risk is not None
            self._open[told.symbol] = replace(trip, risk=self._risk(after, distance)) if grown else trip
            return ()
        if turned:
            self._open[told.symbol] = self._begun(told, after, self._risk(after, distance))
        return (replace(trip, closed_ms=told.ts_ms, cause=cause),)

    def paid(self, paid: Paid) -> None:
        """Take in a payment of funding on what is held."""
        trip = self._open.get(paid.symbol or "")
        if trip is not None:
            self._open[trip.symbol] = replace(trip, funding=trip.funding + paid.amount)

    def stood(self, held: Mapping[str, Decimal], ts_ms: int) -> None:
        """Take in what is held; a trip that ended unseen has no result that is known, and is not told of."""
        for symbol, quantity in held.items():
            trip, side = self._open.get(symbol), Side.BUY if quantity > 0 else Side.SELL
            if quantity == 0:
                self._open.pop(symbol, None)
            elif trip is None or trip.side is not side:
                self._open[symbol] = Trip(symbol, side, ts_ms, None)

    @staticmethod
    def _begun(told: Filled, held: Decimal, risk: Decimal | None) -> Trip:
        return Trip(told.symbol, Side.BUY if held > 0 else Side.SELL, told.ts_ms, risk)

    @staticmethod
    def _risk(held: Decimal, distance: Decimal) -> Decimal | None:
        return abs(held) * distance or None
