"""Ledger: every fill, fee, funding payment and transfer, in whole money units, tied to cash.

A position carries its signed cost, not an average price, so nothing is rounded until it is closed, and a position
closed whole realises exactly what was paid and received. The wallet always ties:
initial + transfers + realised - fees + funding.
"""

from qt_ray.core.account import Account, Book
from qt_ray.core.compiled import inlined
from qt_ray.core.money import per_hundred_million, per_million, portion


@inlined
def closing(position: int, quantity: int) -> int:
    """Return the signed part of `quantity` that closes `position`."""
    if position > 0 > quantity:
        return max(quantity, -position)
    if position < 0 < quantity:
        return min(quantity, -position)
    return 0


@inlined
def apply_fill(book: Book, account: Account, unit: int, quantity: int, price: int, fee_ppm: int) -> tuple[int, int]:
    """Book one execution and return (fee, realised)."""
    closed = closing(book.position, quantity)
    opened = quantity - closed
    realised = 0
    if closed != 0:
        cost = portion(book.cost, abs(closed), abs(book.position))
        realised = -closed * price * unit - cost
        book.cost -= cost
    book.cost += opened * price * unit
    book.position += quantity
    fee = per_million(abs(quantity) * price * unit, fee_ppm)
    account.wallet += realised - fee
    account.realised += realised
    account.fees += fee
    return fee, realised


@inlined
def settle_funding(book: Book, account: Account, unit: int, price: int, rate: int) -> int:
    """Pay or receive funding on the position at `price`; `rate` is in 1e-8, longs pay when positive."""
    payment = -per_hundred_million(book.position * price * unit, rate)
    account.wallet += payment
    account.funding += payment
    return payment


@inlined
def book_transfer(account: Account, amount: int) -> None:
    """Book a deposit (positive) or withdrawal."""
    account.wallet += amount
    account.transfers += amount


@inlined
def unrealised(book: Book, unit: int, price: int) -> int:
    """Return what closing at `price` would realise."""
    return book.position * price * unit - book.cost
