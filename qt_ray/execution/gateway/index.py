"""Index: what is asked of a book with every input, kept up with every record instead of looked for among all orders.

A book holds thousands of orders that have ended, and those who ask want a few. Nothing here is known that the orders
do not say, so it belongs to no digest and to no snapshot.
"""

from dataclasses import dataclass, field

from qt_ray.core.orders import Order


@dataclass(slots=True)
class Index:
    """Orders by name, all and those that only close; names by the venue's number; how often the book has changed."""

    changes: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    exits: dict[str, Order] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    of_symbol: dict[str, dict[str, str]] = field(default_factory=dict)

    def keep(self, order: Order, plain_id: str | None, former_id: str | None = None) -> None:
        """Take in how an order stands, and the number that its trades bear in the place of a former one."""
        self.changes += 1
        name = order.intent.client_id
        self.orders[name] = order
        if order.intent.reduce_only:
            self.exits[name] = order
        if plain_id != former_id:
            self._unnumber(order, former_id)
            self._number(order, plain_id)

    def drop(self, order: Order, plain_id: str | None) -> None:
        """Forget an order."""
        self.changes += 1
        del self.orders[order.intent.client_id]
        self.exits.pop(order.intent.client_id, None)
        self._unnumber(order, plain_id)

    def _number(self, order: Order, plain_id: str | None) -> None:
        if plain_id:
            self.names[plain_id] = order.intent.client_id
            self.of_symbol.setdefault(order.intent.symbol, {})[plain_id] = order.intent.client_id

    def _unnumber(self, order: Order, plain_id: str | None) -> None:
        for names in (self.names, self.of_symbol.get(order.intent.symbol, {})):
            if plain_id and names.get(plain_id) == order.intent.client_id:
                del names[plain_id]
