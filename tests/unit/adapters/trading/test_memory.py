"""An account's memory; row 62 of the fault catalogue: whatever became of its snapshots, it leads to the same."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, count, islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.trading.memory import SEGMENT_BYTES, Entry, Memory
from qt_ray.core.codec import canonical, digest
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Execution, PositionSide, Side
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Opening, Traded
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.records import Heard, Record, Sent, Wanted
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.standing import Proven
from tests.unit.adapters.failing_disk import FailingDisk, PowerCut
from tests.unit.execution.gateway.stories import entry, name

pytestmark = pytest.mark.unit

Step = list[Record] | Entry | None
OPENING = Opening(1, {"USDT": Decimal(10_000)})
QUOTES = {"BTCUSDT": "USDT"}
PROVEN = Proven({"BTCUSDT": 1}, 2)


def book() -> Book:
    return Book(ended_max=3, spent_max=5)


def steps(first: int = 0) -> Iterator[Step]:
    """Yield the lives of orders without end: wanted and sent, filled, posted, and a snapshot after every other one."""
    for number in count(first):
        execution = Execution(number, Decimal(10), Decimal(100), Decimal("0.04"), "USDT", False, number)
        filled = News(Signal.FILLED, number, str(number), Decimal(10), execution)
        yield [Wanted(entry(number), f"p{number}", Decimal(10), number), Sent(name(number), number)]
        yield [Heard(name(number), filled, str(number))]
        yield Traded("BTCUSDT", PositionSide.BOTH, Side.BUY, str(number), execution, Decimal(0))
        if number % 2:
            yield None


def take(memory: Memory, step: Step) -> None:
    if step is None:
        memory.keep(memory.books(QUOTES), PROVEN)
    elif isinstance(step, list):
        for record in step:
            memory.book.apply(record)
        memory.append_many([canonical(record) for record in step])
    else:
        memory.post([step])


def told(memory: Memory) -> str:
    """Return all that a memory leads to; books that begin with a snapshot are those of all the entries."""
    entries = memory.entries
    if entries:
        opening, *rest = entries
        assert isinstance(opening, Opening)
        whole = Books.of(opening, QUOTES, [entry for entry in rest if not isinstance(entry, Opening)])
        assert memory.books(QUOTES).digest() == whole.digest()
    return digest((memory.book.digest, [*memory.book.orders], [*memory.book.spent], tuple(entries)))


def lived(folder: Path, many: int, segment_bytes_max: int = SEGMENT_BYTES) -> str:
    memory = Memory(folder, book(), segment_bytes_max=segment_bytes_max)
    memory.post([OPENING])
    for step in islice(steps(), many):
        take(memory, step)
    memory.close()
    return told(memory)


def recalled(folder: Path) -> Memory:
    memory = Memory(folder, book())
    memory.close()
    return memory


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60), st.sets(st.integers(0, 3)))
def test_snapshots_that_are_half_foreign_or_gone_change_nothing_but_the_time_it_takes(
    tmp_path_factory: pytest.TempPathFactory, many: int, spoilt: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("account")
    before = lived(folder, many)
    assert told(recalled(folder)) == before
    foreign = tmp_path_factory.mktemp("other")
    lived(foreign, 40)
    strange = next(iter(sorted((foreign / "snapshots").iterdir())))
    for number, path in enumerate(sorted((folder / "snapshots").glob("*"), reverse=True)):
        if number in spoilt:
            data = path.read_bytes()
            path.write_bytes((data[: len(data) // 2], strange.read_bytes(), b"QTSNAP00" + data[8:])[number % 3])
    assert told(recalled(folder)) == before
    for path in (folder / "snapshots").glob("*"):
        path.unlink()
    assert told(recalled(folder)) == before


def test_an_older_snapshot_is_as_good_as_the_newest(tmp_path: Path) -> None:
    before = lived(tmp_path, 50)
    newest = max((tmp_path / "snapshots").iterdir())
    newest.write_bytes(b"half")
    memory = recalled(tmp_path)
    assert told(memory) == before
    assert [said.partition(":")[0] for said in memory.passed_over] == [newest.name]


def test_a_snapshot_is_taken_when_there_is_something_new(tmp_path: Path) -> None:
    lived(tmp_path, 3)
    memory = Memory(tmp_path, book())
    memory.keep(memory.books(QUOTES), PROVEN)
    memory.keep(memory.books(QUOTES), PROVEN)
    assert len(list((tmp_path / "snapshots").iterdir())) == 1
    assert not memory.is_due
    memory.close()


def test_what_was_proven_when_a_snapshot_was_taken_is_told_with_it(tmp_path: Path) -> None:
    lived(tmp_path, 3)
    first = Memory(tmp_path, book())
    assert first.standing is None
    first.keep(first.books(QUOTES), PROVEN)
    first.close()
    found = recalled(tmp_path).standing
    assert found is not None
    assert found.proven == PROVEN


def test_books_begin_with_an_opening(tmp_path: Path) -> None:
    memory = Memory(tmp_path, book())
    memory.post([step for step in islice(steps(), 3) if isinstance(step, Traded)])
    with pytest.raises(Invalid, match="books begin with an opening, was traded"):
        memory.books(QUOTES)
    memory.close()


def test_what_three_snapshots_have_left_behind_lies_in_the_archive(tmp_path: Path) -> None:
    before = lived(tmp_path, 120, segment_bytes_max=2_048)
    archived = sorted(path.name for path in (tmp_path / "archive").iterdir())
    held = sorted(path.name for path in tmp_path.glob("segment-*"))
    assert archived
    assert held
    assert archived + held == [f"segment-{number:08d}.qtj" for number in range(len(archived) + len(held))]
    assert told(recalled(tmp_path)) == before
    for path in (tmp_path / "snapshots").glob("*"):
        path.unlink()
    for path in (tmp_path / "archive").iterdir():
        path.rename(tmp_path / path.name)
    assert told(recalled(tmp_path)) == before


def test_a_second_crash_at_any_sync_of_the_recovery_recovers_all_the_same(tmp_path: Path) -> None:
    for nth in range(1, 41):
        folder, memories, promised = tmp_path / str(nth), list[Memory](), list[Entry]()
        for life in range(3):
            with pytest.raises(PowerCut):
                live_until_the_cut(
                    folder, memories, promised, life, FailingDisk("sync", 1 if life == 1 else nth, "cut")
                )
            for memory in memories:
                memory.close()
        memory = recalled(folder)
        assert [entry for entry in memory.entries if entry in promised] == promised
        assert len(memory.entries) <= len(promised) + 3
        assert told(recalled(folder)) == told(memory)
        for path in (folder / "snapshots").glob("*"):
            path.unlink()
        assert told(recalled(folder)) == told(memory)


def live_until_the_cut(
    folder: Path, memories: list[Memory], promised: list[Entry], life: int, disk: FailingDisk
) -> None:
    memory = Memory(folder, book(), disk)
    memories.append(memory)
    first: list[Step] = [] if memory.entries else [OPENING]
    for step in chain(first, steps(100 * life)):
        take(memory, step)
        if isinstance(step, Opening | Traded):
            promised.append(step)
