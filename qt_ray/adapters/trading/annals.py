"""Annals: an account's journal read along once, as tidings for whoever decides and as events for everybody.

What was told of it is known by the mark beside it, so a life that begins anew tells what the one before did not come
to, from the lines themselves and under the same ids. A snapshot may have been taken between a line and its word: then
it is read on from an older one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.journal_lines import lines_in
from qt_ray.adapters.outbox import mark_in
from qt_ray.adapters.trading.memory import line_of
from qt_ray.adapters.trading.tidings import TidingLog
from qt_ray.core.codec import decode
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event, event
from qt_ray.core.restore import restore
from qt_ray.engine.bulletin import SOURCE, Bulletin
from qt_ray.engine.holdings import Holdings
from qt_ray.engine.tidings import What
from qt_ray.execution.gateway.book import Pages
from qt_ray.execution.gateway.effects import Tell
from qt_ray.governance.snapshots import snapshot_of
from qt_ray.risk.at_work import AtWork

SNAPSHOTS: Final = "snapshots"
SNAPSHOT: Final = "snapshot-{:020d}.qts"


@dataclass(frozen=True, slots=True)
class Page:
    """What lines up to `number` are told as, and what was held after them, for whoever goes on from there."""

    number: int
    events: tuple[Event, ...]
    state: str


class Annals(TidingLog):
    """One account's, as a follower of the journal in `folder`."""

    def __init__(self, currency: str, folder: Path, ring: Callable[[], None] = lambda: None) -> None:
        """Read along from the first line that was not told yet."""
        super().__init__(currency, ring)
        self.folder, mark = folder, mark_in(folder)
        self._bulletin = Bulletin(currency, listener=self._hear)
        self._mark, self._holdings = mark.number, Holdings.of(mark.state)
        self._owed: list[Tell | Event] = []

    def begun(self, pages: Pages, names: Sequence[str], sequence: int) -> None:
        """Take in what all lines up to `sequence` have led to, and those of them that were not told."""
        if self._mark >= sequence:
            super().begun(pages, names, sequence)
            return
        older = _snapshot_before(self.folder / SNAPSHOTS, self._mark)
        if older is not None:
            super().begun(*older)
        for line in lines_in(self.folder, older[2] if older else 0):
            if line.sequence <= sequence:
                self._bulletin.take(line.sequence, line_of(line.payload))

    def owed(self) -> Page:
        """Return what was not told yet; asked again it is owed no more."""
        number = self.read() // 2
        owed, self._owed = self._owed, []
        events = (one.event if isinstance(one, Tell) else one for one in owed)
        return Page(number, tuple(events), self._holdings.state)

    def at_work(self) -> AtWork:
        """Return the entries that may still fill."""
        self.read()
        return self._bulletin.at_work()

    def _hear(self, sequence: int, what: Tell | What) -> None:
        if sequence <= self._mark:
            return
        if isinstance(what, Tell):
            self._owed.append(what)
        else:
            self._owed += (event(kind, turned, SOURCE, what.ts_ms) for kind, turned in self._holdings.hear(what))


def _snapshot_before(folder: Path, number: int) -> tuple[Pages, list[str], int] | None:
    """Return the book and the names of entries that the newest snapshot up to a number holds, and its own number."""
    paths = [path for path in folder.glob("snapshot-*.qts") if path.name <= SNAPSHOT.format(number)]
    for path in sorted(paths, reverse=True):
        try:
            found = snapshot_of(path.name, path.read_bytes())
        except Invalid:
            continue  # an older one, or all lines, lead there as well
        pages, _, names, *_ = found.state.split(b"\n")
        return restore(Pages, decode(pages)), decode(names), found.sequence
    return None
