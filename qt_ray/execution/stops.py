"""Stops: where each position is to be given up: where a decision said, where its stop stands already, or a share away.

A mark that moves must not move a stop that nobody planned, so one that rests is kept. After a restart the plan is the
stop that rests at the venue; the decision behind it is that of the order that opened the position.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.errors import Invalid
from qt_ray.core.ids import token
from qt_ray.core.orders import Intent, Side
from qt_ray.execution.books import Books
from qt_ray.execution.exposure import Exposure, Key, fallback_stop
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.venue.views import SymbolRules


@dataclass(frozen=True, slots=True)
class StopPlan:
    """Where a position is to be given up, and which decision says so."""

    price: Decimal
    decision_id: str
    policy_version: int
    epoch: int

    def __post_init__(self) -> None:
        if not (self.price.is_finite() and self.price > 0):
            raise Invalid(f"a stop's price is above zero, was {self.price}")


class Stops:
    """Plans and marks, and what they make of each position that is held."""

    def __init__(self, book: Book, books: Books, distance: Decimal) -> None:
        """Let a position without a plan be given up `distance`, a share of its mark, away."""
        if not 0 < distance < 1:
            raise Invalid(f"a stop's distance is a share above 0 and below 1, was {distance}")
        self._book = book
        self._books = books
        self._distance = distance
        self._plans: dict[Key, StopPlan] = {}
        self._marks: dict[str, Decimal] = {}

    def plan(self, key: Key, plan: StopPlan | None) -> None:
        """Take in where a position is to be given up; nothing leaves it to the fallback."""
        if plan is None:
            self._plans.pop(key, None)
        else:
            self._plans[key] = plan

    def marked(self, symbol: str, mark: Decimal) -> None:
        """Take in a symbol's mark price."""
        if not (mark.is_finite() and mark > 0):
            raise Invalid(f"{symbol}: a mark is above zero, was {mark}")
        self._marks[symbol] = mark

    def exposures(self, rules: Mapping[str, SymbolRules], among: Collection[str] | None = None) -> list[Exposure]:
        """Return every position beside the stop it is to have, `among` these symbols if they are given.

        Without rules or a price there can be none yet.
        """
        keys = (key for key in self._books.positions if among is None or key[0] in among)
        found = (self._exposure(key, rules.get(key[0])) for key in keys)
        return [exposure for exposure in found if exposure is not None]

    def _exposure(self, key: Key, rules: SymbolRules | None) -> Exposure | None:
        symbol, side = key
        held = self._books.position(*key)
        mark = self._marks.get(symbol) or held.average_entry
        if rules is None or mark is None:
            return None
        plan, opener = self._plans.get(key), self._opener(key, held.quantity)
        source = plan or opener
        return Exposure(
            symbol=symbol,
            side=side,
            quantity=held.quantity,
            mark=mark,
            stop_price=self._price(key, held.quantity, mark, rules.tick),
            slice_max=rules.market_quantity_max,
            decision_id=source.decision_id if source else token("adopted", symbol, side),
            policy_version=source.policy_version if source else 1,
            epoch=source.epoch if source else 1,
            adopted=opener is None,
        )

    def _price(self, key: Key, quantity: Decimal, mark: Decimal, tick: Decimal) -> Decimal:
        plan = self._plans.get(key)
        price = plan.price if plan is not None else self._standing(key, quantity)
        # What stands may stand off the grid by now: the venue changes ticks while we hold.
        return fallback_stop(quantity, mark, tick, self._distance) if price is None else on_tick(price, tick, quantity)

    def _opener(self, key: Key, quantity: Decimal) -> Intent | None:
        """Return the last intent of ours that opened a position this way round."""
        name = self._book.index.opener(*key, Side.BUY if quantity > 0 else Side.SELL)
        return None if name is None else self._book.orders[name].intent

    def _standing(self, key: Key, quantity: Decimal) -> Decimal | None:
        """Return where a stop of ours waits for this position already."""
        for name, order in self._book.index.stops.get(key, {}).items():
            if order.intent.side.sign * quantity < 0 and not self._book.orders[name].ending:
                return order.intent.trigger_price
        return None


def on_tick(price: Decimal, tick: Decimal, quantity: Decimal) -> Decimal:
    """Return a stop's price on the grid, towards the market: of a long's the tick above, of a short's the one below."""
    ticks = price // tick
    return ticks * tick if quantity < 0 or price % tick == 0 else (ticks + 1) * tick
