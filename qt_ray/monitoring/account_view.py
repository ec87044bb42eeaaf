"""Account view: what an account holds, put together from what the keeper of its books tells, and nothing twice.

A stand replaces everything, a fill moves one position, a payment moves the wallet; each has a number, and what has a
number that is known already changes nothing.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from qt_ray.engine.tidings import Filled, Holding, Paid, Stand, Tiding

ZERO: Final = Decimal(0)


@dataclass(slots=True)
class AccountView:
    """One account; `wallet` is None before its keeper was heard."""

    number: int = 0
    at_ms: int | None = None
    wallet: Decimal | None = None
    holdings: dict[str, Holding] = field(default_factory=dict)
    working: tuple[str, ...] = ()

    def hear(self, tiding: Tiding) -> None:
        """Take in a tiding."""
        if tiding.number <= self.number and not isinstance(tiding.what, Stand):
            return
        self.number = tiding.number
        match tiding.what:
            case Stand() as stand:
                self.wallet, self.working, self.at_ms = stand.wallet, stand.working, stand.ts_ms
                self.holdings = {symbol: held for symbol, held in stand.holdings.items() if held.quantity}
            case Filled() as done:
                self._filled(done)
            case Paid() as paid:
                self._moved(paid.amount, paid.ts_ms)

    def _filled(self, done: Filled) -> None:
        after = held_after(self.holdings.get(done.symbol), done.quantity, done.price)
        if after.quantity:
            self.holdings[done.symbol] = after
        else:
            self.holdings.pop(done.symbol, None)
        self._moved(done.realised - done.fee, done.ts_ms)

    def _moved(self, amount: Decimal, at_ms: int) -> None:
        self.at_ms = at_ms
        self.wallet = None if self.wallet is None else self.wallet + amount


def held_after(before: Holding | None, quantity: Decimal, price: Decimal) -> Holding:
    """Return a position after a fill: what adds to it is averaged, what takes from it leaves the entry as it was."""
    held = before or Holding(ZERO, ZERO)
    after = held.quantity + quantity
    if held.quantity * quantity > 0:
        cost = abs(held.quantity) * held.entry + abs(quantity) * price
        return Holding(after, cost / abs(after))
    is_same_side = held.quantity * after > 0
    return Holding(after, held.entry if is_same_side else price)
