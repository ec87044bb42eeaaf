"""Checks: what a symbol's filters and an account's mode say about an order, in the exchange's order and words.

Each check refuses with the exchange's own code or says nothing; none changes anything.
"""

from decimal import Decimal

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.floor import Market
from qt_ray.execution.exchange.listing import Listing
from qt_ray.execution.exchange.values import NewOrder, Refusal, TimeInForce, is_closing
from qt_ray.execution.venue.views import PositionSide

PRE_SETTLE = "PRE_SETTLE"
TRADED = frozenset({"TRADING", PRE_SETTLE})
GOOD_TILL_AHEAD_MS = 600_000
GOOD_TILL_MAX_MS = 253_402_300_799_000
PRICE_MATCHES = {
    "OPPONENT": (False, 1),
    "OPPONENT_5": (False, 5),
    "OPPONENT_10": (False, 10),
    "OPPONENT_20": (False, 20),
    "QUEUE": (True, 1),
    "QUEUE_5": (True, 5),
    "QUEUE_10": (True, 10),
    "QUEUE_20": (True, 20),
}


def check_status(market: Market, closes: bool) -> None:
    """Refuse a symbol that is not traded; one about to settle may still be closed."""
    status = market.listing.status
    if status == PRE_SETTLE and not closes:
        raise Refusal(-4140, "Invalid symbol status for opening position.")
    if status not in TRADED or market.quote is None:
        raise Refusal(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")


def check_mode(account: Account, position_side: PositionSide, reduce_only: bool) -> None:
    """Refuse a position side that the account's mode does not have."""
    if account.hedge is (position_side is PositionSide.BOTH):
        raise Refusal(-4061, "Order's position side does not match user's setting.")
    if account.hedge and reduce_only:
        raise Refusal(-1106, "Parameter 'reduceonly' sent when not required.")


def check_quantity(listing: Listing, quantity: Decimal, market_order: bool) -> None:
    """Refuse a quantity outside its limits or off its step; what is too large is never divided."""
    step = listing.market_step if market_order else listing.step
    if quantity <= 0:
        raise Refusal(-4003, "Quantity less than or equal to zero.")
    if quantity > (listing.market_quantity_max if market_order else listing.quantity_max):
        raise Refusal(-4005, "Quantity greater than max quantity.")
    if quantity % step:
        if _places(quantity) > _places(step):
            raise Refusal(-1111, "Precision is over the maximum defined for this asset.")
        raise Refusal(-4023, "Qty not increased by step size.")
    if quantity < listing.quantity_min:
        raise Refusal(-4004, "Quantity less than min quantity.")


def check_price(listing: Listing, price: Decimal) -> None:
    """Refuse a price off its tick or outside its limits."""
    if price <= 0:
        raise Refusal(-4001, "Price less than 0.")
    if price > listing.price_max:
        raise Refusal(-4002, "Price greater than max price.")
    if price % listing.tick:
        if _places(price) > _places(listing.tick):
            raise Refusal(-1111, "Precision is over the maximum defined for this asset.")
        raise Refusal(-4014, "Price not increased by tick size.")
    if price < listing.price_min:
        raise Refusal(-4013, "Price less than min price.")


def check_percent(market: Market, side: Side, price: Decimal) -> None:
    """Refuse to buy far above the mark or to sell far below it."""
    listing = market.listing
    if side is Side.BUY and price > (most := market.mark * listing.price_up):
        raise Refusal(-4016, f"Limit price can't be higher than {_on(listing.tick, most)}.")
    if side is Side.SELL and price < (least := market.mark * listing.price_down):
        raise Refusal(-4024, f"Limit price can't be lower than {_on(listing.tick, least)}.")


def check_counterparty(market: Market, side: Side) -> None:
    """Refuse a market order whose best counterparty lies outside the percent filter."""
    best = market.book.against(side).best_price()
    if best is None:
        return
    if best > market.mark * market.listing.price_up or best < market.mark * market.listing.price_down:
        raise Refusal(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")


def check_notional(listing: Listing, notional: Decimal) -> None:
    """Refuse an opening order that is worth too little."""
    if notional < listing.notional_min:
        raise Refusal(
            -4164, f"Order's notional must be no smaller than {listing.notional_min} (unless you choose reduce only)."
        )


def check_good_till(wanted_ms: int, time_in_force: TimeInForce, now_ms: int) -> None:
    """Refuse a good-till date that is too near or too far."""
    if time_in_force is TimeInForce.GTD and not now_ms + GOOD_TILL_AHEAD_MS < wanted_ms < GOOD_TILL_MAX_MS:
        raise Refusal(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds"
            " and smaller than 253402300799000.",
        )


def check_reduction(account: Account, line: Line, wanted: NewOrder) -> None:
    """Refuse an order that may only close and finds nothing to close."""
    closes = wanted.reduce_only or is_closing(wanted.side, wanted.position_side)
    held = line.held[wanted.position_side].quantity * -wanted.side.sign
    if closes and (held <= 0 or (account.hedge and wanted.quantity > held)):
        raise Refusal(-2022, "ReduceOnly Order is rejected.")


def matched_price(market: Market, side: Side, price_match: str) -> Decimal:
    """Return the price that a price match means now."""
    if price_match not in PRICE_MATCHES:
        raise Refusal(-5037, "Invalid price match.")
    own, depth = PRICE_MATCHES[price_match]
    half = market.book.of(side) if own else market.book.against(side)
    for at, level in enumerate(half.levels(), 1):
        if at == depth:
            return level.price
    raise Refusal(-5041, "No depth matches this BBO order.")


def check_plain(market: Market, account: Account, wanted: NewOrder, now_ms: int) -> None:
    """Refuse a plain order for what it is, before anything of the account's money is looked at."""
    listing, is_market = market.listing, wanted.type is OrderType.MARKET
    if wanted.type.is_conditional:
        raise Refusal(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    check_status(market, wanted.reduce_only or is_closing(wanted.side, wanted.position_side))
    check_mode(account, wanted.position_side, wanted.reduce_only)
    check_quantity(listing, wanted.quantity, is_market)
    if is_market:
        check_counterparty(market, wanted.side)
    else:
        _check_limit(market, wanted)
    check_good_till(wanted.good_till_ms, wanted.time_in_force, now_ms)
    if wanted.client_id in account.open:
        raise Refusal(-4116, "ClientOrderId is duplicated.")


def _check_limit(market: Market, wanted: NewOrder) -> None:
    if wanted.price_match != "NONE":
        if wanted.price is not None:
            raise Refusal(-1106, "Parameter 'price' sent when not required.")
        return
    if wanted.price is None:
        raise Refusal(-1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed.")
    check_price(market.listing, wanted.price)
    check_percent(market, wanted.side, wanted.price)


def _places(value: Decimal) -> int:
    """Count the decimals that are not trailing zeros; as text, because a context would round a long number."""
    return len(format(value, "f").partition(".")[2].rstrip("0"))


def _on(tick: Decimal, price: Decimal) -> Decimal:
    return price // tick * tick
