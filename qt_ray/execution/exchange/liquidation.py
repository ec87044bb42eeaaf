"""Liquidation: a margin balance that no longer covers maintenance is not the client's to manage.

Orders end first, then the position that needs most is sold tier by tier at the market, never beyond the price at which
nothing would be left; what the market does not take there, the insurance fund does. No account ends below zero by it.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.ending import BY_LIQUIDATION, expire
from qt_ray.execution.exchange.floor import Floor, Market
from qt_ray.execution.exchange.margin import figures, maintenance, tier_of, totals
from qt_ray.execution.exchange.matching import after_trade, quantities, take
from qt_ray.execution.exchange.orders import admit, number
from qt_ray.execution.exchange.settlement import CLEARING, UNIT, settle
from qt_ray.execution.exchange.told import LiquidationTold, MarginCallTold
from qt_ray.execution.exchange.values import ZERO, Held, Order, SelfTrade, TimeInForce
from qt_ray.execution.venue.views import PositionSide

WARN_RATIO = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Pool:
    """Positions of these lines that stand in for each other: one isolated position, or all on the cross wallet."""

    name: str
    lines: tuple[Line, ...]
    side: PositionSide | None
    balance: Decimal
    maintenance: Decimal
    cross_wallet: Decimal

    @property
    def members(self) -> list[tuple[Line, Held]]:
        """Return the positions; whoever is far from liquidation is judged without them."""
        sides = PositionSide if self.side is None else (self.side,)
        return [(line, line.held[side]) for line in self.lines for side in sides if line.held[side].quantity]


def watch(floor: Floor, market: Market) -> list[str]:
    """Warn and liquidate the holders of a symbol whose mark has moved; return the symbols that were sold in."""
    before = len(floor.told)
    for account in list(market.holders.values()):
        line = account.lines[market.listing.symbol]
        for side in _sides(line):
            _judge(floor, account, line, side)
    return list(dict.fromkeys(told.symbol for told in floor.told[before:] if isinstance(told, LiquidationTold)))


def take_bankrupt(floor: Floor, account: Account, line: Line) -> None:
    """Liquidate what has nothing left: an order of its owner would trade with money that is not there."""
    for side in _sides(line):
        pool = _pool(floor, account, line, side)
        if pool.members and pool.balance < 0:
            _liquidate(floor, account, line, side, pool)


def deleverage(
    floor: Floor, account: Account, symbol: str, side: PositionSide, quantity: Decimal, price: Decimal
) -> Order:
    """Close a part of a position at a price because somebody else's loss needs a counterparty."""
    held = floor.line(account, symbol).held[side]
    if not 0 < quantity <= abs(held.quantity):
        raise Invalid(f"a position of {held.quantity} is deleveraged within its size, was {quantity}")
    order = _forced(floor, account, held, quantity, price, f"adl_autoclose_{floor.numbers.order + 1}")
    _hand_over(floor, account, order, price)
    account.forced.append(order)
    return order


def adl_quantile(market: Market, line: Line, held: Held) -> int:
    """Return the place in the queue for deleveraging: 0 is last, 4 is next."""
    if not held.quantity:
        return 0
    others = [
        _eagerness(other, position)
        for other in (account.lines[held.symbol] for account in market.holders.values())
        for position in other.held.values()
        if position.quantity * held.quantity > 0
    ]
    mine = _eagerness(line, held)
    return 5 * sum(score < mine for score in others) // len(others)


def _sides(line: Line) -> list[PositionSide | None]:
    """Return the positions that are judged by themselves, or nothing for all that share the cross wallet."""
    return [held.side for held in line.held.values() if held.quantity] if line.setting.isolated else [None]


def _judge(floor: Floor, account: Account, line: Line, side: PositionSide | None) -> None:
    pool = _pool(floor, account, line, side)
    if pool.maintenance and pool.maintenance >= pool.balance:
        _liquidate(floor, account, line, side, pool)
    elif pool.maintenance < WARN_RATIO * pool.balance:
        account.warned.discard(pool.name)
    elif pool.name not in account.warned:
        account.warned.add(pool.name)
        members = pool.members
        shown = tuple(other.shown(held.side) for other, held in members)
        kept = tuple(maintenance(other, held) for other, held in members)
        floor.told.append(MarginCallTold(account.name, shown, floor.now_ms, pool.cross_wallet, kept))


def _pool(floor: Floor, account: Account, line: Line, side: PositionSide | None) -> Pool:
    asset = line.listing.quote
    if side is not None:
        held = line.held[side]
        balance = held.isolated_wallet + held.quantity * line.mark - held.cost
        cross = account.cross_wallet(asset)
        return Pool(f"{line.listing.symbol} {side}", (line,), side, balance, maintenance(line, held), cross)
    found = totals(account, floor.rates(account)) if account.multi_assets else figures(account, asset)
    balance = found.cross_wallet + found.cross_unrealised
    name, sharing = "cross" if account.multi_assets else asset, tuple(_sharing(account, line))
    return Pool(name, sharing, None, balance, found.cross_maintenance, found.cross_wallet)


def _sharing(account: Account, line: Line) -> list[Line]:
    """Return the lines that share the cross wallet with this one."""
    asset = None if account.multi_assets else line.listing.quote
    return [
        other for other in account.lines.values() if not other.setting.isolated and asset in (None, other.listing.quote)
    ]


def _liquidate(floor: Floor, account: Account, line: Line, side: PositionSide | None, pool: Pool) -> None:
    for other in [line] if side is not None else _sharing(account, line):
        for order in list(other.open.values()):
            expire(floor, account, order, BY_LIQUIDATION)
    while (members := pool.members) and pool.maintenance >= pool.balance:
        worst, held = max(members, key=lambda member: maintenance(*member))
        _close_some(floor, account, worst, held, pool.balance)
        pool = _pool(floor, account, line, side)


def _close_some(floor: Floor, account: Account, line: Line, held: Held, balance: Decimal) -> None:
    quantity, mark, sign = _excess(line, held), line.mark, 1 if held.quantity > 0 else -1
    price = _bankruptcy(line.listing.tick, held.quantity, mark, balance)
    order = _forced(floor, account, held, quantity, price, f"autoclose-{floor.now_ms}{floor.numbers.order + 1}")
    take(floor, account, order, price)
    if order.is_open:
        _hand_over(floor, account, order, price)
    left = balance + sign * (order.quote - quantity * mark)
    _clear(floor, account, line, held, order.quote, left)
    told = LiquidationTold(held.symbol, order.copy(), floor.now_ms)
    floor.told.append(told)
    account.forced.append(order)


def _excess(line: Line, held: Held) -> Decimal:
    """Return how much to sell now: down to the next lower bracket, or all in the lowest."""
    size = abs(held.quantity)
    floor_notional = tier_of(line.listing, size * line.mark).floor
    if not floor_notional:
        return size
    step = line.listing.step
    excess = ((size - floor_notional / line.mark) / step).to_integral_value(ROUND_CEILING) * step
    return min(max(excess, step), size)


def _bankruptcy(tick: Decimal, quantity: Decimal, mark: Decimal, balance: Decimal) -> Decimal:
    """Return the price at which the whole position leaves nothing, rounded to the client's good."""
    rounding = ROUND_CEILING if quantity > 0 else ROUND_FLOOR
    ticks = ((mark - balance / quantity) / tick).to_integral_value(rounding)
    return max(ticks * tick, tick)


def _forced(floor: Floor, account: Account, held: Held, quantity: Decimal, price: Decimal, name: str) -> Order:
    order = Order(
        id=0,
        client_id=name,
        account=account.name,
        symbol=held.symbol,
        side=Side.SELL if held.quantity > 0 else Side.BUY,
        type=OrderType.LIMIT,
        original_type=OrderType.LIMIT,
        position_side=held.side,
        quantity=quantity,
        price=price,
        time_in_force=TimeInForce.IOC,
        reduce_only=held.side is PositionSide.BOTH,
        closes_position=False,
        self_trade=SelfTrade.NONE,
        price_match="NONE",
        good_till_ms=0,
        created_ms=floor.now_ms,
        updated_ms=floor.now_ms,
        forced=True,
    )
    number(floor, order)
    admit(floor, account, order)
    return order


def _hand_over(floor: Floor, account: Account, order: Order, price: Decimal) -> None:
    """Let the exchange itself take what is left of a forced order; the market does not hear of it."""
    line = account.lines[order.symbol]
    had = quantities(line)
    settle(floor, account, order, order.left, price, floor.numbers.next_trade(), maker=False)
    after_trade(floor, account, line, had, order)


def _clear(floor: Floor, account: Account, line: Line, held: Held, quote: Decimal, left: Decimal) -> None:
    """Take the fee for clearing, of what is left and no more."""
    fee = min(quote * line.listing.liquidation_rate, max(left, ZERO)).quantize(UNIT, ROUND_FLOOR)
    if not fee:
        return
    asset = line.listing.quote
    if line.setting.isolated and held.quantity:
        held.isolated_wallet -= fee
    floor.pay(account, CLEARING, asset, -fee, held.symbol)
    floor.tell_account(account, CLEARING, (asset,), -fee, line, held.side)


def _eagerness(line: Line, held: Held) -> Decimal:
    profit = held.quantity * line.mark - held.cost
    return profit / abs(held.cost) * line.setting.leverage
