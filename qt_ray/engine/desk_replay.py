"""Desk replay: every decision of a journal made again, from what was recorded of it and nothing else.

What models said is on record, because another library or processor may say it in other bits; all that was made of it is
computed. The first decision that does not come out the same ends the replay: what follows rests on it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from qt_ray.core.errors import Invalid
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Began, Decided, Entry
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.pipeline import Decision
from qt_ray.risk.ask import Ask
from qt_ray.risk.guard import Explanation, explain


@dataclass(frozen=True, slots=True, eq=False)
class Retold:
    """One decision on record, made again; `errands` are those that followed, if it came out the same."""

    began: Began
    entry: Decided
    decision: Decision
    stamp: Stamp
    errands: Errands

    @property
    def is_same(self) -> bool:
        """Return whether every row is what it was."""
        return self.decision.digest() == self.entry.digest

    def symbol_of(self, decision_id: str) -> str | None:
        """Return the symbol that a decision of this bar was about, or nothing if it was of another."""
        return next((one for one in self.began.symbols if self.stamp.decision(one) == decision_id), None)


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """Why a symbol was decided about as it was: the question, every rule's band, and the row."""

    symbol: str
    row: Any
    question: dict[str, int]
    rules: tuple[Explanation, ...]


def retold(entries: Iterable[Entry]) -> Iterator[Retold]:
    """Yield every decision of a journal, the oldest first, up to one that comes out otherwise."""
    book: DeskBook | None = None
    for entry in entries:
        if isinstance(entry, Began):
            book = DeskBook(entry)
        elif book is None:
            raise Invalid(f"journal: a desk begins before it is told anything, was {entry.kind}")
        elif isinstance(entry, Decided):
            again = _again(book, entry)
            yield again
            if not again.is_same:
                return
        else:
            book.take(entry)


def why(again: Retold, symbol: str) -> Why:
    """Ask the guard the recorded question once more."""
    i, world = again.began.symbols.index(symbol), again.decision.world
    asks: Any = world.asks
    limits: Any = world.limits
    _, rules = explain(asks[i], limits[0])
    question = {name: int(asks[i][name]) for name in Ask.__annotations__}
    return Why(symbol, again.decision.rows[i], question, tuple(rules))


def _again(book: DeskBook, entry: Decided) -> Retold:
    decision = book.weighed(entry)
    fund: Any = decision.world.account[0]
    policy = int(fund["policy_version"]), int(fund["policy_epoch"])
    stamp = Stamp(book.began.account, book.began.strategy, int(fund["ts"]), *policy)
    same = decision.digest() == entry.digest
    errands = book.take(entry, decision).errands if same else Errands()
    return Retold(book.began, entry, decision, stamp, errands)
