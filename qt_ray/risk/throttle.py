"""Throttle: how many orders were let through of late, whoever asked for them; at the limit nothing more grows."""

from collections import deque
from typing import Final

from qt_ray.core.errors import Invalid

WINDOW_MS: Final = 10_000


class Throttle:
    """Counts orders of the last ten seconds."""

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        if window_ms <= 0:
            raise Invalid(f"a throttle looks back for some time, was {window_ms} ms")
        self._window_ms = window_ms
        self._orders: deque[tuple[int, int]] = deque()

    def count(self, orders: int, at_ms: int) -> None:
        """Take in that so many orders were let through."""
        if orders:
            self._orders.append((at_ms, orders))

    def recent(self, at_ms: int) -> int:
        """Return how many orders the window holds."""
        while self._orders and self._orders[0][0] <= at_ms - self._window_ms:
            self._orders.popleft()
        return sum(orders for _, orders in self._orders)
