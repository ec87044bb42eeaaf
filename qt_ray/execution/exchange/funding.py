"""Funding: at each funding time longs pay shorts the rate on their notional at the mark, or shorts longs below zero.

It moves wallets and no position. An isolated position pays from its own wallet.
"""

from decimal import Decimal

from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.floor import Floor, Market
from qt_ray.execution.exchange.settlement import UNIT
from qt_ray.execution.exchange.values import Held

FUNDING = "FUNDING_FEE"


def charge(floor: Floor, market: Market) -> None:
    """Let every holder of a symbol pay or receive what the quote says."""
    if market.quote is None:
        return
    for account in list(market.holders.values()):
        line = account.lines[market.listing.symbol]
        for held in line.held.values():
            if held.quantity:
                _charge(floor, account, line, held, market.quote.funding_rate)


def next_funding_ms(now_ms: int, interval_ms: int) -> int:
    """Return the first funding time after now."""
    return (now_ms // interval_ms + 1) * interval_ms


def _charge(floor: Floor, account: Account, line: Line, held: Held, rate: Decimal) -> None:
    amount = (-held.quantity * line.mark * rate).quantize(UNIT)
    if not amount:
        return
    asset = line.listing.quote
    floor.pay(account, FUNDING, asset, amount, held.symbol)
    if line.setting.isolated:
        held.isolated_wallet += amount
        floor.tell_account(account, FUNDING, (asset,), amount, line, held.side)
    else:
        floor.tell_account(account, FUNDING, (asset,), amount)
