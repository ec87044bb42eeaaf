"""SPEC law 7: what an account's journal says is told by this life or by the next, in the same words."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.outbox import Outbox
from qt_ray.adapters.trading.annals import Annals
from qt_ray.adapters.trading.memory import Memory
from qt_ray.core.codec import canonical
from qt_ray.core.events import Event
from qt_ray.execution.entries import Entry, Moved, Opening, Traded
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.effects import Tell
from qt_ray.execution.gateway.records import Heard, Record
from qt_ray.execution.standing import Proven
from tests.unit.actors.voices import HeardVoice
from tests.unit.adapters.trading.test_tidings import OPENING, QUOTES, life

pytestmark = pytest.mark.unit


class Account:
    """One life of an account's process on a journal; what its gateway says is `said`, what reaches the bus is told."""

    def __init__(self, folder: Path, carries: int | None = None) -> None:
        self.voice = HeardVoice(carries)
        self.annals = Annals("USDT", folder)
        self.memory = Memory(folder, Book(), follower=self.annals)
        if self.memory.is_empty:
            self.memory.post([OPENING])
        self.books, self.said = self.memory.books(QUOTES), list[Event]()
        self.pen, self.outbox = Chronicle(self.memory.book, "gateway"), Outbox(folder, self.voice)

    def turn(self, lines: Sequence[Record | Entry]) -> None:
        payloads = []
        for line in lines:
            if isinstance(line, Traded | Moved):
                payloads += self.memory.note([line])
                self.books.post(line)
            elif not isinstance(line, Opening):
                if isinstance(line, Heard):
                    self.pen.hear(line)
                else:
                    self.pen.write(line)
                payloads.append(canonical(line))
        self.said += (effect.event for effect in self.pen.taken() if isinstance(effect, Tell))
        self.memory.append_many(payloads)

    def tell(self) -> None:
        page = self.annals.owed()
        self.outbox.tell(page.number, page.events, page.state)

    def die(self) -> list[Event]:
        """End as by kill -9, and return what had reached the bus by then."""
        self.memory.close()
        return self.voice.events[: self.voice.carried]


Deeds = list[tuple[int, str, int]]
DEEDS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["", "", "tell", "settle", "keep", "die"]), st.integers(0, 30)),
    min_size=1,
    max_size=14,
)


def lived(folder: Path, deeds: Deeds, dies: bool) -> tuple[list[Event], list[Event]]:
    """Return what was said in the lives of an account, and what of it has reached the bus; the last one tells all."""
    said, bus = list[Event](), list[Event]()
    one = Account(folder, deeds[0][2] if dies else None)
    for number, (kind, deed, carries) in enumerate(deeds, 1):
        for turn in life(number, kind):
            one.turn(turn)
        if deed in ("tell", "settle"):
            one.tell()
        if deed == "settle":
            one.outbox.settle()
        if deed == "keep":
            one.memory.keep(one.books, Proven())
        if deed == "die" and dies:
            said, bus = said + one.said, bus + one.die()
            one = Account(folder, carries)
    said, bus = said + one.said, bus + one.die()
    last = Account(folder)
    last.tell()
    last.outbox.settle()
    assert not last.outbox.is_behind
    return said, bus + last.die()


@settings(max_examples=80, deadline=None)
@given(DEEDS)
def test_all_that_was_said_is_told_whoever_dies_and_whatever_a_snapshot_has_summed_up(deeds: Deeds) -> None:
    with TemporaryDirectory() as name:
        said, told = lived(Path(name), deeds, dies=True)
    known = {event.id for event in told}
    assert {event.id for event in said} <= known
    with TemporaryDirectory() as name:
        _, calm = lived(Path(name), deeds, dies=False)
    # Positions are told in the same words too, with all that they have realised since they were opened.
    assert {event.id for event in calm} == known


@pytest.mark.parametrize(
    ("kind", "left"), [(0, [10, 10, None]), (1, [10, 6, None]), (4, [10, 10, None]), (5, [10, None])]
)
def test_what_may_still_fill_is_what_was_wanted_less_what_was_told(
    tmp_path: Path, kind: int, left: list[int | None]
) -> None:
    one = Account(tmp_path)
    for turn, most in zip(life(1, kind), left, strict=True):
        one.turn(turn)
        shown = one.annals.at_work()
        assert [int(entry.left) for entry in shown.entries] == ([] if most is None else [most])
        assert shown.number <= one.annals.read()
    one.memory.close()


def test_nothing_is_told_again_after_an_end_in_order(tmp_path: Path) -> None:
    one = Account(tmp_path)
    for turn in life(1, 0):
        one.turn(turn)
    one.tell()
    one.outbox.settle()
    one.memory.keep(one.books, Proven())
    kinds = [event.type for event in one.die()]
    assert kinds.count("position.opened") == 1
    assert {"order.planned", "trade.executed", "order.filled"} <= set(kinds)
    other = Account(tmp_path)
    other.tell()
    assert other.die() == []
