"""Desk keeper: the one way into a desk's book: durable, then folded, and told once what is urgent has left.

A bar of a hundred symbols has hundreds of words, and its orders do not wait until they are made. Nothing else changes
the book, so what a later life folds is what this one has done, and what this one did not come to tell follows from the
same fold. A snapshot spares a later life only what was told; one that the disk refuses costs the next start some time
and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from qt_ray.adapters.desk_journal import DeskJournal
from qt_ray.adapters.outbox import Outbox, Voice
from qt_ray.adapters.publisher import COMMANDS
from qt_ray.core.errors import Invariant, Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import RiskAlert
from qt_ray.engine.desk import DeskBook, Outcome
from qt_ray.engine.desk_entries import Began, Entry
from qt_ray.engine.desk_events import moment_of, told_of
from qt_ray.engine.pipeline import Decision

SOURCE: Final = "Desk"
WORD: Final = "the desk's journal"
TELL_AFTER_S: Final = 0.1
# So many entries wait to be told at most, however long nobody says that it is time.
UNTOLD_MAX: Final = 64


class DeskKeeper:
    """A desk's book, its journal, and what is owed to whoever listens."""

    def __init__(self, journal: DeskJournal, voice: Voice, clock: Callable[[], int]) -> None:
        """Take up what the journal leads to, if it leads anywhere, and tell what an earlier life did not come to."""
        self._journal, self._voice, self._clock = journal, voice, clock
        self.outbox = Outbox(journal.folder, voice)
        self._untold: deque[tuple[int, Entry, Outcome]] = deque()
        self._has_untold = asyncio.Event()
        self._book = journal.recovered(self._tell_again)
        for word in journal.words:
            self.alert(WORD, word)

    @property
    def book(self) -> DeskBook:
        """Return the book; there is one from the first beginning on."""
        if self._book is None:
            raise Invariant("a desk has begun before anybody asks for its book")
        return self._book

    def goes_on(self, began: Began) -> bool:
        """Return whether the book is that of a desk like this one."""
        return self._book is not None and self._book.began.is_like(began)

    def begin(self, began: Began) -> None:
        """Begin a new book."""
        if self._book is not None:
            self.alert(WORD, "a desk begins anew, its setup is another one")
        self._journal.append(began)
        self._book = DeskBook(began)

    def note(self, entry: Entry, weighed: Decision | None = None) -> Outcome:
        """Take an entry in once it is durable, to be told later; on Retryable it was not, and nothing has changed."""
        if self._journal.is_due:
            self.keep()
        number = self._journal.append(entry)
        outcome = self.book.take(entry, weighed)
        self._untold.append((number, entry, outcome))
        self._has_untold.set()
        if len(self._untold) > UNTOLD_MAX:
            self.tell()
        return outcome

    async def tell_later(self) -> None:
        """Tell what was taken in, once what is urgent has left this machine's processors alone."""
        await self._has_untold.wait()
        await asyncio.sleep(TELL_AFTER_S)
        self.tell()

    def tell(self) -> None:
        """Tell what follows from all that was taken in."""
        while self._untold:
            number, entry, outcome = self._untold[0]
            self.outbox.tell(number, _events(entry, outcome, self.book.began))
            self._untold.popleft()
        self._has_untold.clear()

    def keep(self) -> None:
        """Take a snapshot, unless something that a later life would have to tell lies before it."""
        self.tell()
        self.outbox.settle()
        if self.outbox.is_behind:
            return
        try:
            self._journal.keep(self.book)
        except (OSError, Retryable) as error:
            self.alert("no snapshot could be taken", str(error))

    def alert(self, rule: str, detail: str) -> None:
        """Tell a person."""
        self._voice.tell(event("risk.alert", RiskAlert("warning", rule, detail), SOURCE, self._clock()))

    def close(self) -> None:
        """Keep what is known, and give the journal back."""
        if self._book is not None:
            self.keep()
        self._journal.close()

    def _tell_again(self, number: int, entry: Entry, outcome: Outcome, began: Began) -> None:
        """Tell what follows from an entry of an earlier life, but for commands: they are not told late."""
        self.outbox.tell(number, (one for one in _events(entry, outcome, began) if one.type not in COMMANDS))


def _events(entry: Entry, outcome: Outcome, began: Began) -> Iterator[Event]:
    at_ms = moment_of(entry)
    return (event(kind, payload, SOURCE, at_ms) for kind, payload in told_of(outcome, began))
