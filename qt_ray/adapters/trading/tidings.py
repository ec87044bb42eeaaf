"""Tidings at the source: the account's journal read along, and read aloud to whoever waits for what comes next.

A line is taken in when it is durable and understood when somebody asks, so that no order waits for a reader.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from qt_ray.adapters.trading.memory import line_of
from qt_ray.engine.bulletin import Bulletin
from qt_ray.engine.tidings import Tiding
from qt_ray.execution.books import Books
from qt_ray.execution.gateway.book import Pages

UNREAD_MAX: Final = 1_000


class TidingLog:
    """One account's, as a follower of its journal; `unread` lines wait to be understood."""

    def __init__(self, currency: str, ring: Callable[[], None] = lambda: None) -> None:
        """Read along from the first line on; money is told in `currency`, and `ring` hears that there is more."""
        self._ring = ring
        self._bulletin = Bulletin(currency)
        self._unread: deque[tuple[int, bytes]] = deque()

    def begun(self, pages: Pages, names: Sequence[str], sequence: int) -> None:
        """Take in what all lines up to `sequence` have led to."""
        self._bulletin.begin(pages, names, sequence)

    def wrote(self, sequence: int, payload: bytes) -> None:
        """Take in a line that is durable."""
        self._unread.append((sequence, payload))
        if len(self._unread) > UNREAD_MAX:
            self.read()
        self._ring()

    def read(self) -> int:
        """Understand what was written, and return the number of the last of it."""
        while self._unread:
            sequence, payload = self._unread.popleft()
            self._bulletin.take(sequence, line_of(payload))
        return self._bulletin.last

    def since(self, after: int, books: Books, at_ms: int) -> tuple[Tiding, ...]:
        """Return what came after a number, or how the account stands if that cannot be told one by one."""
        self.read()
        return self._bulletin.since(after, books, at_ms)

    def has_since(self, after: int) -> bool:
        """Return whether there is anything to tell to somebody who knows all up to `after`."""
        self.read()
        return self._bulletin.has_since(after)
