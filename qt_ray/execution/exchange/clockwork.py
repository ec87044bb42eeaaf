"""Clockwork: what becomes due acts at its own moment, however late the exchange is told of the time."""

from collections.abc import Iterator

from qt_ray.execution.exchange.ending import BY_TIME_IN_FORCE, end_algo, expire
from qt_ray.execution.exchange.floor import Floor
from qt_ray.execution.exchange.funding import charge, next_funding_ms
from qt_ray.execution.exchange.orders import cancel_all
from qt_ray.execution.exchange.timers import Due, Timer
from qt_ray.execution.exchange.values import AlgoState


def start_funding(floor: Floor, symbol: str) -> None:
    """Set the next funding time of a symbol."""
    interval_ms = floor.markets[symbol].listing.funding_interval_ms
    floor.timers.set(next_funding_ms(floor.now_ms, interval_ms), Timer(Due.FUNDING, symbol))


def run_due(floor: Floor, now_ms: int) -> Iterator[str]:
    """Let everything act that is due by now, and yield each symbol whose holders have just paid funding."""
    while (found := floor.timers.take(now_ms)) is not None:
        at_ms, timer = found
        floor.now_ms = max(floor.now_ms, at_ms)
        if timer.due is Due.FUNDING:
            charge(floor, floor.markets[timer.symbol])
            start_funding(floor, timer.symbol)
            yield timer.symbol
        elif timer.due is Due.COUNTDOWN:
            cancel_all(floor, floor.accounts[timer.account], timer.symbol)
        else:
            _reach_good_till(floor, timer)
    floor.now_ms = max(floor.now_ms, now_ms)


def _reach_good_till(floor: Floor, timer: Timer) -> None:
    account = floor.accounts[timer.account]
    if timer.due is Due.GOOD_TILL:
        expire(floor, account, account.orders[timer.number], BY_TIME_IN_FORCE)
    else:
        end_algo(floor, account, account.algos[timer.number], AlgoState.EXPIRED, "The good-till date is reached.")
