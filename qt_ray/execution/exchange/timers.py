"""Timers: what becomes due, earliest first; equal moments in the order in which they were set.

A timer has a name. Setting it again replaces it and voiding ends it; what lies void in the heap is swept out before
it is more than half of it, so memory follows what is really set.
"""

from dataclasses import dataclass, field
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import NamedTuple

IDLE_MAX = 64


class Due(Enum):
    """What a timer is for."""

    GOOD_TILL = "good_till"
    ALGO_GOOD_TILL = "algo_good_till"
    COUNTDOWN = "countdown"
    FUNDING = "funding"


class Timer(NamedTuple):
    """What a timer is for, and whose."""

    due: Due
    symbol: str
    account: str = ""
    number: int = 0


@dataclass(slots=True)
class Timers:
    """The timers that are set."""

    waiting: list[tuple[int, int, Timer]] = field(default_factory=list)
    live: dict[Timer, int] = field(default_factory=dict)
    number: int = 0

    def set(self, at_ms: int, timer: Timer) -> None:
        """Set a timer, in place of what it was set to."""
        self.number += 1
        self.live[timer] = self.number
        heappush(self.waiting, (at_ms, self.number, timer))
        if len(self.waiting) > 2 * len(self.live) + IDLE_MAX:
            self.waiting = [item for item in self.waiting if self.live.get(item[2]) == item[1]]
            heapify(self.waiting)

    def void(self, timer: Timer) -> None:
        """End a timer before it is due."""
        self.live.pop(timer, None)

    def take(self, now_ms: int) -> tuple[int, Timer] | None:
        """Return the earliest timer that is due by now and its moment, each once."""
        while self.waiting and self.waiting[0][0] <= now_ms:
            at_ms, number, timer = heappop(self.waiting)
            if self.live.get(timer) == number:
                del self.live[timer]
                return at_ms, timer
        return None
