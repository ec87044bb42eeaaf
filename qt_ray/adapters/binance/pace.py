"""Pace: how often a stream proves that it lives, and how long to wait before another try.

Chance is a seed; every wait and every queue has its bound here.
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a session, in seconds. A socket is found dead after `ping_s` and `pong_s` of silence together.

    One whose streams never rest is left after `quiet_s` without a word, although it answers pings.
    """

    ping_s: float = 2.0
    pong_s: float = 3.0
    quiet_s: float = 4.0
    keep_key_s: float = 1_500.0
    keep_key_again_s: float = 30.0
    life_s: float = 84_600.0
    overlap_s: float = 1.0
    steady_s: float = 10.0
    retry_first_s: float = 0.1
    retry_max_s: float = 30.0
    repair_s: float = 0.5
    clock_s: float = 60.0
    queue_max: int = 10_000
    seed: int = 0


class Pauses:
    """The pauses between tries: none before the first, then doubling up to a bound, each half by chance."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._chance = Random(pace.seed)
        self._failures = 0

    def succeeded(self, lived_s: float) -> None:
        """Forget the failures once something has lived for a while; a socket that dies young is one more."""
        if lived_s >= self._pace.steady_s:
            self._failures = 0

    def following(self) -> float:
        """Return how long to wait now."""
        failures, self._failures = self._failures, self._failures + 1
        if failures == 0:
            return 0.0
        whole = min(self._pace.retry_first_s * float(1 << min(failures - 1, 30)), self._pace.retry_max_s)
        return whole * (0.5 + self._chance.random() / 2)
