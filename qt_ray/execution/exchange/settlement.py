"""Settlement: what one trade does to one account, to the last digit.

Closing comes first and fixes profit, what is left opens. Cost stays exact, so profit is cash flow once a position is
flat; amounts that move a wallet are whole 1e-8 of its asset. The account is told before the order, as on the wire.
"""

from decimal import Decimal

from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.ending import BY_REDUCTION, end_algo, expire, finish_parent
from qt_ray.execution.exchange.floor import Floor, Market
from qt_ray.execution.exchange.values import ZERO, AlgoState, Happened, Held, Order, OrderState, Trade
from qt_ray.execution.venue.views import PositionSide

UNIT = Decimal("1e-8")
CLEARING = "INSURANCE_CLEAR"
BURNED = "BNB"
BURN_SHARE = Decimal("0.9")


def settle(
    floor: Floor,
    account: Account,
    order: Order,
    quantity: Decimal,
    price: Decimal,
    trade_id: int,
    maker: bool,
) -> None:
    """Let an order trade: position, wallet, trade, incomes and what is told; a forced order pays no fee here."""
    line = account.lines[order.symbol]
    trade = _trade(floor, account, line, order, quantity, price, trade_id, maker)
    _progress(floor, account, line, order, quantity, trade.quote)
    line.trades.append(trade)
    _pay(floor, account, line, trade)
    _hold(floor.markets[order.symbol], account, line)
    floor.tell_account(account, "ORDER", (line.listing.quote, trade.fee_asset), ZERO, line, order.position_side)
    floor.tell_order(line, Happened.CALCULATED if order.forced else Happened.TRADE, order, trade)
    if order.state is OrderState.FILLED:
        finish_parent(floor, account, order)
    _insure(floor, account, line)


def _insure(floor: Floor, account: Account, line: Line) -> None:
    """Let the insurance fund pay what a gap took below nothing, once the asset has no position that could earn it back.

    With margin in several assets one below zero is a debt that the others secure, and stays.
    """
    asset = line.listing.quote
    missing = -account.wallets.get(asset, ZERO)
    if missing <= 0 or account.multi_assets:
        return
    if all(other.is_flat for other in account.lines.values() if other.listing.quote == asset):
        floor.pay(account, CLEARING, asset, missing, line.listing.symbol)
        floor.tell_account(account, CLEARING, (asset,), missing)


def _trade(
    floor: Floor,
    account: Account,
    line: Line,
    order: Order,
    quantity: Decimal,
    price: Decimal,
    trade_id: int,
    maker: bool,
) -> Trade:
    """Move the position and return the trade that did it."""
    held, quote = line.held[order.position_side], quantity * price
    rate = ZERO if order.forced else line.listing.maker_rate if maker else line.listing.taker_rate
    before = held.quantity
    realised = _move(line, held, order.side.sign * quantity, price, order.forced)
    fee, asset = _fee(floor, account, line.listing.quote, quote * rate)
    goes_on = before * held.quantity > 0
    held.paid = held.paid + quote * rate if goes_on else abs(held.quantity) * price * rate
    held.updated_ms = floor.now_ms
    return Trade(
        trade_id,
        account.name,
        order.id,
        order.client_id,
        order.symbol,
        order.side,
        order.position_side,
        price,
        quantity,
        quote,
        fee,
        asset,
        realised,
        maker,
        floor.now_ms,
    )


def _fee(floor: Floor, account: Account, asset: str, fee: Decimal) -> tuple[Decimal, str]:
    """Return a fee and its asset: the quote asset, or a tenth less in BNB if the account burns it and has enough."""
    if account.burns_fees and (rate := floor.rate(BURNED)):
        burned = (fee * BURN_SHARE / rate).quantize(UNIT)
        if burned <= account.wallets.get(BURNED, ZERO):
            return burned, BURNED
    return fee.quantize(UNIT), asset


def _progress(floor: Floor, account: Account, line: Line, order: Order, quantity: Decimal, quote: Decimal) -> None:
    line.reserve(order, -quantity)
    order.executed += quantity
    order.quote += quote
    order.updated_ms = floor.now_ms
    order.state = OrderState.PARTIALLY_FILLED
    if order.executed == order.quantity:
        order.state = OrderState.FILLED
        floor.markets[order.symbol].book.of(order.side).remove(order)
        floor.retire(account, order, line)


def _pay(floor: Floor, account: Account, line: Line, trade: Trade) -> None:
    name = str(trade.id)
    if trade.realised:
        floor.pay(account, "REALIZED_PNL", line.listing.quote, trade.realised, trade.symbol, name)
    if trade.fee:
        floor.pay(account, "COMMISSION", trade.fee_asset, -trade.fee, trade.symbol, name)


def _hold(market: Market, account: Account, line: Line) -> None:
    if line.is_flat:
        market.holders.pop(account.name, None)
    else:
        market.holders[account.name] = account


def _move(line: Line, held: Held, quantity: Decimal, price: Decimal, forced: bool) -> Decimal:
    """Move a position by a signed quantity and return the profit that this fixed.

    What a forced sale brings stays with the rest of an isolated position, which it is meant to save.
    """
    before, realised = held.quantity, ZERO
    closed = _closing(before, quantity)
    if closed:
        share = held.cost if closed == -before else (held.cost * -closed / before).quantize(UNIT)
        realised = -closed * price - share
        held.cost -= share
        held.realised += realised
    opened = quantity - closed
    held.cost += opened * price
    held.quantity = before + quantity
    if line.setting.isolated and forced and held.quantity:
        held.isolated_wallet += realised
    elif line.setting.isolated:
        _isolate(line, held, before, closed, opened * price)
    return realised


def _closing(held: Decimal, quantity: Decimal) -> Decimal:
    if held * quantity >= 0:
        return ZERO
    return min(quantity, -held) if quantity > 0 else max(quantity, -held)


def _isolate(line: Line, held: Held, before: Decimal, closed: Decimal, opened: Decimal) -> None:
    """Release the closed share of an isolated wallet to the cross wallet, and set margin aside for what opened."""
    if closed:
        left = before + closed
        held.isolated_wallet = (held.isolated_wallet * left / before).quantize(UNIT)
    held.isolated_wallet += (abs(opened) / line.setting.leverage).quantize(UNIT)


def trim(floor: Floor, account: Account, line: Line, under_way: Order | None = None) -> None:
    """Let what may only close shrink with the position, and end with it; an order under way ends by itself."""
    for order in list(line.closers.values()):
        closable = line.closable(order)
        if order is under_way or order.left <= closable:
            continue
        if closable:
            order.quantity, order.updated_ms = order.executed + closable, floor.now_ms
            floor.markets[order.symbol].book.update_id += 1
            floor.tell_order(line, Happened.AMENDMENT, order)
        else:
            expire(floor, account, order, BY_REDUCTION)


def release_guards(floor: Floor, account: Account, line: Line, before: dict[PositionSide, Decimal]) -> None:
    """Cancel the conditional orders that would have closed a position that is gone."""
    for algo in list(line.guards.values()):
        side, sign = algo.wanted.position_side, algo.wanted.side.sign
        had, has = before[side], line.held[side].quantity
        if had * sign < 0 <= has * sign:
            end_algo(floor, account, algo, AlgoState.CANCELED, "The position is closed.")
