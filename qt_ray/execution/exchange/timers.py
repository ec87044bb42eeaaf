"""Timers: what becomes due, earliest first; equal moments in the order in which they were set."""

from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from typing import NamedTuple


class Due(Enum):
    """What a timer is for."""

    GOOD_TILL = "good_till"
    COUNTDOWN = "countdown"
    FUNDING = "funding"


class Timer(NamedTuple):
    """One moment; a countdown is void unless its number is the account's latest for the symbol."""

    at_ms: int
    number: int
    due: Due
    account: str
    symbol: str
    order_id: int = 0


@dataclass(slots=True)
class Timers:
    """The timers that are set."""

    waiting: list[Timer] = field(default_factory=list)
    countdowns: dict[tuple[str, str], int] = field(default_factory=dict)
    number: int = 0

    def set(self, at_ms: int, due: Due, account: str, symbol: str, order_id: int = 0) -> int:
        """Set a timer and return its number."""
        self.number += 1
        heappush(self.waiting, Timer(at_ms, self.number, due, account, symbol, order_id))
        return self.number

    def arm(self, account: str, symbol: str, at_ms: int) -> None:
        """Set a countdown, which voids an earlier one."""
        self.countdowns[account, symbol] = self.set(at_ms, Due.COUNTDOWN, account, symbol)

    def disarm(self, account: str, symbol: str) -> None:
        """Void a countdown."""
        self.countdowns.pop((account, symbol), None)

    def take(self, now_ms: int) -> Timer | None:
        """Return the earliest timer that is due by now, each once."""
        if not self.waiting or self.waiting[0].at_ms > now_ms:
            return None
        return heappop(self.waiting)
