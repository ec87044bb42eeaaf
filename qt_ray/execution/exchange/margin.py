"""Margin: what positions and waiting orders need, and what a wallet has left for more.

Notional is at the mark. One-way, waiting orders count as far as the worse of their two outcomes enlarges the position;
hedged, each side counts for itself. Isolated positions live on their own wallets and only their orders on the cross.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_ray.core.orders import Side
from qt_ray.execution.exchange.account import Account, Line, Share
from qt_ray.execution.exchange.listing import Listing, Tier
from qt_ray.execution.exchange.values import ZERO, Held, Order
from qt_ray.execution.venue.views import PositionSide

NOTHING: Final = Share()


@dataclass(frozen=True, slots=True)
class Figures:
    """One asset of an account, in that asset; of a multi-asset account all of it, in USD."""

    asset: str
    wallet: Decimal = ZERO
    cross_wallet: Decimal = ZERO
    unrealised: Decimal = ZERO
    cross_unrealised: Decimal = ZERO
    position_initial: Decimal = ZERO
    order_initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    cross_maintenance: Decimal = ZERO
    available: Decimal = ZERO
    withdrawable: Decimal = ZERO

    @property
    def initial(self) -> Decimal:
        """Return the initial margin of positions and orders."""
        return self.position_initial + self.order_initial

    @property
    def margin_balance(self) -> Decimal:
        """Return the wallet with open profit and loss."""
        return self.wallet + self.unrealised


def tier_of(listing: Listing, notional: Decimal) -> Tier:
    """Return the bracket a notional lies in, the last one above all caps."""
    for tier in listing.brackets:
        if notional <= tier.cap:
            return tier
    return listing.brackets[-1]


def notional_max(listing: Listing, leverage: int) -> Decimal:
    """Return the largest notional that this leverage permits."""
    return max((tier.cap for tier in listing.brackets if tier.leverage_max >= leverage), default=ZERO)


def unrealised(line: Line) -> Decimal:
    """Return the open profit of a line's positions at the mark."""
    profit = ZERO
    for held in line.held.values():
        if held.quantity:
            profit += held.quantity * line.mark - held.cost
    return profit


def maintenance(line: Line, held: Held) -> Decimal:
    """Return what a position must keep."""
    if not held.quantity:
        return ZERO
    notional = abs(held.quantity) * line.mark
    tier = tier_of(line.listing, notional)
    return notional * tier.maintenance_rate - tier.deduction


def exposure(line: Line, hedge: bool, bids: Decimal, asks: Decimal) -> Decimal:
    """Return the notional that positions may reach if these notionals of orders fill."""
    if hedge:
        long, short = line.held[PositionSide.LONG].quantity, line.held[PositionSide.SHORT].quantity
        return (long - short) * line.mark + bids + asks
    net = line.held[PositionSide.BOTH].quantity * line.mark
    return max(abs(net), net + bids, asks - net)


def position_notional(line: Line) -> Decimal:
    """Return the notional of all positions of a line."""
    size = ZERO
    for held in line.held.values():
        if held.quantity:
            size += abs(held.quantity)
    return size * line.mark if size else ZERO


def order_initial(line: Line, hedge: bool) -> Decimal:
    """Return the initial margin that waiting orders need beyond the positions."""
    if not line.bids and not line.asks:
        return ZERO
    return (exposure(line, hedge, line.bids, line.asks) - position_notional(line)) / line.setting.leverage


def share(line: Line, hedge: bool) -> Share:
    """Return what a line adds to its account's figures, worked out anew once anything that it rests on is another.

    Each move of any price asks for all of an account's lines, and all but one of them are as they were.
    """
    if line.is_flat and not line.bids and not line.asks:
        return NOTHING
    both, long, short = line.held.values()
    board, setting = line.board, line.setting
    rests_on = (
        *(hedge, board.mark, board.listing, setting.leverage, setting.isolated, line.bids, line.asks),
        *(both.quantity, both.cost, long.quantity, long.cost, short.quantity, short.cost),
    )
    if line.share is None or line.share[0] != rests_on:
        line.share = rests_on, _share(line, hedge)
    return line.share[1]


def _share(line: Line, hedge: bool) -> Share:
    return Share(
        waiting=order_initial(line, hedge),
        unrealised=unrealised(line),
        initial=position_notional(line) / line.setting.leverage,
        maintenance=sum((maintenance(line, held) for held in line.held.values()), ZERO),
    )


def available(account: Account, asset: str, rates: dict[str, Decimal]) -> Decimal:
    """Return what new positions and orders of an asset may use: `Figures.available`, and no more of them."""
    if account.multi_assets:
        return totals(account, rates).available
    free = account.cross_wallet(asset)
    for line in account.lines.values():
        if line.listing.quote != asset:
            continue
        found = share(line, account.hedge)
        free -= found.waiting
        if not line.setting.isolated:
            free += found.unrealised - found.initial
    return max(free, ZERO)


def figures(account: Account, asset: str) -> Figures:
    """Return the figures of one asset by itself."""
    lines = [line for line in account.lines.values() if line.listing.quote == asset]
    return _summed(account, asset, lines, account.wallets.get(asset, ZERO), account.cross_wallet(asset))


def totals(account: Account, rates: dict[str, Decimal]) -> Figures:
    """Return the figures of the whole account in USD."""
    lines = list(account.lines.values())
    isolated = sum((held.isolated_wallet for line in lines for held in line.held.values()), ZERO)
    wallet = sum((amount * rates.get(asset, ZERO) for asset, amount in account.wallets.items()), ZERO)
    return _summed(account, "USD", lines, wallet, wallet - isolated)


def _summed(account: Account, asset: str, lines: list[Line], wallet: Decimal, cross_wallet: Decimal) -> Figures:
    profit = cross_profit = initial = cross_initial = waiting = kept = cross_kept = ZERO
    for line in lines:
        found = share(line, account.hedge)
        waiting += found.waiting
        profit += found.unrealised
        initial += found.initial
        kept += found.maintenance
        if not line.setting.isolated:
            cross_profit += found.unrealised
            cross_initial += found.initial
            cross_kept += found.maintenance
    free = cross_wallet - cross_initial - waiting
    return Figures(
        asset=asset,
        wallet=wallet,
        cross_wallet=cross_wallet,
        unrealised=profit,
        cross_unrealised=cross_profit,
        position_initial=initial,
        order_initial=waiting,
        maintenance=kept,
        cross_maintenance=cross_kept,
        available=max(free + cross_profit, ZERO),
        withdrawable=max(min(free + min(cross_profit, ZERO), wallet), ZERO),
    )


def needed(line: Line, hedge: bool, side: Side, quantity: Decimal, price: Decimal) -> Decimal:
    """Return the margin that one more order needs: what it adds, and what it loses at once against the mark."""
    notional = quantity * price
    bids, asks = (notional, ZERO) if side is Side.BUY else (ZERO, notional)
    after = exposure(line, hedge, line.bids + bids, line.asks + asks)
    added = after - exposure(line, hedge, line.bids, line.asks)
    if added <= 0:
        return ZERO
    loss = side.sign * quantity * (price - line.mark)
    return added / line.setting.leverage + max(loss, ZERO)


def exceeds_cap(line: Line, hedge: bool, order: Order, price: Decimal) -> bool:
    """Return whether an order could lift the position above what its leverage permits."""
    notional = order.left * price
    bids, asks = (notional, ZERO) if order.side is Side.BUY else (ZERO, notional)
    after = exposure(line, hedge, line.bids + bids, line.asks + asks)
    return after > notional_max(line.listing, line.setting.leverage) and after > position_notional(line)


def liquidation_price(account: Account, line: Line, held: Held) -> Decimal:
    """Return the mark at which a position would be liquidated, zero where none would do it."""
    quantity = held.quantity
    if not quantity:
        return ZERO
    if line.setting.isolated:
        balance = held.isolated_wallet
    else:
        found = figures(account, line.listing.quote)
        own = quantity * line.mark - held.cost
        balance = found.cross_wallet + found.cross_unrealised - own - found.cross_maintenance + maintenance(line, held)
    tier = tier_of(line.listing, abs(quantity) * line.mark)
    below = abs(quantity) * tier.maintenance_rate - quantity
    price = (balance + tier.deduction - held.cost) / below if below else ZERO
    return max(price, ZERO)
