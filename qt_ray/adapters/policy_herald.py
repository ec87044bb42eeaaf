"""Policy herald: every entry of the rulebook is told, in order, and none is forgotten by a crash between deed and word.

The book itself is the outbox. How far it was told is kept beside it and moves on only once the events are on the bus or
on the disk that waits for it; what is told twice has the same ids both times.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from qt_ray.adapters.files import write_text_atomic
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.governance.heralding import events_of
from qt_ray.governance.rulebook_store import Kept

AT_ONCE: Final = 100


class Book(Protocol):
    """The rulebook, as far as it is told."""

    @property
    def last(self) -> int:
        """Return the number of its last entry."""

    def history(self, count: int, before: int | None = None) -> tuple[Kept, ...]:
        """Return what was written, the newest first."""


class PolicyHerald:
    """Tells one book; `publish` returns once what it was given cannot be lost."""

    def __init__(self, book: Book, mark: Path, publish: Callable[..., Awaitable[None]], source: str) -> None:
        """Go on from `mark`, the file that says how far the book was told; without one, from the first entry."""
        self._book, self._mark, self._publish, self._source = book, mark, publish, source
        self._told = self._read()

    async def catch_up(self) -> None:
        """Tell all that was not told yet; Retryable if the disk does not take the word or the mark."""
        while self._told < self._book.last:
            upto = min(self._book.last, self._told + AT_ONCE)
            kept = self._book.history(upto - self._told, upto + 1)
            await self._publish(*self._events(reversed(kept)))
            await asyncio.to_thread(self._write, upto)

    def _events(self, kept: "reversed[Kept]") -> list[Event]:
        return [one for entry in kept for one in events_of(entry.entry, self._source)]

    def _read(self) -> int:
        """Return the mark; one that is damaged or ahead of the book says nothing, and all is told again."""
        try:
            text = self._mark.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return 0
        found = int(text) if text.isdecimal() else 0
        return found if found <= self._book.last else 0

    def _write(self, upto: int) -> None:
        try:
            write_text_atomic(self._mark, f"{upto}\n")
        except OSError as error:
            raise Retryable(f"{self._mark.name}: how far was told is kept, {error.strerror or error}") from error
        self._told = upto
