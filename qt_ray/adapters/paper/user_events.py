"""User events: what the exchange tells an account, as the venue's messages, in the order in which it was told.

A trade is heard three times, as at the venue: first the light word that it happened, then what it did to the
account, then the order's own report. Times never go back.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

from qt_ray.adapters.paper.order_shapes import algo_event
from qt_ray.adapters.paper.spelling import eight, text
from qt_ray.execution.exchange.told import (
    AccountTold,
    AlgoTold,
    LiquidationTold,
    MarginCallTold,
    OrderTold,
    SettingTold,
    Told,
    TradeTold,
)
from qt_ray.execution.exchange.values import ZERO, Happened, Held, Order, Trade

Shape = dict[str, Any]


class UserEvents:
    """Turns what is told into messages, each no earlier than the one before."""

    def __init__(self) -> None:
        self._last_ms = 0

    def of(self, batch: list[Told], hears: Callable[[str], bool]) -> Iterator[tuple[str, str, Shape]]:
        """Yield account, event name and message of everything told to an account that hears it."""
        for at, told in enumerate(batch):
            if isinstance(told, (TradeTold, LiquidationTold)) or not hears(told.account):
                continue
            if (trade := _announced(batch, at)) is not None:
                yield trade.account, "TRADE_LITE", self._stamped("TRADE_LITE", trade.time_ms, trade_lite(trade))
            event, body = _shaped(told)
            yield told.account, event, self._stamped(event, told.time_ms, body)

    def _stamped(self, event: str, time_ms: int, body: Shape) -> Shape:
        self._last_ms = max(self._last_ms, time_ms)
        return {"e": event, "T": self._last_ms, "E": self._last_ms, **body}


def _announced(batch: list[Told], at: int) -> OrderTold | None:
    """Return the trade whose light word is due at this place: before the account's change that precedes it."""
    told = batch[at]
    if isinstance(told, AccountTold):
        after = batch[at + 1] if at + 1 < len(batch) else None
        return after if _traded(after) and after.account == told.account else None
    before = batch[at - 1] if at else None
    return None if isinstance(before, AccountTold) or not _traded(told) else told


def _traded(told: Told | None) -> TypeGuard[OrderTold]:
    return isinstance(told, OrderTold) and told.happened is Happened.TRADE


def _shaped(told: OrderTold | AccountTold | AlgoTold | SettingTold | MarginCallTold) -> tuple[str, Shape]:
    """Return event and body of what is told to an account."""
    if isinstance(told, OrderTold):
        return "ORDER_TRADE_UPDATE", {"o": order_event(told)}
    if isinstance(told, AccountTold):
        return "ACCOUNT_UPDATE", {"a": account_event(told)}
    if isinstance(told, AlgoTold):
        return "ALGO_UPDATE", {"o": algo_event(told.algo)}
    if isinstance(told, SettingTold):
        return "ACCOUNT_CONFIG_UPDATE", setting_event(told)
    return "MARGIN_CALL", margin_call(told)


def trade_lite(told: OrderTold) -> Shape:
    """Return the light word that an order traded."""
    order, trade = told.order, told.trade
    return {
        "s": order.symbol,
        "q": text(order.quantity),
        "p": text(order.price),
        "m": trade is not None and trade.maker,
        "c": order.client_id,
        "S": order.side,
        **_last(trade),
        "i": order.id,
    }


def _last(trade: Trade | None) -> Shape:
    """Return price, quantity and number of the trade, zeros when there was none."""
    if trade is None:
        return {"L": "0", "l": "0", "t": 0}
    return {"L": text(trade.price), "l": text(trade.quantity), "t": trade.id}


def order_event(told: OrderTold) -> Shape:
    """Return the body of an ORDER_TRADE_UPDATE."""
    order, trade = told.order, told.trade
    return {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": text(order.quantity),
        "p": text(order.price),
        "ap": _average(order),
        "sp": text(order.trigger_price),
        "x": told.happened,
        "X": order.state,
        "i": order.id,
        **_last(trade),
        "z": text(order.executed),
        "n": "0" if trade is None else text(trade.fee),
        "N": "USDT" if trade is None else trade.fee_asset,
        "T": told.time_ms,
        "b": text(told.bid_notional),
        "a": text(told.ask_notional),
        "m": trade is not None and trade.maker,
        "R": order.reduce_only,
        "wt": order.working,
        "ot": order.original_type,
        "ps": order.position_side,
        "cp": order.closes_position,
        "rp": "0" if trade is None else text(trade.realised),
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.self_trade,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
        "er": order.expiry_reason,
    }


def _average(order: Order) -> str:
    return eight(order.average) if order.executed else "0"


def account_event(told: AccountTold) -> Shape:
    """Return the body of an ACCOUNT_UPDATE."""
    return {
        "m": told.reason,
        "B": [
            {
                "a": asset,
                "wb": eight(wallet),
                "cw": eight(told.cross.get(asset, wallet)),
                "bc": text(told.changes.get(asset, ZERO)),
            }
            for asset, wallet in told.wallets.items()
        ],
        "P": [position_event(held) for held in told.positions],
    }


def position_event(held: Held) -> Shape:
    """Return a position as account news tells it."""
    return {
        "s": held.symbol,
        "pa": text(held.quantity),
        "ep": eight(held.entry) if held.quantity else "0",
        "bep": eight(held.break_even) if held.quantity else "0",
        "cr": text(held.realised),
        "up": eight(held.unrealised) if held.quantity else "0",
        "mt": "isolated" if held.isolated else "cross",
        "iw": eight(held.isolated_wallet) if held.isolated_wallet else "0",
        "ps": held.side,
        "ma": "USDT",
    }


def setting_event(told: SettingTold) -> Shape:
    """Return the body of an ACCOUNT_CONFIG_UPDATE: a symbol's leverage, or the multi-asset mode."""
    if told.symbol is None:
        return {"ai": {"j": told.multi_assets}}
    return {"ac": {"s": told.symbol, "l": told.leverage}}


def margin_call(told: MarginCallTold) -> Shape:
    """Return the body of a MARGIN_CALL."""
    kept = told.maintenance or (ZERO,) * len(told.positions)
    return {
        "cw": eight(told.cross_wallet),
        "p": [
            {
                "s": held.symbol,
                "ps": held.side,
                "pa": text(held.quantity),
                "mt": "ISOLATED" if held.isolated else "CROSSED",
                "iw": eight(held.isolated_wallet) if held.isolated_wallet else "0",
                "mp": text(held.mark),
                "up": eight(held.unrealised),
                "mm": eight(needs),
            }
            for held, needs in zip(told.positions, kept, strict=True)
        ],
    }
