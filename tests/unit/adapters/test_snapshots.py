"""Snapshots as files; row 62 of the fault catalogue: missing, half, old, of somebody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.journal_file import SEGMENT_BYTES_MIN, JournalFile
from qt_ray.adapters.snapshots import Recovery, SnapshotFiles
from qt_ray.core.errors import Invalid
from qt_ray.governance.snapshots import KEPT, Snapshot

pytestmark = pytest.mark.unit


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalFile]:
    opened = JournalFile(tmp_path / "journal", SEGMENT_BYTES_MIN)
    yield opened
    opened.close()


def state_after(recovery: Recovery) -> bytes:
    """Rebuild a state that is simply all that happened."""
    start = recovery.snapshot.state if recovery.snapshot else b""
    return start + b"".join(record.payload for record in recovery.records)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(min_size=1, max_size=9)), max_size=25), st.randoms())
def test_whatever_becomes_of_the_snapshots_the_state_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, story: list[bytes | None], dice: object
) -> None:
    folder = tmp_path_factory.mktemp("story")
    journal, state = JournalFile(folder / "j", SEGMENT_BYTES_MIN), b""
    files = SnapshotFiles(folder / "s", journal)
    for step in story:
        if step is None:
            files.take(state)
        else:
            journal.append(b"+" + step)
            state += b"+" + step
    assert state_after(files.recover()) == state
    for path in sorted((folder / "s").glob("*")) if (folder / "s").exists() else []:
        path.write_bytes(path.read_bytes()[:-1])
    recovery = files.recover()
    assert recovery.snapshot is None
    assert state_after(recovery) == state
    journal.close()


def test_the_newest_three_are_kept(tmp_path: Path, journal: JournalFile) -> None:
    files = SnapshotFiles(tmp_path / "s", journal)
    taken = [files.take(bytes([at])) for at in range(KEPT + 2)]
    names = sorted(path.name for path in (tmp_path / "s").iterdir())
    assert names == [f"snapshot-{sequence:020d}.qts" for sequence in taken[-KEPT:]]


def test_a_half_a_foreign_and_an_unvouched_one_are_passed_over_with_a_word(
    tmp_path: Path, journal: JournalFile
) -> None:
    folder = tmp_path / "s"
    files = SnapshotFiles(folder, journal)
    journal.append(b"a")
    files.take(b"a")
    journal.append(b"b")
    for sequence, data in ((7, b"QTSNAP00" + bytes(60)), (8, b"half"), (9, Snapshot(2, b"of elsewhere").encoded())):
        (folder / f"snapshot-{sequence:020d}.qts").write_bytes(data)
    recovery = files.recover()
    assert state_after(recovery) == b"ab"
    assert recovery.snapshot == Snapshot(1, b"a")
    words = ("vouched for by the journal", "head of 56 bytes, had 4", "of format QTSNAP02, was b'QTSNAP00'")
    assert all(word in passed for word, passed in zip(words, recovery.words, strict=True))


def test_a_crash_before_the_journal_vouches_leaves_a_snapshot_that_does_not_count(
    tmp_path: Path, journal: JournalFile
) -> None:
    journal.append(b"a")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / f"snapshot-{1:020d}.qts").write_bytes(Snapshot(1, b"a").encoded())
    recovery = SnapshotFiles(tmp_path / "s", journal).recover()
    assert recovery.snapshot is None
    assert state_after(recovery) == b"a"


def test_a_journal_without_its_beginning_needs_a_snapshot(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j", SEGMENT_BYTES_MIN)
    files = SnapshotFiles(tmp_path / "s", journal)
    for at in range(9):
        journal.append(bytes(300) + b"%d" % at)
    taken = files.take(b"all")
    journal.close()
    (tmp_path / "j" / "segment-00000000.qtj").unlink()
    journal = JournalFile(tmp_path / "j", SEGMENT_BYTES_MIN)
    files = SnapshotFiles(tmp_path / "s", journal)
    assert files.recover() == Recovery(Snapshot(taken, b"all"), (), ())
    (tmp_path / "s" / f"snapshot-{taken:020d}.qts").unlink()
    with pytest.raises(Invalid, match="the journal begins at"):
        files.recover()
    journal.close()
