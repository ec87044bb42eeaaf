"""Index: what is asked of a book with every input, kept up with every record instead of looked for among all orders.

A book holds thousands of orders that have ended, and those who ask want a few. Nothing here is known that the orders
do not say, so it belongs to no digest and to no snapshot.
"""

from dataclasses import dataclass, field
from typing import Final, TypeVar

from qt_ray.core.orders import Cancelled, Expired, Filled, Order, OrderType, PositionSide, Rejected, Side

Key = TypeVar("Key")
Value = TypeVar("Value")

OVER: Final = frozenset({Filled, Cancelled, Expired, Rejected})


@dataclass(slots=True)
class Index:
    """Orders by name, all and those that only close; names by the venue's number; how often the book has changed.

    Of each position: the names of what opened it, by side, and the stops that are not over, the oldest first.
    """

    changes: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    exits: dict[str, Order] = field(default_factory=dict)
    openers: dict[tuple[str, PositionSide, Side], dict[str, None]] = field(default_factory=dict)
    stops: dict[tuple[str, PositionSide], dict[str, Order]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    of_symbol: dict[str, dict[str, str]] = field(default_factory=dict)

    def keep(self, order: Order, plain_id: str | None, former_id: str | None = None) -> None:
        """Take in how an order stands, and the number that its trades bear in the place of a former one."""
        self.changes += 1
        name = order.intent.client_id
        self.orders[name] = order
        if order.intent.reduce_only:
            self.exits[name] = order
            self._guard(order, is_over=type(order) in OVER)
        else:
            self.openers.setdefault(_way(order), {})[name] = None
        if plain_id != former_id:
            self._unnumber(order, former_id)
            self._number(order, plain_id)

    def drop(self, order: Order, plain_id: str | None) -> None:
        """Forget an order."""
        self.changes += 1
        name = order.intent.client_id
        del self.orders[name]
        if order.intent.reduce_only:
            del self.exits[name]
            self._guard(order, is_over=True)
        else:
            _removed(self.openers, _way(order), name)
        self._unnumber(order, plain_id)

    def opener(self, symbol: str, position: PositionSide, side: Side) -> str | None:
        """Return the name of the last order that was to open a position this way round."""
        return next(reversed(self.openers.get((symbol, position, side), {})), None)

    def _guard(self, order: Order, is_over: bool) -> None:
        if order.intent.type is not OrderType.STOP_MARKET:
            return
        position, name = (order.intent.symbol, order.intent.position_side), order.intent.client_id
        if is_over:
            _removed(self.stops, position, name)
        else:
            self.stops.setdefault(position, {})[name] = order

    def _number(self, order: Order, plain_id: str | None) -> None:
        if plain_id:
            self.names[plain_id] = order.intent.client_id
            self.of_symbol.setdefault(order.intent.symbol, {})[plain_id] = order.intent.client_id

    def _unnumber(self, order: Order, plain_id: str | None) -> None:
        for names in (self.names, self.of_symbol.get(order.intent.symbol, {})):
            if plain_id and names.get(plain_id) == order.intent.client_id:
                del names[plain_id]


def _way(order: Order) -> tuple[str, PositionSide, Side]:
    return order.intent.symbol, order.intent.position_side, order.intent.side


def _removed(found: dict[Key, dict[str, Value]], key: Key, name: str) -> None:
    """Take a name out from under a key, and a key that holds none with it."""
    names = found.get(key, {})
    names.pop(name, None)
    if not names:
        found.pop(key, None)
