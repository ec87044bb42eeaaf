"""Book: one symbol's order book, clients' orders in price-time priority beside what the outside shows.

The outside was there first: at one price its quantity trades before a client's. What is taken from it is gone until
the next quote. Prices are kept sorted and each price's orders in the order of their arrival, so nothing is scanned.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from qt_ray.core.orders import Side
from qt_ray.execution.exchange.listing import Level
from qt_ray.execution.exchange.values import ZERO, Order, SelfTrade


@dataclass(slots=True)
class Half:
    """One side of a book; `outside` has its best level last."""

    is_bid: bool
    prices: list[Decimal] = field(default_factory=list)
    queues: dict[Decimal, dict[int, Order]] = field(default_factory=dict)
    outside: list[Level] = field(default_factory=list)

    def show(self, levels: tuple[Level, ...]) -> None:
        """Replace what the outside shows, best first."""
        self.outside = [level for level in reversed(levels) if level.quantity > 0]

    def best_order(self) -> Order | None:
        """Return the client order that trades first."""
        if not self.prices:
            return None
        return next(iter(self.queues[self.prices[-1 if self.is_bid else 0]].values()))

    def best_price(self) -> Decimal | None:
        """Return the best price of anybody."""
        first = self.first()
        return first.price if first is not None else None

    def first(self) -> Order | Level | None:
        """Return whoever trades first, the outside before a client at the same price."""
        order = self.best_order()
        if not self.outside:
            return order
        level = self.outside[-1]
        return level if order is None or self.reaches(level.price, order.price) else order

    def reaches(self, price: Decimal, other: Decimal) -> bool:
        """Return whether a price on this side is as good as another for whoever takes it."""
        return price >= other if self.is_bid else price <= other

    def consume(self, quantity: Decimal) -> None:
        """Take a quantity from the outside's best level."""
        level = self.outside.pop()
        if level.quantity > quantity:
            self.outside.append(Level(level.price, level.quantity - quantity))

    def add(self, order: Order) -> None:
        """Let an order rest behind those at its price."""
        queue = self.queues.get(order.price)
        if queue is None:
            queue = self.queues[order.price] = {}
            insort(self.prices, order.price)
        queue[order.id] = order

    def remove(self, order: Order) -> bool:
        """Take an order out; say whether it rested here."""
        queue = self.queues.get(order.price)
        if queue is None or queue.pop(order.id, None) is None:
            return False
        if not queue:
            del self.queues[order.price]
            del self.prices[bisect_left(self.prices, order.price)]
        return True

    def walk(self) -> Iterator[tuple[Decimal, Decimal, Order | None]]:
        """Yield what trades, in that order: price, quantity, and the order if it is a client's."""
        prices = iter(reversed(self.prices) if self.is_bid else self.prices)
        price = next(prices, None)
        for level in reversed(self.outside):
            while price is not None and price != level.price and self.reaches(price, level.price):
                yield from ((price, order.left, order) for order in self.queues[price].values())
                price = next(prices, None)
            yield level.price, level.quantity, None
        while price is not None:
            yield from ((price, order.left, order) for order in self.queues[price].values())
            price = next(prices, None)

    def levels(self) -> Iterator[Level]:
        """Yield the merged levels, best first."""
        for price, parts in groupby(self.walk(), key=itemgetter(0)):
            yield Level(price, sum((quantity for _, quantity, _ in parts), ZERO))

    def average(self, quantity: Decimal) -> Decimal:
        """Return the average price at which so much, or all there is, could be taken; zero if there is nothing."""
        left, cost = quantity, ZERO
        for price, there, _ in self.walk():
            part = min(left, there)
            left, cost = left - part, cost + part * price
            if not left:
                break
        return cost / (quantity - left) if left < quantity else ZERO

    def offers(self, order: Order, limit: Decimal) -> Decimal:
        """Return how much `order` could take here down to its limit, up to a little more than it wants."""
        found, own = ZERO, order.account if order.self_trade is not SelfTrade.NONE else None
        for price, there, other in self.walk():
            if found >= order.left or not self.reaches(price, limit):
                break
            if other is None or other.account != own:
                found += there
            elif order.self_trade is not SelfTrade.EXPIRE_MAKER:
                break
        return found


class Book:
    """Both sides of a symbol, and the number of their last change."""

    __slots__ = ("asks", "bids", "update_id")

    def __init__(self) -> None:
        self.bids, self.asks, self.update_id = Half(True), Half(False), 0

    def of(self, side: Side) -> Half:
        """Return the half in which orders of this side rest."""
        return self.bids if side is Side.BUY else self.asks

    def against(self, side: Side) -> Half:
        """Return the half that orders of this side take from."""
        return self.asks if side is Side.BUY else self.bids
