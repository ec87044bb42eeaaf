"""Valuation: what the books are worth at marks; where a mark is missing nobody knows, and that is the answer."""

from collections.abc import Mapping
from decimal import Decimal

from qt_ray.core.orders import ZERO
from qt_ray.core.positions import EXACT
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Cause
from qt_ray.risk.vigil import Equity


def valued(books: Books, marks: Mapping[str, Decimal], currency: str) -> Equity | None:
    """Return the account in one currency, or nothing while something is held whose mark nobody has told."""
    held = books.positions
    if any(symbol not in marks for symbol, _ in held):
        return None
    unrealised, wallet = ZERO, books.wallets.get(currency, ZERO)
    for (symbol, _), position in held.items():
        unrealised = EXACT.add(unrealised, position.unrealised(marks[symbol]))
    return Equity(EXACT.add(wallet, unrealised), wallet, unrealised, books.total(Cause.TRANSFERS, currency))
