"""Precision: an order on the venue's grid, moved so that no risk is added by rounding.

Quantities go down. A limit is the worst price accepted: it gets no worse. A trigger that leaves a position goes off no
later, and one that enters no earlier. What cannot be fitted is not sent, and the reason is a value.
"""

from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact
from enum import StrEnum

from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.views import SymbolRules

EXACT = Context(prec=100, traps=[Inexact])
STOPS = frozenset({OrderType.STOP, OrderType.STOP_MARKET})


class Reason(StrEnum):
    """Why an order does not fit the venue's rules."""

    STATUS = "status"
    ORDER_TYPE = "order_type"
    QUANTITY = "quantity"
    PRICE = "price"
    NOTIONAL = "notional"


@dataclass(frozen=True, slots=True)
class Unfit:
    """The order cannot be sent as it is wanted; `rule` says what it would have to be, and what it was."""

    reason: Reason
    rule: str


def fit(intent: Intent, rules: SymbolRules, mark: Decimal | None) -> Intent | Unfit:
    """Return the order as the venue takes it, never more than was wanted, or why there is none.

    A quantity above the venue's most is cut to it: what is left is wanted still, and another order's business. Without
    a mark nothing is judged by it.
    """
    quantity, limit, trigger = quantity_of(intent, rules), limit_of(intent, rules.tick), trigger_of(intent, rules.tick)
    unfit = _not_taken(intent, rules) or _wrong_size(intent, quantity, rules) or _off_range(limit, trigger, rules)
    if unfit is not None:
        return unfit
    fitted = intent
    if (quantity, limit, trigger) != (intent.quantity, intent.limit_price, intent.trigger_price):
        fitted = replace(intent, quantity=quantity, limit_price=limit, trigger_price=trigger)
    return _too_far(fitted, rules, mark) or _too_small(fitted, rules, mark) or fitted


def why_unfit(intent: Intent, rules: SymbolRules) -> str | None:
    """Return the rule of the venue that an order breaks as it stands, whatever the mark is, or nothing."""
    fitted = fit(intent, rules, None)
    if isinstance(fitted, Unfit):
        return fitted.rule
    for name in ("quantity", "limit_price", "trigger_price"):
        wanted, taken = getattr(intent, name), getattr(fitted, name)
        if wanted != taken:
            return f"{name}: on {intent.symbol}'s grid and within its limits, {taken} would be, was {wanted}"
    return None


def quantity_of(intent: Intent, rules: SymbolRules) -> Decimal:
    """Return the quantity in whole steps, down, and at most what the venue takes at once."""
    if intent.type.has_limit:
        return _down(min(intent.quantity, rules.quantity_max), rules.step)
    return _down(min(intent.quantity, rules.market_quantity_max), max(rules.step, rules.market_step))


def limit_of(intent: Intent, tick: Decimal) -> Decimal | None:
    """Return the limit in whole ticks; a stop that protects prefers to be filled."""
    if intent.limit_price is None:
        return None
    yields = intent.reduce_only and intent.type in STOPS
    up = (intent.side is Side.BUY) is yields
    return _on_tick(intent.limit_price, tick, up)


def trigger_of(intent: Intent, tick: Decimal) -> Decimal | None:
    """Return the trigger in whole ticks: nearer to the market for what leaves a position, farther for what enters."""
    if intent.trigger_price is None:
        return None
    waits_above = (intent.side is Side.BUY) is (intent.type in STOPS)
    return _on_tick(intent.trigger_price, tick, waits_above is not intent.reduce_only)


def worth(intent: Intent, mark: Decimal | None) -> Decimal | None:
    """Return what the venue takes the order to be worth, at its own price if it has one, else at the mark."""
    price = intent.limit_price or intent.trigger_price or mark
    return None if price is None else EXACT.multiply(intent.quantity, price)


def _not_taken(intent: Intent, rules: SymbolRules) -> Unfit | None:
    # A symbol that is being closed may still let out what is held of it; the venue says so better than we do.
    if rules.status != "TRADING" and not intent.reduce_only:
        return Unfit(Reason.STATUS, f"{rules.symbol} trades, its status was {rules.status}")
    if intent.type.value not in rules.order_types:
        return Unfit(Reason.ORDER_TYPE, f"{rules.symbol} takes {', '.join(rules.order_types)}, was {intent.type}")
    return None


def _wrong_size(wanted: Intent, quantity: Decimal, rules: SymbolRules) -> Unfit | None:
    if quantity > 0 and quantity >= rules.quantity_min:
        return None
    return Unfit(Reason.QUANTITY, f"quantity: at least {rules.quantity_min} in steps, was {wanted.quantity}")


def _off_range(limit: Decimal | None, trigger: Decimal | None, rules: SymbolRules) -> Unfit | None:
    low, high = max(rules.price_min, rules.tick), rules.price_max
    for name, price in (("limit_price", limit), ("trigger_price", trigger)):
        if price is not None and not low <= price <= high:
            return Unfit(Reason.PRICE, f"{name}: from {low} to {high}, was {price}")
    return None


def _too_far(fitted: Intent, rules: SymbolRules, mark: Decimal | None) -> Unfit | None:
    # A conditional order's limit is judged when it is triggered, against the mark of that moment.
    if fitted.type is not OrderType.LIMIT or fitted.limit_price is None or mark is None:
        return None
    up, down = EXACT.multiply(mark, rules.price_up), EXACT.multiply(mark, rules.price_down)
    if fitted.side is Side.BUY and fitted.limit_price > up:
        return Unfit(Reason.PRICE, f"limit_price: a buy at most {up}, was {fitted.limit_price}")
    if fitted.side is Side.SELL and fitted.limit_price < down:
        return Unfit(Reason.PRICE, f"limit_price: a sell at least {down}, was {fitted.limit_price}")
    return None


def _too_small(fitted: Intent, rules: SymbolRules, mark: Decimal | None) -> Unfit | None:
    value = worth(fitted, mark)
    # The venue lets any remainder out of a position.
    if fitted.reduce_only or value is None or value >= rules.notional_min:
        return None
    return Unfit(Reason.NOTIONAL, f"notional: at least {rules.notional_min}, was {value}")


def _down(quantity: Decimal, step: Decimal) -> Decimal:
    return EXACT.multiply(EXACT.divide_int(quantity, step), step)


def _on_tick(price: Decimal, tick: Decimal, up: bool) -> Decimal:
    low = _down(price, tick)
    return low if low == price or not up else EXACT.add(low, tick)
