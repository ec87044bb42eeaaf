"""Remainder: what is left of an order that the venue ended early, and whether it is worth another one.

Only an order that expired by itself is tried again. One that was cancelled, by whomever, was not wanted any more:
a timer of the venue, a person or an emergency ended it, and nothing we do behind their back is right.
"""

from dataclasses import replace
from decimal import Decimal

from qt_ray.core.ids import ClientOrderId
from qt_ray.core.orders import ZERO, Expired, Intent, TimeInForce
from qt_ray.execution.gateway.book import Book, Tracked
from qt_ray.execution.gateway.rules import Rules

BPS = 10_000


def delay_ms(tracked: Tracked, rules: Rules, at_ms: int) -> int | None:
    """Return how long to wait before the rest of an order is tried again, or nothing if it is not.

    What ended long ago, as a restart may find it, was somebody else's decision about another market.
    """
    order = tracked.order
    if not isinstance(order, Expired) or tracked.ending or tracked.missing or tracked.intent.type.is_conditional:
        return None
    if at_ms - order.at_ms > rules.entry_age_max_ms:
        return None
    if tracked.intent.time_in_force in (TimeInForce.FOK, TimeInForce.GTX):
        return None  # all or nothing got nothing, and a maker that would have taken would again
    if order.progress.executed * BPS >= order.intent.quantity * rules.full_bps:
        return None
    attempt = ClientOrderId.parse(order.intent.client_id).attempt
    return rules.retry_ms[attempt] if attempt < len(rules.retry_ms) else None


def remainder(tracked: Tracked, book: Book, rules: Rules) -> Intent | None:
    """Return the intent for the rest, never more than the parent has left; nothing if that is too little."""
    name = str(ClientOrderId.parse(tracked.intent.client_id).child())
    left = book.parents[tracked.parent].quantity - book.claimed(tracked.parent)
    rest = min(tracked.intent.quantity - tracked.claim, left)
    least: Decimal = rules.residual_min.get(tracked.intent.symbol, ZERO)
    if name in book.orders or rest <= 0 or rest < least:
        return None
    return replace(tracked.intent, client_id=name, quantity=rest)
