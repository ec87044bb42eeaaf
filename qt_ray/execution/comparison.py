"""Comparison: what the venue shows beside what we know, by set union: nothing on either side is passed over.

A list is compared only with what cannot have changed while it was on its way: an order that was heard of after the
question was asked is left for the next look.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qt_ray.core.ids import is_ours
from qt_ray.core.orders import ZERO, Order, PartiallyFilled, Working, progress_of
from qt_ray.execution.books import Books
from qt_ray.execution.findings import (
    Finding,
    ForeignOrder,
    OrderDiffers,
    OrderGone,
    OrphanOrder,
    OrphanStop,
    PositionDiffers,
    WalletDiffers,
)
from qt_ray.execution.venue.views import AccountView, OrderView, PositionView


@dataclass(frozen=True, slots=True)
class Known:
    """Our orders by client id, and the client id of each plain order that one of them is, or became, at the venue."""

    orders: Mapping[str, Order]
    plain_ids: Mapping[str, str]


def orders_apart(
    known: Known, views: Sequence[OrderView], elsewhere: Sequence[OrderView], conditional: bool, asked_ms: int
) -> Iterator[Finding]:
    """Yield in what a whole list of open orders differs; `elsewhere` are those that the other list showed last."""
    shown = {name_of(known, view): view for view in views}
    also = {name_of(known, view) for view in elsewhere}
    for name, view in shown.items():
        order = known.orders.get(name)
        if order is None:
            yield _stranger(view)
        elif not view.conditional and _rested_before(order, asked_ms):
            progress = progress_of(order)
            ours = progress.executed if progress else ZERO
            if view.executed != ours:
                yield OrderDiffers(view.symbol, name, ours, view.executed)
    for name, order in known.orders.items():
        is_listed_here = order.intent.type.is_conditional is conditional
        if is_listed_here and _rested_before(order, asked_ms) and name not in shown and name not in also:
            yield OrderGone(order.intent.symbol, name)


def stops_apart(known: Known, views: Sequence[OrderView], books: Books) -> Iterator[Finding]:
    """Yield the conditional orders of ours that only close, where there is nothing to close."""
    for view in views:
        is_ours_to_close = view.client_id in known.orders and view.reduce_only
        if is_ours_to_close and books.position(view.symbol, view.position_side).is_flat:
            yield OrphanStop(view.symbol, view.client_id)


def positions_apart(books: Books, views: Sequence[PositionView]) -> Iterator[Finding]:
    """Yield in which positions books and venue differ."""
    ours = {key: held.quantity for key, held in books.positions.items()}
    theirs = {(view.symbol, view.side): view.quantity for view in views}
    for key in sorted({*ours, *theirs}):
        if ours.get(key, ZERO) != theirs.get(key, ZERO):
            yield PositionDiffers(*key, ours.get(key, ZERO), theirs.get(key, ZERO))


def wallets_apart(books: Books, account: AccountView) -> Iterator[Finding]:
    """Yield in which wallets books and venue differ."""
    ours = books.wallets
    for asset in sorted({*ours, *account.wallets}):
        if ours.get(asset, ZERO) != account.wallets.get(asset, ZERO):
            yield WalletDiffers(asset, ours.get(asset, ZERO), account.wallets.get(asset, ZERO))


def name_of(known: Known, view: OrderView) -> str:
    """Return our name for an order at the venue; one that a trigger made bears that of its origin."""
    return view.client_id if view.conditional else known.plain_ids.get(view.venue_id, view.client_id)


def _stranger(view: OrderView) -> Finding:
    if is_ours(view.client_id):
        return OrphanOrder(view.symbol, view.client_id)
    return ForeignOrder(view.symbol, view.venue_id, view.client_id, view.conditional)


def _rested_before(order: Order, asked_ms: int) -> bool:
    return isinstance(order, Working | PartiallyFilled) and order.at_ms < asked_ms
