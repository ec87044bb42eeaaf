"""Account shapes: balances, margin and positions as JSON, in the venue's three generations of the same answer.

The second generation lists every symbol and its leverage; the third only symbols with a position or an order, and
neither leverage nor margin type. Clients were written against both.
"""

from decimal import Decimal
from typing import Any

from qt_ray.adapters.paper.spelling import eight, text
from qt_ray.execution.exchange.margin import Figures
from qt_ray.execution.exchange.reports import PositionFigures
from qt_ray.execution.exchange.values import ZERO, Held, Income

Shape = dict[str, Any]
ALIAS = "QtRy"


def asset_shape(found: Figures, now_ms: int) -> Shape:
    """Return one asset of an account."""
    return {
        "asset": found.asset,
        "walletBalance": eight(found.wallet),
        "unrealizedProfit": eight(found.unrealised),
        "marginBalance": eight(found.margin_balance),
        "maintMargin": eight(found.maintenance),
        "initialMargin": eight(found.initial),
        "positionInitialMargin": eight(found.position_initial),
        "openOrderInitialMargin": eight(found.order_initial),
        "crossWalletBalance": eight(found.cross_wallet),
        "crossUnPnl": eight(found.cross_unrealised),
        "availableBalance": eight(found.available),
        "maxWithdrawAmount": eight(found.withdrawable),
        "marginAvailable": True,
        "updateTime": now_ms,
    }


def balance_shape(found: Figures, now_ms: int) -> Shape:
    """Return one asset of the balance calls."""
    return {
        "accountAlias": ALIAS,
        "asset": found.asset,
        "balance": eight(found.wallet),
        "crossWalletBalance": eight(found.cross_wallet),
        "crossUnPnl": eight(found.cross_unrealised),
        "availableBalance": eight(found.available),
        "maxWithdrawAmount": eight(found.withdrawable),
        "marginAvailable": True,
        "updateTime": now_ms,
    }


def totals_shape(found: Figures) -> Shape:
    """Return the sums over an account."""
    return {
        "totalInitialMargin": eight(found.initial),
        "totalMaintMargin": eight(found.maintenance),
        "totalWalletBalance": eight(found.wallet),
        "totalUnrealizedProfit": eight(found.unrealised),
        "totalMarginBalance": eight(found.margin_balance),
        "totalPositionInitialMargin": eight(found.position_initial),
        "totalOpenOrderInitialMargin": eight(found.order_initial),
        "totalCrossWalletBalance": eight(found.cross_wallet),
        "totalCrossUnPnl": eight(found.cross_unrealised),
        "availableBalance": eight(found.available),
        "maxWithdrawAmount": eight(found.withdrawable),
    }


def old_position(found: PositionFigures) -> Shape:
    """Return a position of v2/positionRisk, with leverage and margin type."""
    held = found.held
    return {
        **_position(found),
        "leverage": str(found.leverage),
        "maxNotionalValue": text(found.notional_max),
        "marginType": "isolated" if held.isolated else "cross",
        "isAutoAddMargin": "false",
        "isolated": held.isolated,
        "adlQuantile": found.adl_quantile,
    }


def new_position(found: PositionFigures) -> Shape:
    """Return a position of v3/positionRisk, with the margin it needs."""
    return {
        **_position(found),
        "marginAsset": "USDT",
        **_margins(found),
        "adl": found.adl_quantile,
        "bidNotional": text(found.bids),
        "askNotional": text(found.asks),
    }


def account_position(found: PositionFigures) -> Shape:
    """Return a position of v2/account."""
    held = found.held
    return {
        "symbol": held.symbol,
        **_margins(found),
        "unrealizedProfit": eight(held.unrealised),
        "leverage": str(found.leverage),
        "isolated": held.isolated,
        "entryPrice": eight(held.entry) if held.quantity else "0.0",
        "breakEvenPrice": eight(held.break_even) if held.quantity else "0.0",
        "maxNotional": text(found.notional_max),
        "bidNotional": text(found.bids),
        "askNotional": text(found.asks),
        "positionSide": held.side,
        "positionAmt": text(held.quantity),
        "notional": eight(found.notional),
        "isolatedWallet": eight(held.isolated_wallet),
        "updateTime": held.updated_ms,
    }


def small_position(found: PositionFigures) -> Shape:
    """Return a position of v3/account."""
    held = found.held
    return {
        "symbol": held.symbol,
        "positionSide": held.side,
        "positionAmt": text(held.quantity),
        "unrealizedProfit": eight(held.unrealised),
        "isolatedMargin": eight(_isolated_margin(held)),
        "notional": eight(found.notional),
        "isolatedWallet": eight(held.isolated_wallet),
        "initialMargin": eight(found.initial + found.order_initial),
        "maintMargin": eight(found.maintenance),
        "updateTime": held.updated_ms,
    }


def symbol_config(found: PositionFigures) -> Shape:
    """Return how an account is set for a symbol."""
    return {
        "symbol": found.held.symbol,
        "marginType": "ISOLATED" if found.held.isolated else "CROSSED",
        "isAutoAddMargin": False,
        "leverage": found.leverage,
        "maxNotionalValue": text(found.notional_max),
    }


def _position(found: PositionFigures) -> Shape:
    held = found.held
    return {
        "symbol": held.symbol,
        "positionSide": held.side,
        "positionAmt": text(held.quantity),
        "entryPrice": eight(held.entry) if held.quantity else "0.0",
        "breakEvenPrice": eight(held.break_even) if held.quantity else "0.0",
        "markPrice": eight(held.mark),
        "unRealizedProfit": eight(held.unrealised),
        "liquidationPrice": eight(found.liquidation) if found.liquidation else "0",
        "isolatedMargin": eight(_isolated_margin(held)),
        "notional": eight(found.notional),
        "isolatedWallet": eight(held.isolated_wallet),
        "updateTime": held.updated_ms,
    }


def _margins(found: PositionFigures) -> Shape:
    return {
        "initialMargin": eight(found.initial + found.order_initial),
        "maintMargin": eight(found.maintenance),
        "positionInitialMargin": eight(found.initial),
        "openOrderInitialMargin": eight(found.order_initial),
    }


def income_shape(income: Income) -> Shape:
    """Return one movement of a wallet."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": eight(income.amount),
        "asset": income.asset,
        "time": income.time_ms,
        "info": income.info,
        "tranId": income.id,
        "tradeId": income.trade_id,
    }


def _isolated_margin(held: Held) -> Decimal:
    return held.isolated_wallet + held.unrealised if held.isolated else ZERO
