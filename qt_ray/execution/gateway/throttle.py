"""Throttle: how many orders may leave in a second, a minute and ten seconds; the last hop before the wire.

Every order counts, but only entries wait: an exit that waited for our own rule would be the rule's victim.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from qt_ray.core.limits import Limits

SECOND_MS, TEN_SECONDS_MS, MINUTE_MS = 1_000, 10_000, 60_000


@dataclass(slots=True)
class Throttle:
    """When orders left, of the last minute: all of them, and those of each symbol."""

    limits: Limits
    sent: deque[int] = field(default_factory=deque)
    of_symbol: dict[str, deque[int]] = field(default_factory=dict)

    def wait_until(self, symbols: tuple[str, ...], at_ms: int) -> int:
        """Return when entries of these symbols may leave, now or later."""
        limits = self.limits
        _drop(self.sent, at_ms)
        free_ms = max(
            at_ms,
            _free(self.sent, len(symbols), limits.orders_per_second_max, SECOND_MS),
            _free(self.sent, len(symbols), limits.orders_per_10s_account_max, TEN_SECONDS_MS),
        )
        for symbol in set(symbols):
            own = self.of_symbol.get(symbol, NONE)
            _drop(own, at_ms)
            free_ms = max(free_ms, _free(own, symbols.count(symbol), limits.orders_per_minute_symbol_max, MINUTE_MS))
        return free_ms

    def count(self, symbols: tuple[str, ...], at_ms: int) -> None:
        """Count orders that leave."""
        _drop(self.sent, at_ms)
        for symbol in symbols:
            self.sent.append(at_ms)
            own = self.of_symbol.setdefault(symbol, deque())
            _drop(own, at_ms)
            own.append(at_ms)


NONE: Final[deque[int]] = deque()


def _drop(times: deque[int], at_ms: int) -> None:
    while times and times[0] <= at_ms - MINUTE_MS:
        times.popleft()


def _free(times: deque[int], more: int, most: int, span_ms: int) -> int:
    """Return when `more` orders fit among `most` in any span; more than fit in one pass once it is empty."""
    excess = len(times) + min(more, most) - most
    return times[excess - 1] + span_ms if excess > 0 else 0
