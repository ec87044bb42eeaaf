"""Account: what the venue shows of balances, positions, income and settings, as views."""

from typing import Any

from qt_ray.adapters.binance.fields import Fields, each
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Bracket
from qt_ray.execution.venue.calls import Done
from qt_ray.execution.venue.views import (
    AccountView,
    Brackets,
    IncomeView,
    KeyView,
    ModeView,
    PositionSide,
    PositionView,
    SymbolMode,
)


def account_view(data: Fields) -> AccountView:
    """Return balances and margin."""
    return AccountView(
        wallets={asset.text("asset"): asset.number("walletBalance") for asset in data.parts("assets")},
        unrealised=data.number("totalUnrealizedProfit"),
        margin_balance=data.number("totalMarginBalance"),
        initial_margin=data.amount("totalInitialMargin"),
        maintenance_margin=data.amount("totalMaintMargin"),
        available=data.number("availableBalance"),
        can_trade=data.flag("canTrade"),
        can_withdraw=data.flag("canWithdraw"),
    )


def position_view(data: Fields) -> PositionView:
    """Return a position; without isolated margin there is no isolated wallet."""
    isolated = data.number("isolatedMargin")
    return PositionView(
        symbol=data.text("symbol"),
        side=data.member("positionSide", PositionSide),
        quantity=data.number("positionAmt"),
        entry=data.amount("entryPrice"),
        mark=data.amount("markPrice"),
        unrealised=data.number("unRealizedProfit"),
        liquidation=data.price("liquidationPrice"),
        isolated_wallet=data.number("isolatedWallet") if isolated else None,
        updated_ms=data.moment("updateTime"),
    )


def income_view(data: Fields) -> IncomeView:
    """Return one movement of a wallet."""
    return IncomeView(
        id=data.moment("tranId"),
        kind=data.text("incomeType"),
        asset=data.text("asset"),
        amount=data.number("income"),
        symbol=data.text("symbol", ""),
        time_ms=data.moment("time"),
        trade_id=str(data.moment("tradeId")) if data.has("tradeId") else "",
    )


def symbol_mode(data: Fields) -> SymbolMode:
    """Return a symbol's leverage and margin type."""
    kind = data.word("marginType", frozenset({"CROSSED", "ISOLATED", "cross", "isolated"}))
    return SymbolMode(
        symbol=data.text("symbol"),
        leverage=_leverage(data),
        isolated=kind.lower() == "isolated",
        notional_max=data.amount("maxNotionalValue"),
    )


def mode_of(answers: list[Any]) -> Done[ModeView]:
    """Return how the account is set, from its three answers: sides, assets and the symbols."""
    hedge, multi, (modes, broken) = answers
    return Done(ModeView(hedge, multi, {mode.symbol: mode for mode in modes}), broken)


def brackets_of(data: object) -> Done[Brackets]:
    """Return every symbol's leverage brackets."""
    found, broken = each(data, "leverageBracket", lambda one: (one.text("symbol"), _brackets(one)))
    return Done(dict(found), broken)


def key_of(data: Fields) -> KeyView:
    """Return what a key may do, as the wallet's side of the venue tells it."""
    return KeyView(
        may_trade=data.flag("enableFutures"),
        may_withdraw=data.flag("enableWithdrawals"),
        bound_to_addresses=data.flag("ipRestrict"),
    )


def key_by_account(data: Fields) -> KeyView:
    """Return what a key may do where only the account tells of it."""
    return KeyView(may_trade=data.flag("canTrade"), may_withdraw=None, bound_to_addresses=None)


def _brackets(data: Fields) -> tuple[Bracket, ...]:
    return tuple(sorted(map(_bracket, data.parts("brackets")), key=lambda bracket: bracket.floor))


def _bracket(data: Fields) -> Bracket:
    return Bracket(
        floor=data.ratio("notionalFloor"),
        leverage_max=_leverage(data, "initialLeverage"),
        maintenance_rate=data.ratio("maintMarginRatio"),
        deduction=data.ratio("cum"),
    )


def _leverage(data: Fields, name: str = "leverage") -> int:
    value = data.whole(name)
    if value < 1:
        raise Invalid(f"{data.where}.{name}: from 1, was {value}")
    return value
