"""Matching: who trades with whom, at the price of whoever was there.

A taker walks the other side from its best price, the outside before clients at the same price. A new quote walks the
clients' orders that it crosses, as far as its own quantities reach. So nothing rests crossed.
"""

from decimal import Decimal

from qt_ray.core.orders import Side
from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.ending import BY_SELF_TRADE, end
from qt_ray.execution.exchange.floor import Floor, Market
from qt_ray.execution.exchange.settlement import release_guards, settle, trim
from qt_ray.execution.exchange.told import TradeTold
from qt_ray.execution.exchange.values import ZERO, Happened, Order, OrderState, SelfTrade
from qt_ray.execution.venue.views import PositionSide


def take(floor: Floor, account: Account, order: Order, limit: Decimal | None) -> None:
    """Let an order take what it can reach; without a limit it reaches everything."""
    market, line = floor.markets[order.symbol], account.lines[order.symbol]
    half = market.book.against(order.side)
    while order.is_open and (room := line.room(order)):
        first = half.first()
        if first is None or (limit is not None and not half.reaches(first.price, limit)):
            return
        if not isinstance(first, Order):
            quantity = min(room, first.quantity)
            half.consume(quantity)
            trade(floor, market, quantity, first.price, order.side, (account, order), None)
        elif first.account == account.name and order.self_trade is not SelfTrade.NONE:
            _prevent(floor, account, order, first)
        else:
            other = floor.accounts[first.account]
            trade(floor, market, min(room, first.left), first.price, order.side, (account, order), (other, first))


def sweep(floor: Floor, market: Market) -> None:
    """Let the outside trade with the clients' orders that it now crosses."""
    for side in Side:
        resting, other = market.book.of(side), market.book.against(side)
        while other.outside and (order := resting.best_order()) is not None:
            level = other.outside[-1]
            if not other.reaches(level.price, order.price):
                break
            quantity = min(order.left, level.quantity)
            other.consume(quantity)
            maker = floor.accounts[order.account], order
            trade(floor, market, quantity, order.price, _opposite(side), None, maker)


def hit(floor: Floor, market: Market, price: Decimal, quantity: Decimal, aggressor: Side) -> None:
    """Let an outside taker trade down to a price: clients' orders on its way first, the outside with the rest."""
    half, left = market.book.against(aggressor), quantity
    ahead = sum((level.quantity for level in half.outside if level.price == price), ZERO)
    while (order := half.best_order()) is not None and half.reaches(order.price, price):
        done = min(order.left, left if order.price != price else left - ahead)
        if done <= 0:
            break
        left -= done
        trade(floor, market, done, order.price, aggressor, None, (floor.accounts[order.account], order))
    if left:
        trade(floor, market, left, price, aggressor, None, None)


def trade(
    floor: Floor,
    market: Market,
    quantity: Decimal,
    price: Decimal,
    aggressor: Side,
    taker: tuple[Account, Order] | None,
    maker: tuple[Account, Order] | None,
) -> None:
    """Let two sides trade, either of which may be the outside."""
    trade_id = floor.numbers.next_trade()
    symbol = market.listing.symbol
    market.last = price
    market.book.update_id += 1
    floor.told.append(TradeTold(symbol, trade_id, price, quantity, aggressor is Side.SELL, floor.now_ms))
    legs = [leg for leg in (taker, maker) if leg is not None]
    before = [quantities(account.lines[symbol]) for account, _ in legs]
    for account, order in legs:
        settle(floor, account, order, quantity, price, trade_id, maker is not None and order is maker[1])
    under_way = taker[1] if taker else None
    for (account, _), had in zip(legs, before, strict=True):
        after_trade(floor, account, account.lines[symbol], had, under_way)


def after_trade(
    floor: Floor, account: Account, line: Line, had: dict[PositionSide, Decimal], under_way: Order | None = None
) -> None:
    """End what has no position left to close."""
    if line.closers:
        trim(floor, account, line, under_way)
    if line.guards:
        release_guards(floor, account, line, had)


def quantities(line: Line) -> dict[PositionSide, Decimal]:
    """Return what a line holds before a trade, if anybody will ask."""
    return {side: held.quantity for side, held in line.held.items()} if line.guards else {}


def _prevent(floor: Floor, account: Account, taker: Order, maker: Order) -> None:
    if taker.self_trade is not SelfTrade.EXPIRE_TAKER:
        end(floor, account, maker, OrderState.EXPIRED_IN_MATCH, Happened.TRADE_PREVENTION, BY_SELF_TRADE)
    if taker.self_trade is not SelfTrade.EXPIRE_MAKER:
        end(floor, account, taker, OrderState.EXPIRED_IN_MATCH, Happened.TRADE_PREVENTION, BY_SELF_TRADE)


def _opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
