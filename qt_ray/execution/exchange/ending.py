"""Ending: how an order stops, whoever stops it: out of the book, out of what is reserved, told once.

A plain order that a trigger made takes its conditional parent along.
"""

from qt_ray.execution.exchange.account import Account
from qt_ray.execution.exchange.floor import Floor
from qt_ray.execution.exchange.values import Algo, AlgoState, Happened, Order, OrderState

BY_SELF_TRADE = "1"
BY_TIME_IN_FORCE = "2"
BY_REDUCTION = "4"
BY_LIQUIDATION = "5"
BY_DELISTING = "7"
BY_MARKET = "9"


def end(
    floor: Floor, account: Account, order: Order, state: OrderState, happened: Happened, expiry_reason: str = "0"
) -> None:
    """End an order that has not traded whole."""
    line, book = account.lines[order.symbol], floor.markets[order.symbol].book
    if book.of(order.side).remove(order):
        book.update_id += 1
    order.state, order.updated_ms, order.expiry_reason = state, floor.now_ms, expiry_reason
    floor.retire(account, order, line)
    floor.tell_order(line, happened, order)
    finish_parent(floor, account, order)


def expire(floor: Floor, account: Account, order: Order, expiry_reason: str) -> None:
    """End an order by its own terms or the exchange's."""
    end(floor, account, order, OrderState.EXPIRED, Happened.EXPIRED, expiry_reason)


def cancel(floor: Floor, account: Account, order: Order) -> None:
    """End an order because its owner says so."""
    end(floor, account, order, OrderState.CANCELED, Happened.CANCELED)


def finish_parent(floor: Floor, account: Account, order: Order) -> None:
    """Finish the conditional order whose trigger made this one."""
    algo = account.parents.pop(order.id, None)
    if algo is not None:
        floor.tell_algo(account, algo, AlgoState.FINISHED)
        account.retire_algo(algo)


def end_algo(floor: Floor, account: Account, algo: Algo, state: AlgoState, reason: str = "") -> None:
    """End a conditional order that was never triggered."""
    floor.markets[algo.wanted.symbol].triggers.remove(algo)
    floor.leave(account, algo)
    floor.tell_algo(account, algo, state, reason)
    account.retire_algo(algo)
