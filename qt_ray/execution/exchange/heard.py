"""Heard: what the exchange tells an account, as the news that a client hears.

What everybody hears of the market is no news of an account and is left out; nothing else is.
"""

from collections.abc import Callable
from typing import Any, Final

from qt_ray.execution.exchange.shown import execution_of
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, MarginCallTold, OrderTold, SettingTold, Told
from qt_ray.execution.exchange.values import ZERO
from qt_ray.execution.venue.news import (
    AccountNews,
    AlgoNews,
    Held,
    LeverageNews,
    MarginCallNews,
    News,
    OrderNews,
    Unheeded,
)

NO_REASON: Final = "0"


def news_of(told: Told, account: str) -> News | None:
    """Return what is told as an account hears it, or None when it is not told to it."""
    hear = HEARD.get(type(told))
    return hear(told) if hear is not None and getattr(told, "account", None) == account else None


def _order(told: OrderTold) -> OrderNews:
    order, trade = told.order, told.trade
    return OrderNews(
        symbol=order.symbol,
        client_id=order.client_id,
        venue_id=str(order.id),
        side=order.side,
        position_side=order.position_side,
        type=order.type,
        event=told.happened,
        status=order.state,
        quantity=order.quantity,
        executed=order.executed,
        limit_price=order.price or None,
        average_price=order.average or None,
        reduce_only=order.reduce_only,
        execution=execution_of(trade) if trade else None,
        realised=trade.realised if trade else ZERO,
        time_ms=told.time_ms,
        reason="" if order.expiry_reason == NO_REASON else order.expiry_reason,
    )


def _algo(told: AlgoTold) -> AlgoNews:
    algo, wanted = told.algo, told.algo.wanted
    return AlgoNews(
        symbol=wanted.symbol,
        client_id=algo.client_id,
        venue_id=str(algo.id),
        side=wanted.side,
        position_side=wanted.position_side,
        type=wanted.type,
        status=algo.state,
        quantity=wanted.quantity or ZERO,
        trigger_price=wanted.trigger_price,
        reduce_only=wanted.reduce_only,
        closes_position=wanted.closes_position,
        child_id=str(algo.order.id) if algo.order else None,
        time_ms=told.time_ms,
        reason=algo.reason,
    )


def _account(told: AccountTold) -> AccountNews:
    held = tuple(Held(one.symbol, one.side, one.quantity, one.entry, one.unrealised) for one in told.positions)
    return AccountNews(told.reason, dict(told.wallets), dict(told.changes), held, told.time_ms)


def _setting(told: SettingTold) -> News:
    if told.symbol is None:
        return Unheeded("ACCOUNT_CONFIG_UPDATE/ai", told.time_ms)
    return LeverageNews(told.symbol, told.leverage, told.time_ms)


def _margin_call(told: MarginCallTold) -> MarginCallNews:
    return MarginCallNews(tuple(held.symbol for held in told.positions), told.time_ms)


HEARD: Final[dict[type, Callable[[Any], News]]] = {
    OrderTold: _order,
    AlgoTold: _algo,
    AccountTold: _account,
    SettingTold: _setting,
    MarginCallTold: _margin_call,
}
