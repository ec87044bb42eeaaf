"""Clockwork: what becomes due acts at its own moment, however late the exchange is told of the time."""

from collections.abc import Iterator

from qt_ray.execution.exchange.ending import BY_TIME_IN_FORCE, expire
from qt_ray.execution.exchange.floor import Floor
from qt_ray.execution.exchange.funding import charge, next_funding_ms
from qt_ray.execution.exchange.orders import cancel_all
from qt_ray.execution.exchange.timers import Due, Timer


def start_funding(floor: Floor, symbol: str) -> None:
    """Set the first funding time of a symbol."""
    interval_ms = floor.markets[symbol].listing.funding_interval_ms
    floor.timers.set(next_funding_ms(floor.now_ms, interval_ms), Due.FUNDING, "", symbol)


def run_due(floor: Floor, now_ms: int) -> Iterator[str]:
    """Let everything act that is due by now, and yield each symbol whose holders have just paid funding."""
    while (timer := floor.timers.take(now_ms)) is not None:
        floor.now_ms = max(floor.now_ms, timer.at_ms)
        if timer.due is Due.FUNDING:
            charge(floor, floor.markets[timer.symbol])
            start_funding(floor, timer.symbol)
            yield timer.symbol
        elif timer.due is Due.COUNTDOWN:
            _count_down(floor, timer)
        else:
            _reach_good_till(floor, timer)
    floor.now_ms = max(floor.now_ms, now_ms)


def _count_down(floor: Floor, timer: Timer) -> None:
    if floor.timers.countdowns.get((timer.account, timer.symbol)) == timer.number:
        floor.timers.disarm(timer.account, timer.symbol)
        cancel_all(floor, floor.accounts[timer.account], timer.symbol)


def _reach_good_till(floor: Floor, timer: Timer) -> None:
    account = floor.accounts[timer.account]
    order = account.orders.get(timer.order_id)
    if order is not None and order.is_open:
        expire(floor, account, order, BY_TIME_IN_FORCE)
