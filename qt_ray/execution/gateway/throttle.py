"""Throttle: how many orders may leave in a second, a minute and ten seconds; the last hop before the wire.

Every order counts, but only entries wait: an exit that waited for our own rule would be the rule's victim.
"""

from collections import deque
from dataclasses import dataclass, field

from qt_ray.core.limits import Limits

SECOND_MS, TEN_SECONDS_MS, MINUTE_MS = 1_000, 10_000, 60_000


@dataclass(slots=True)
class Throttle:
    """When orders left, of the last minute."""

    limits: Limits
    sent: deque[tuple[int, str]] = field(default_factory=deque)

    def wait_until(self, symbols: tuple[str, ...], at_ms: int) -> int:
        """Return when entries of these symbols may leave, now or later."""
        self._drop(at_ms)
        limits = self.limits
        everything = [at for at, _ in self.sent]
        free = [
            _free(everything, len(symbols), limits.orders_per_second_max, SECOND_MS),
            _free(everything, len(symbols), limits.orders_per_10s_account_max, TEN_SECONDS_MS),
        ]
        for symbol in set(symbols):
            own = [at for at, name in self.sent if name == symbol]
            free.append(_free(own, symbols.count(symbol), limits.orders_per_minute_symbol_max, MINUTE_MS))
        return max(at_ms, *free)

    def count(self, symbols: tuple[str, ...], at_ms: int) -> None:
        """Count orders that leave."""
        self.sent.extend((at_ms, symbol) for symbol in symbols)

    def _drop(self, at_ms: int) -> None:
        while self.sent and self.sent[0][0] <= at_ms - MINUTE_MS:
            self.sent.popleft()


def _free(times: list[int], more: int, most: int, span_ms: int) -> int:
    """Return when `more` orders fit among `most` in any span; more than fit in one pass once it is empty."""
    excess = len(times) + min(more, most) - most
    return times[excess - 1] + span_ms if excess > 0 else 0
