"""Clock: the only place that asks what time it is.

Everywhere else time is a value that arrives with an event, so a backtest, a test and a replay see the same
moments as the original. `now_ms` dates things; `monotonic_ns` measures how long they took, also while the machine was
asleep, because a lease runs out then too.
"""

import time
from typing import Final

_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ms() -> int:
    """Return milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def monotonic_ns() -> int:
    """Return nanoseconds since an arbitrary moment; only differences mean anything."""
    return time.clock_gettime_ns(_STEADY)


def monotonic_ms() -> int:
    """Return milliseconds of the same clock."""
    return monotonic_ns() // 1_000_000
