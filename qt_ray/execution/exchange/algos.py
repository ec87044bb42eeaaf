"""Algos: conditional orders, from their checks to the plain order that a trigger makes of them.

A trigger's order is checked like any other when it is made, not before; what is then refused ends the conditional
order as REJECTED with the words of the refusal. Margin is not held for what only waits, and a trigger comes before a
liquidation, but not where nothing is left.
"""

from dataclasses import replace
from decimal import Decimal

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.checks import (
    check_good_till,
    check_mode,
    check_notional,
    check_price,
    check_quantity,
    check_status,
)
from qt_ray.execution.exchange.ending import end_algo
from qt_ray.execution.exchange.floor import Floor, Market
from qt_ray.execution.exchange.liquidation import take_bankrupt
from qt_ray.execution.exchange.orders import admit, checked, draft, number, work
from qt_ray.execution.exchange.timers import Due, Timer
from qt_ray.execution.exchange.triggers import STOPS, fires_above, trail
from qt_ray.execution.exchange.values import (
    ZERO,
    Algo,
    AlgoState,
    NewAlgo,
    NewOrder,
    Order,
    Refusal,
    TimeInForce,
    Working,
    is_closing,
)

CONDITIONAL_MAX = 200
CALLBACK_MIN, CALLBACK_MAX = Decimal("0.1"), Decimal(20)
TRAILING = OrderType.TRAILING_STOP_MARKET
IMMEDIATELY = -2021, "Order would immediately trigger."


def place_algo(floor: Floor, account: Account, wanted: NewAlgo) -> Algo:
    """Check a conditional order and let it wait."""
    market = floor.market(wanted.symbol)
    check_algo(floor, market, account, wanted)
    line = floor.line(account, wanted.symbol)
    found = floor.numbers.next_algo()
    name = wanted.client_id or f"auto-algo-{found}"
    algo = Algo(found, name, account.name, wanted, floor.now_ms, floor.now_ms)
    if wanted.type is TRAILING:
        algo.is_active = wanted.activate_price is None
        trail(algo, _price(market, wanted.working))
    account.admit_algo(algo, line)
    market.triggers.add(algo)
    if wanted.time_in_force is TimeInForce.GTD:
        floor.timers.set(wanted.good_till_ms, Timer(Due.ALGO_GOOD_TILL, wanted.symbol, account.name, found))
    floor.tell_algo(account, algo, AlgoState.NEW)
    return algo


def check_algo(floor: Floor, market: Market, account: Account, wanted: NewAlgo) -> None:
    """Refuse a conditional order for what it is, or for how many there are."""
    if not wanted.type.is_conditional:
        raise Refusal(-1116, "Invalid orderType.")
    closes = wanted.reduce_only or wanted.closes_position or is_closing(wanted.side, wanted.position_side)
    check_status(market, closes)
    check_mode(account, wanted.position_side, wanted.reduce_only)
    _check_size(market, wanted)
    _check_prices(market, wanted)
    if wanted.quantity is not None and not closes:
        check_notional(market.listing, wanted.quantity * (wanted.price or wanted.trigger_price or market.mark))
    check_good_till(wanted.good_till_ms, wanted.time_in_force, floor.now_ms)
    same = account.algos_by_client.get(wanted.client_id) if wanted.client_id else None
    if same is not None and same.is_open:
        raise Refusal(-4116, "ClientOrderId is duplicated.")
    if len(account.open_algos) >= CONDITIONAL_MAX:
        raise Refusal(-4045, "Reach max stop order limit.")
    _check_alone(account, wanted)
    if _pulls(market, wanted):
        raise Refusal(*IMMEDIATELY)


def fire(floor: Floor, market: Market) -> None:
    """Pull every trigger that the market has reached, and those that their orders reach."""
    while fired := market.triggers.fired(market.last, market.mark):
        for algo in fired:
            _pull(floor, market, floor.accounts[algo.account], algo)


def cancel_algos(floor: Floor, account: Account, symbol: str) -> list[Algo]:
    """Cancel the conditional orders of a symbol, oldest first."""
    floor.market(symbol)
    found = [algo for algo in account.open_algos.values() if algo.wanted.symbol == symbol]
    for algo in found:
        end_algo(floor, account, algo, AlgoState.CANCELED)
    return found


def _pull(floor: Floor, market: Market, account: Account, algo: Algo) -> None:
    floor.leave(account, algo)
    algo.triggered_ms = floor.now_ms
    floor.tell_algo(account, algo, AlgoState.TRIGGERING)
    take_bankrupt(floor, account, account.lines[algo.wanted.symbol])
    try:
        _check_protected(market, algo.wanted)
        order = _child(floor, market, account, algo)
    except Refusal as refusal:
        floor.tell_algo(account, algo, AlgoState.REJECTED, refusal.message)
        account.retire_algo(algo)
        return
    number(floor, order)
    algo.order = order
    account.parents[order.id] = algo
    floor.tell_algo(account, algo, AlgoState.TRIGGERED)
    admit(floor, account, order)
    work(floor, account, order)


def _child(floor: Floor, market: Market, account: Account, algo: Algo) -> Order:
    wanted, line = algo.wanted, account.lines[algo.wanted.symbol]
    has_limit = wanted.type.has_limit
    plain = NewOrder(
        symbol=wanted.symbol,
        side=wanted.side,
        type=OrderType.LIMIT if has_limit else OrderType.MARKET,
        quantity=wanted.quantity or ZERO,
        price=wanted.price,
        time_in_force=wanted.time_in_force,
        client_id=algo.client_id,
        reduce_only=wanted.reduce_only or (wanted.closes_position and not account.hedge),
        position_side=wanted.position_side,
        self_trade=wanted.self_trade,
        price_match=wanted.price_match,
        good_till_ms=wanted.good_till_ms,
    )
    if wanted.closes_position:
        order = _closing_draft(floor, market, account, line, plain)
    else:
        order = checked(floor, account, plain)
    order.original_type, order.working, order.price_protect = wanted.type, wanted.working, wanted.price_protect
    order.trigger_price, order.closes_position = wanted.trigger_price or ZERO, wanted.closes_position
    return order


def _closing_draft(floor: Floor, market: Market, account: Account, line: Line, plain: NewOrder) -> Order:
    """Return an order for a whole position, however large it is."""
    check_status(market, closes=True)
    quantity = line.held[plain.position_side].quantity * -plain.side.sign
    if quantity <= 0:
        raise Refusal(-2022, "ReduceOnly Order is rejected.")
    return draft(floor, account, market, replace(plain, quantity=quantity))


def _check_protected(market: Market, wanted: NewAlgo) -> None:
    if wanted.price_protect and abs(market.last - market.mark) > market.listing.trigger_protect * market.mark:
        raise Refusal(-4192, "Trigger protection: last and mark price are too far apart.")


def _check_size(market: Market, wanted: NewAlgo) -> None:
    if wanted.closes_position:
        if wanted.type is TRAILING or wanted.type.has_limit:
            raise Refusal(-4136, f"Target strategy invalid for orderType {wanted.type},closePosition true")
        if wanted.quantity is not None or wanted.reduce_only:
            unwanted = "quantity" if wanted.quantity is not None else "reduceonly"
            raise Refusal(-1106, f"Parameter '{unwanted}' sent when not required.")
        return
    if wanted.quantity is None:
        raise _missing("quantity")
    check_quantity(market.listing, wanted.quantity, market_order=not wanted.type.has_limit)


def _check_prices(market: Market, wanted: NewAlgo) -> None:
    if wanted.type is TRAILING:
        if wanted.callback_rate is None:
            raise _missing("callbackrate")
        if not CALLBACK_MIN <= wanted.callback_rate <= CALLBACK_MAX:
            raise Refusal(-2007, "Invalid callBack rate.")
        if wanted.activate_price is not None:
            check_price(market.listing, wanted.activate_price)
        return
    if wanted.trigger_price is None:
        raise _missing("triggerprice")
    check_price(market.listing, wanted.trigger_price)
    if wanted.type.has_limit and wanted.price_match == "NONE":
        if wanted.price is None:
            raise _missing("price")
        check_price(market.listing, wanted.price)


def _check_alone(account: Account, wanted: NewAlgo) -> None:
    """Refuse a second stop, or a second profit, for the same whole position."""
    line = account.lines.get(wanted.symbol)
    if not wanted.closes_position or line is None:
        return
    for other in (algo.wanted for algo in line.guards.values()):
        same_kind = (other.type in STOPS) is (wanted.type in STOPS)
        if same_kind and other.side is wanted.side and other.position_side is wanted.position_side:
            raise Refusal(
                -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
            )


def _pulls(market: Market, wanted: NewAlgo) -> bool:
    """Return whether the market has already reached a trigger, or passed an activation."""
    price = _price(market, wanted.working)
    if wanted.type is TRAILING:
        activate, buys = wanted.activate_price, wanted.side is Side.BUY
        return activate is not None and (activate >= price if buys else activate <= price)
    trigger = wanted.trigger_price or ZERO
    return price >= trigger if fires_above(wanted) else price <= trigger


def _price(market: Market, working: Working) -> Decimal:
    return market.mark if working is Working.MARK_PRICE else market.last


def _missing(name: str) -> Refusal:
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
