"""Settings: leverage, margin type, position mode and multi-asset margin, and when each may not be changed."""

from decimal import Decimal

from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.floor import Floor
from qt_ray.execution.exchange.margin import available, exposure, notional_max, unrealised
from qt_ray.execution.exchange.told import SettingTold
from qt_ray.execution.exchange.values import ZERO, Refusal, Setting
from qt_ray.execution.venue.views import PositionSide


def set_leverage(floor: Floor, account: Account, symbol: str, leverage: int) -> Setting:
    """Set a symbol's leverage; it is told even when it was so before."""
    market, line = floor.market(symbol), floor.line(account, symbol)
    if not 1 <= leverage <= max(tier.leverage_max for tier in market.listing.brackets):
        raise Refusal(-4028, f"Leverage {leverage} is not valid")
    reached = exposure(line, account.hedge, line.bids, line.asks)
    if reached > notional_max(market.listing, leverage):
        raise Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    if leverage < line.setting.leverage and line.setting.isolated and not line.is_flat:
        raise Refusal(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")
    more = reached / leverage - reached / line.setting.leverage
    rates = floor.rates(account) if account.multi_assets else {}
    if more > 0 and more > available(account, market.listing.quote, rates):
        raise Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance")
    line.setting.leverage = leverage
    floor.told.append(SettingTold(account.name, symbol, leverage, account.multi_assets, floor.now_ms))
    return line.setting


def lower_leverage(floor: Floor, symbol: str) -> None:
    """Set everybody's leverage to the largest that a changed listing still permits, and tell whom it touched."""
    most = max(tier.leverage_max for tier in floor.markets[symbol].listing.brackets)
    for account in floor.accounts.values():
        line = account.lines.get(symbol)
        if line is not None and line.setting.leverage > most:
            line.setting.leverage = most
            floor.told.append(SettingTold(account.name, symbol, most, account.multi_assets, floor.now_ms))


def set_isolated(floor: Floor, account: Account, symbol: str, isolated: bool) -> None:
    """Set a symbol's margin type while nothing is open in it."""
    line = floor.line(account, symbol)
    if line.setting.isolated is isolated:
        raise Refusal(-4046, "No need to change margin type.")
    if isolated and account.multi_assets:
        raise Refusal(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
    if line.open or _waiting(account, symbol):
        raise Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
    if not line.is_flat:
        raise Refusal(-4048, "Margin type cannot be changed if there exists position.")
    line.setting.isolated = isolated


def set_hedge(account: Account, hedge: bool) -> None:
    """Set the position mode while nothing is open at all."""
    if account.hedge is hedge:
        raise Refusal(-4059, "No need to change position side.")
    if account.open or account.open_algos:
        raise Refusal(-4067, "Position side cannot be changed if there exists open orders.")
    if not all(line.is_flat for line in account.lines.values()):
        raise Refusal(-4068, "Position side cannot be changed if there exists position.")
    account.hedge = hedge


def set_multi_assets(floor: Floor, account: Account, multi_assets: bool) -> None:
    """Pool the margin of all assets, or keep each to itself."""
    if account.multi_assets is multi_assets:
        raise Refusal(-4171, "No need to change Multi-Assets mode.")
    if account.open or account.open_algos:
        raise Refusal(-4169, "Unable to adjust Multi-Assets mode with open orders.")
    if multi_assets and any(line.setting.isolated for line in account.lines.values()):
        raise Refusal(
            -4167, "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode."
        )
    account.multi_assets = multi_assets
    floor.told.append(SettingTold(account.name, None, 0, multi_assets, floor.now_ms))


def move_margin(floor: Floor, account: Account, symbol: str, side: PositionSide, amount: Decimal) -> None:
    """Move money between the cross wallet and an isolated position; above zero adds to the position."""
    line = floor.line(account, symbol)
    held, asset = line.held[side], line.listing.quote
    if not line.setting.isolated or not held.quantity:
        raise Refusal(-4054, "Cannot add position margin: position is 0.")
    if amount == 0:
        raise Refusal(-4055, "Amount must be positive.")
    if amount > 0 and amount > available(account, asset, {}):
        raise Refusal(-4050, "Cross balance insufficient.")
    if amount < 0 and -amount > _spare(line, side):
        raise Refusal(-4051, "Isolated balance insufficient.")
    held.isolated_wallet += amount
    floor.tell_account(account, "MARGIN_TRANSFER", (asset,), ZERO, line, side)


def _spare(line: Line, side: PositionSide) -> Decimal:
    """Return what an isolated position holds beyond its initial margin."""
    held = line.held[side]
    needs = abs(held.quantity) * line.mark / line.setting.leverage
    return max(held.isolated_wallet + min(unrealised(line), ZERO) - needs, ZERO)


def _waiting(account: Account, symbol: str) -> bool:
    return any(algo.wanted.symbol == symbol for algo in account.open_algos.values())
