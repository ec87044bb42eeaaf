"""Trade log: every order accepted and every trade, one JSON line each, only ever appended.

It is written from what the exchange tells and from nothing else, so that a checker who reads only this file needs
to trust neither us nor the client.
"""

from pathlib import Path
from typing import Any, BinaryIO

import orjson

from qt_ray.adapters.paper.spelling import text
from qt_ray.execution.exchange.told import AlgoTold, OrderTold, Told
from qt_ray.execution.exchange.values import AlgoState, Happened


class TradeLog:
    """The file, open for appending."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)

    def tell(self, told: Told) -> None:
        """Append what happened, if it was an acceptance or a trade."""
        line = log_line(told)
        if line is not None:
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """End the file."""
        self._file.close()


def log_line(told: Told) -> dict[str, Any] | None:
    """Return the line for what was told, or None when it is neither an acceptance nor a trade."""
    if isinstance(told, AlgoTold) and told.algo.state is AlgoState.NEW:
        return _algo(told)
    if not isinstance(told, OrderTold):
        return None
    if told.trade is not None:
        return _trade(told)
    return _order(told) if told.happened in (Happened.NEW, Happened.AMENDMENT) else None


def _order(told: OrderTold) -> dict[str, Any]:
    order = told.order
    return {
        "kind": "order" if told.happened is Happened.NEW else "amended",
        "time": told.time_ms,
        "account": told.account,
        "symbol": order.symbol,
        "order_id": order.id,
        "client_id": order.client_id,
        "side": order.side,
        "position_side": order.position_side,
        "type": order.type,
        "quantity": text(order.quantity),
        "price": text(order.price),
        "reduce_only": order.reduce_only,
        "closes_position": order.closes_position,
    }


def _algo(told: AlgoTold) -> dict[str, Any]:
    wanted = told.algo.wanted
    return {
        "kind": "algo",
        "time": told.time_ms,
        "account": told.account,
        "symbol": wanted.symbol,
        "algo_id": told.algo.id,
        "client_id": told.algo.client_id,
        "side": wanted.side,
        "position_side": wanted.position_side,
        "type": wanted.type,
        "quantity": None if wanted.quantity is None else text(wanted.quantity),
        "trigger_price": None if wanted.trigger_price is None else text(wanted.trigger_price),
        "reduce_only": wanted.reduce_only,
        "closes_position": wanted.closes_position,
    }


def _trade(told: OrderTold) -> dict[str, Any] | None:
    trade = told.trade
    if trade is None:
        return None
    return {
        "kind": "trade",
        "time": trade.time_ms,
        "account": trade.account,
        "symbol": trade.symbol,
        "trade_id": trade.id,
        "order_id": trade.order_id,
        "client_id": trade.client_id,
        "side": trade.side,
        "position_side": trade.position_side,
        "price": text(trade.price),
        "quantity": text(trade.quantity),
        "fee": text(trade.fee),
        "fee_asset": trade.fee_asset,
        "realised": text(trade.realised),
        "maker": trade.maker,
    }
