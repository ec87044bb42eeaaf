"""Ban: while the venue has shut its door to our address, nothing knocks, not even a question for the time.

Whatever is sent during a ban makes it longer, and after a 429 it brings one. So the door is kept shut on our side as
well, for everything at once, because the venue counts by address and not by what is asked.
"""

from typing import Any

from qt_ray.adapters.binance.answers import TOO_MANY_REQUESTS
from qt_ray.execution.venue.calls import Answer, Throttled

NS = 1_000_000


class Ban:
    """Until when nothing may be sent, by the monotonic clock."""

    def __init__(self) -> None:
        self._until_ns = 0
        self._said = Throttled(TOO_MANY_REQUESTS, 0)

    def hear(self, answer: Answer[Any], now_ns: int) -> None:
        """Take in an answer; one that closes the door keeps it closed as long as it says."""
        if not isinstance(answer, Throttled) or not (answer.banned or answer.code == TOO_MANY_REQUESTS):
            return
        until = now_ns + answer.retry_after_ms * NS
        if until > self._until_ns:
            self._until_ns, self._said = until, answer

    def at(self, now_ns: int) -> Throttled | None:
        """Return what would be answered now, if the door is shut."""
        left = self._until_ns - now_ns
        if left <= 0:
            return None
        return Throttled(self._said.code, -(-left // NS), self._said.banned)
