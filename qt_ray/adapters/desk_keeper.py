"""Desk keeper: the one way into a desk's book: durable, then folded, then told.

Nothing else changes the book, so what a later life folds is what this one has done. A snapshot that the disk refuses
costs the next start some time and nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from qt_ray.adapters.desk_journal import DeskJournal
from qt_ray.core.errors import Invariant, Retryable
from qt_ray.core.events import event
from qt_ray.core.payloads import RiskAlert
from qt_ray.engine.desk import DeskBook, Outcome
from qt_ray.engine.desk_entries import Began, Entry
from qt_ray.engine.desk_events import told_of
from qt_ray.engine.pipeline import Decision

SOURCE: Final = "Desk"
WORD: Final = "the desk's journal"


class DeskKeeper:
    """A desk's book and its journal."""

    def __init__(self, journal: DeskJournal, tell: Callable[..., None], clock: Callable[[], int]) -> None:
        """Take up what the journal leads to, if it leads anywhere."""
        self._journal, self._tell, self._clock = journal, tell, clock
        self._book = journal.recovered()
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
        """Take an entry in once it is durable; on Retryable it was not, and nothing has changed."""
        self._journal.append(entry)
        outcome = self.book.take(entry, weighed)
        self.tell(told_of(outcome, self.book.began))
        if self._journal.is_due:
            self.keep()
        return outcome

    def keep(self) -> None:
        """Take a snapshot."""
        try:
            self._journal.keep(self.book)
        except (OSError, Retryable) as error:
            self.alert("no snapshot could be taken", str(error))

    def alert(self, rule: str, detail: str) -> None:
        """Tell a person."""
        self.tell([("risk.alert", RiskAlert("warning", rule, detail))])

    def tell(self, told: Iterable[tuple[str, Any]]) -> None:
        """Tell the fund."""
        at_ms = self._clock()
        events = [event(kind, payload, SOURCE, at_ms) for kind, payload in told]
        if events:
            self._tell(*events)

    def close(self) -> None:
        """Keep what is known, and give the journal back."""
        if self._book is not None:
            self.keep()
        self._journal.close()
