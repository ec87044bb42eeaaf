"""SPEC law 7: what follows from a journal is told at least once, in order, whenever its teller dies."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.outbox import FILE, Mark, Outbox, mark_in
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import ModeChanged
from tests.unit.actors.voices import HeardVoice

pytestmark = pytest.mark.unit

LAST = 6


def derived(number: int) -> list[Event]:
    """What follows from a record: nothing of every third one, two events of the others."""
    kinds = range(2 if number % 3 else 0)
    return [event("policy.mode.changed", ModeChanged("A", str(kind), number, "ann"), "x", number) for kind in kinds]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, LAST), st.integers(0, 2 * LAST), st.booleans()), max_size=5))
def test_whatever_lives_a_journal_has_all_of_it_reaches_the_bus_in_order(lives: list[tuple[int, int, bool]]) -> None:
    """Each life reads the journal so far from the start, and dies when the bus has taken some of what it told."""
    bus: list[Event] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        for written, carried, is_marked in [*lives, (LAST, 2 * LAST, True)]:
            voice = HeardVoice(carries_max=carried)
            outbox = Outbox(folder, voice)
            for number in range(1, written + 1):
                outbox.tell(number, derived(number), state=str(number))
            if is_marked:
                outbox.settle()
                assert outbox.is_behind <= (voice.carried < voice.taken)
            bus += voice.events[: voice.carried]
        firsts = list(dict.fromkeys(told.id for told in bus))
        assert firsts == [told.id for number in range(1, LAST + 1) for told in derived(number)]
        assert mark_in(folder) == Mark(LAST, str(LAST))


def test_what_was_told_is_not_even_derived(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, HeardVoice())
    outbox.tell(2, derived(2))
    outbox.settle()

    def never() -> Iterator[Event]:
        raise AssertionError("it was derived")
        yield derived(2)[0]

    Outbox(tmp_path, HeardVoice()).tell(2, never())


def test_a_mark_that_cannot_be_read_says_nothing_and_a_disk_that_refuses_one_leaves_it_due(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / FILE).write_bytes(b"{")
    assert mark_in(folder) == Mark()
    outbox = Outbox(folder, HeardVoice())
    (folder / FILE).unlink()
    folder.rmdir()
    folder.write_bytes(b"")
    outbox.tell(1, derived(1))
    outbox.settle()
    assert outbox.is_behind
    folder.unlink()
    outbox.settle()
    assert not outbox.is_behind
    assert mark_in(folder) == Mark(1)
