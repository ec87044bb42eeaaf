"""Orders: a plain order from wish to rest: checked, admitted, matched, and what is left rests or expires.

An order is refused before anything changes or not at all. Only an order that shrinks at its own price keeps its place
in the queue when it is amended; any other change puts it at the end, or lets it trade.
"""

from dataclasses import replace
from decimal import Decimal

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.checks import (
    check_notional,
    check_percent,
    check_plain,
    check_price,
    check_quantity,
    check_reduction,
    check_status,
    matched_price,
)
from qt_ray.execution.exchange.ending import (
    BY_DELISTING,
    BY_MARKET,
    BY_REDUCTION,
    BY_TIME_IN_FORCE,
    cancel,
    end_algo,
    expire,
)
from qt_ray.execution.exchange.floor import Floor, Market
from qt_ray.execution.exchange.margin import available, exceeds_cap, needed
from qt_ray.execution.exchange.matching import take
from qt_ray.execution.exchange.settlement import trim
from qt_ray.execution.exchange.timers import Due, Timer
from qt_ray.execution.exchange.values import ZERO, AlgoState, Happened, NewOrder, Order, Refusal, TimeInForce

ONE = Decimal(1)


def checked(floor: Floor, account: Account, wanted: NewOrder) -> Order:
    """Return the order that a wish would make, or refuse it; nothing is changed."""
    market = floor.market(wanted.symbol)
    check_plain(market, account, wanted, floor.now_ms)
    line = floor.line(account, wanted.symbol)
    if len(line.open) >= market.listing.orders_max:
        raise Refusal(-2025, "Reach max open order limit.")
    order = draft(floor, account, market, wanted)
    best = market.book.against(order.side).best_price()
    worth = order.price or market.book.against(order.side).average(order.quantity) or market.mark
    if not order.closes:
        check_notional(market.listing, order.quantity * worth)
    check_reduction(account, line, wanted)
    check_margin(floor, account, line, order, worth)
    _check_time_in_force(market, order, best)
    return order


def place(floor: Floor, account: Account, wanted: NewOrder) -> Order:
    """Admit an order and let it work."""
    order = checked(floor, account, wanted)
    number(floor, order)
    admit(floor, account, order)
    work(floor, account, order)
    return order


def number(floor: Floor, order: Order) -> None:
    """Give an order its number, and a name if it has none."""
    order.id = floor.numbers.next_order()
    order.client_id = order.client_id or f"auto-{order.id}"


def admit(floor: Floor, account: Account, order: Order) -> None:
    """Give a numbered order its place among the open ones."""
    account.admit(order, account.lines[order.symbol])
    floor.tell_order(account.lines[order.symbol], Happened.NEW, order)


def work(floor: Floor, account: Account, order: Order) -> None:
    """Let an admitted order trade; then its rest expires or rests."""
    market, line = floor.markets[order.symbol], account.lines[order.symbol]
    is_market = order.type is OrderType.MARKET
    take(floor, account, order, _bound(market, order.side) if is_market else order.price)
    if not order.is_open:
        return
    if order.closes and not line.closable(order):
        expire(floor, account, order, BY_REDUCTION)
    elif is_market:
        expire(floor, account, order, BY_MARKET)
    elif order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        expire(floor, account, order, BY_TIME_IN_FORCE)
    else:
        _rest(floor, market, order)
        trim(floor, account, line)


def cancel_all(floor: Floor, account: Account, symbol: str) -> list[Order]:
    """Cancel the plain orders of a symbol, oldest first."""
    floor.market(symbol)
    line = account.lines.get(symbol)
    found = list(line.open.values()) if line else []
    for order in found:
        cancel(floor, account, order)
    return found


def delist(floor: Floor, symbol: str) -> None:
    """End every order in a symbol that is traded no more."""
    for account in floor.accounts.values():
        line = account.lines.get(symbol)
        for order in list(line.open.values()) if line else []:
            expire(floor, account, order, BY_DELISTING)
        for algo in [algo for algo in account.open_algos.values() if algo.wanted.symbol == symbol]:
            end_algo(floor, account, algo, AlgoState.EXPIRED, "The symbol is not traded.")


def amend(floor: Floor, account: Account, order: Order, side: Side, quantity: Decimal, price: Decimal) -> None:
    """Change an open order's quantity and price."""
    market, line = floor.markets[order.symbol], account.lines[order.symbol]
    check_status(market, order.closes)
    _check_amendment(market, order, side, quantity, price)
    if quantity <= order.executed:
        cancel(floor, account, order)
        return
    changed = replace(order, quantity=quantity, price=price)
    line.reserve(order, -order.left)
    try:
        check_margin(floor, account, line, changed, price)
        _check_time_in_force(market, changed, market.book.against(side).best_price())
    except Refusal:
        line.reserve(order, order.left)
        raise
    _change(floor, account, market, line, order, quantity, price)


def check_margin(floor: Floor, account: Account, line: Line, order: Order, worth: Decimal) -> None:
    """Refuse an opening order for which leverage or wallet do not suffice."""
    if order.closes:
        return
    if exceeds_cap(line, account.hedge, order, worth):
        raise Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    margin = needed(line, account.hedge, order.side, order.left, worth)
    rates = floor.rates(account) if account.multi_assets else {}
    if margin and margin > available(account, line.listing.quote, rates):
        raise Refusal(-2019, "Margin is insufficient.")


def _check_amendment(market: Market, order: Order, side: Side, quantity: Decimal, price: Decimal) -> None:
    if side is not order.side:
        raise Refusal(-1117, "Invalid side.")
    check_quantity(market.listing, quantity, market_order=False)
    check_price(market.listing, price)
    check_percent(market, side, price)
    if quantity == order.quantity and price == order.price:
        raise Refusal(-5027, "No need to modify the order.")
    if not order.closes:
        check_notional(market.listing, quantity * price)


def _change(
    floor: Floor, account: Account, market: Market, line: Line, order: Order, quantity: Decimal, price: Decimal
) -> None:
    half = market.book.of(order.side)
    keeps_place = price == order.price and quantity < order.quantity
    if not keeps_place:
        half.remove(order)
    order.quantity, order.price, order.updated_ms = quantity, price, floor.now_ms
    line.reserve(order, order.left)
    market.book.update_id += 1
    floor.tell_order(line, Happened.AMENDMENT, order)
    if not keeps_place:
        work(floor, account, order)


def _rest(floor: Floor, market: Market, order: Order) -> None:
    market.book.of(order.side).add(order)
    market.book.update_id += 1
    if order.time_in_force is TimeInForce.GTD:
        floor.timers.set(order.good_till_ms, Timer(Due.GOOD_TILL, order.symbol, order.account, order.id))


def _check_time_in_force(market: Market, order: Order, best: Decimal | None) -> None:
    half = market.book.against(order.side)
    if order.time_in_force is TimeInForce.GTX and best is not None and half.reaches(best, order.price):
        raise Refusal(
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected."
            " The order will not be recorded in the order history.",
        )
    if order.time_in_force is TimeInForce.FOK and half.offers(order, order.price) < order.left:
        raise Refusal(
            -5021,
            "Due to the order could not be filled immediately, the FOK order has been rejected."
            " The order will not be recorded in the order history.",
        )


def _bound(market: Market, side: Side) -> Decimal:
    return market.mark * (ONE + side.sign * market.listing.market_take_bound)


def draft(floor: Floor, account: Account, market: Market, wanted: NewOrder) -> Order:
    """Return the order that a wish makes, without a number and unchecked."""
    price = wanted.price or ZERO
    if wanted.price_match != "NONE":
        price = matched_price(market, wanted.side, wanted.price_match)
    return Order(
        id=0,
        client_id=wanted.client_id or "",
        account=account.name,
        symbol=wanted.symbol,
        side=wanted.side,
        type=wanted.type,
        original_type=wanted.type,
        position_side=wanted.position_side,
        quantity=wanted.quantity,
        price=price,
        time_in_force=wanted.time_in_force,
        reduce_only=wanted.reduce_only,
        closes_position=False,
        self_trade=wanted.self_trade,
        price_match=wanted.price_match,
        good_till_ms=wanted.good_till_ms,
        created_ms=floor.now_ms,
        updated_ms=floor.now_ms,
    )
