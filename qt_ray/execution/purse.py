"""Purse: what the emergency stop knows of an account by itself: what the venue shows, and what its stream tells since.

It shares nothing with the books, so an error there is none here. A transfer may be told by the stream, shown by the
venue, or both: whoever has seen more of them is believed.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from qt_ray.core.orders import ZERO
from qt_ray.execution.venue.news import AccountNews
from qt_ray.execution.venue.views import AccountView, IncomeView, PositionView
from qt_ray.risk.vigil import Equity

TRANSFERS: Final = frozenset(
    {
        "DEPOSIT",
        "WITHDRAW",
        "WITHDRAW_REJECT",
        "ADMIN_DEPOSIT",
        "ADMIN_WITHDRAW",
        "ASSET_TRANSFER",
        "COIN_SWAP_DEPOSIT",
        "COIN_SWAP_WITHDRAW",
    }
)
# A fall by a hundredth may be a withdrawal that nobody has told of yet.
SUSPECT_SHARE: Final = Decimal("0.01")
Held = dict[str, tuple[Decimal, Decimal]]


class Purse:
    """One account in one currency."""

    def __init__(self, currency: str) -> None:
        """Know nothing yet."""
        self.held: Held = {}
        self.last: Equity | None = None
        self._currency = currency
        self._wallet: Decimal | None = None
        self._marks: dict[str, Decimal] = {}
        self._moved, self._moves = ZERO, 0

    def shown(self, view: AccountView) -> Equity:
        """Take in what the venue shows of the account, and return what it is worth by that."""
        self._wallet = view.wallets.get(self._currency, ZERO)
        self.last = Equity(self._wallet + view.unrealised, self._wallet, view.unrealised, self._moved)
        return self.last

    def positions(self, views: Iterable[PositionView]) -> None:
        """Take in what the venue shows of the positions."""
        shown = tuple(views)
        self.held = {view.symbol: (view.quantity, view.entry) for view in shown if view.quantity != 0}
        self._marks |= {view.symbol: view.mark for view in shown if view.mark > 0}

    def moved(self, incomes: Iterable[IncomeView]) -> None:
        """Take in every transfer that the venue shows since we began."""
        amounts = [income.amount for income in incomes if income.asset == self._currency]
        if len(amounts) >= self._moves:
            self._moved, self._moves = sum(amounts, ZERO), len(amounts)

    def heard(self, news: AccountNews) -> None:
        """Take in a change of the account."""
        self._wallet = news.wallets.get(self._currency, self._wallet)
        if news.reason in TRANSFERS and self._currency in news.changes:
            self._moved, self._moves = self._moved + news.changes[self._currency], self._moves + 1
        for held in news.positions:
            self.held[held.symbol] = held.quantity, held.entry
            if held.quantity == 0:
                del self.held[held.symbol]

    def marked(self, symbol: str, mark: Decimal) -> None:
        """Take in a mark price."""
        self._marks[symbol] = mark

    def worth(self) -> Equity | None:
        """Return what the account is worth at the newest marks, which no venue has confirmed; nothing if unknown."""
        if self._wallet is None or any(symbol not in self._marks for symbol in self.held):
            return None
        open_ = sum((size * (self._marks[symbol] - entry) for symbol, (size, entry) in self.held.items()), ZERO)
        return Equity(self._wallet + open_, self._wallet, open_, self._moved)

    def is_suspect(self, told: Equity, before: Equity | None) -> bool:
        """Return whether an account has moved so far that a transfer may be the reason."""
        return before is not None and abs(told.equity - before.equity) > SUSPECT_SHARE * abs(before.equity)
