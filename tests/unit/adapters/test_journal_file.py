"""The journal as files; rows 60 and 61 of the fault catalogue: disks that fail, files that are cut or bent."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.journal_file import BATCH_MAX, SEGMENT_BYTES_MIN, JournalFile
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.governance.framing import FRAME_BYTES
from qt_ray.governance.journal import HEAD_BYTES
from tests.unit.adapters.failing_disk import FailingDisk, PowerCut

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
quick = settings(max_examples=25, deadline=None)
appends = st.lists(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=3), max_size=12)


def kept(folder: Path) -> list[bytes]:
    """Return what a restart finds."""
    journal = JournalFile(folder, SEGMENT_BYTES_MIN)
    try:
        return [record.payload for record in journal.replay()]
    finally:
        journal.close()


def written(folder: Path, payloads: list[bytes]) -> Path:
    journal = JournalFile(folder)
    for payload in payloads:
        journal.append(payload)
    journal.close()
    return folder / "segment-00000000.qtj"


@quick
@given(appends, st.integers(0, 40))
def test_what_was_appended_is_replayed_over_restarts_and_rotations(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], after: int
) -> None:
    folder, wanted = tmp_path_factory.mktemp("journal"), []
    for batch in batches:
        journal = JournalFile(folder, SEGMENT_BYTES_MIN)
        assert journal.append_many(batch) == len(wanted) + 1
        wanted += batch
        found = list(journal.replay(after))
        journal.close()
        assert [record.payload for record in found] == wanted[after:]
        assert [record.sequence for record in found] == list(range(after + 1, len(wanted) + 1))
    assert kept(folder) == wanted


def test_a_file_cut_anywhere_in_its_last_three_records_keeps_the_others_and_goes_on(tmp_path: Path) -> None:
    wanted = [b"one", b"two", b"three", b"four", b"five"]
    data = written(tmp_path, wanted).read_bytes()
    start = HEAD_BYTES + sum(FRAME_BYTES + len(payload) for payload in wanted[:2])
    for size in range(start, len(data)):
        (tmp_path / "segment-00000000.qtj").write_bytes(data[:size])
        journal = JournalFile(tmp_path)
        survivors = [record.payload for record in journal.replay()]
        assert survivors == wanted[: len(survivors)]
        assert len(survivors) >= 2
        assert journal.append(b"next") == len(survivors) + 1
        journal.close()
        assert kept(tmp_path) == [*survivors, b"next"]


def test_damage_in_the_middle_refuses_with_file_offset_and_rule_and_touches_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, [b"one", b"two", b"three"])
    spoilt = bytearray(path.read_bytes())
    spoilt[HEAD_BYTES + FRAME_BYTES + 5] ^= 4
    path.write_bytes(spoilt)
    with pytest.raises(Invalid, match=r"^segment-00000000.qtj: .*, at byte \d+$"):
        JournalFile(tmp_path)
    assert path.read_bytes() == bytes(spoilt)


def test_a_missing_segment_refuses(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path, SEGMENT_BYTES_MIN)
    for _ in range(10):
        journal.append(bytes(400) + b"x")
    journal.close()
    (tmp_path / "segment-00000001.qtj").unlink()
    with pytest.raises(Invalid, match="segments are consecutive, 0 is followed by 2"):
        JournalFile(tmp_path, SEGMENT_BYTES_MIN)


@pytest.mark.parametrize(
    ("kind", "nth", "how"),
    [("write", 2, "ENOSPC"), ("write", 2, "EIO"), ("write", 2, "short"), ("sync", 3, "EIO"), ("sync", 3, "ENOSPC")],
)
def test_a_disk_that_fails_promises_nothing_and_its_handle_is_never_used_again(
    tmp_path: Path, kind: str, nth: int, how: str
) -> None:
    disk = FailingDisk(kind, nth, how)
    journal = JournalFile(tmp_path, disk=disk)
    journal.append(b"promised")
    with pytest.raises(Retryable, match="nothing from 2 on is"):
        journal.append(b"lost")
    assert journal.append(b"again") == 2
    assert disk.calls.count("open") == 2
    journal.close()
    assert kept(tmp_path) == [b"promised", b"again"]


def test_a_record_half_written_is_cut_off_before_the_next_one(tmp_path: Path) -> None:
    disk = FailingDisk("write", 1, "short")
    journal = JournalFile(tmp_path, disk=disk)
    with pytest.raises(Retryable, match="took"):
        journal.append(b"a record that the disk takes half of")
    journal.append(b"whole")
    journal.close()
    assert "truncate" in disk.calls
    assert kept(tmp_path) == [b"whole"]


def test_a_failed_cut_is_tried_again_before_anything_is_written(tmp_path: Path) -> None:
    disk = FailingDisk("write", 1, "short")
    journal = JournalFile(tmp_path, disk=disk)
    with pytest.raises(Retryable):
        journal.append(b"half of this")
    disk.kind, disk.nth, disk.how = "truncate", 1, "EIO"
    with pytest.raises(Retryable):
        journal.append(b"not yet")
    journal.append(b"now")
    journal.close()
    assert kept(tmp_path) == [b"now"]


def test_bytes_that_change_under_us_stop_the_journal(tmp_path: Path) -> None:
    disk = FailingDisk("sync", 3, "EIO")
    journal = JournalFile(tmp_path, disk=disk)
    journal.append(b"promised")
    with pytest.raises(Retryable):
        journal.append(b"lost")
    path = tmp_path / "segment-00000000.qtj"
    path.write_bytes(path.read_bytes()[: HEAD_BYTES + 3])
    with pytest.raises(Invariant, match="are as they were promised"):
        journal.append(b"again")
    journal.close()


def test_a_rotation_that_failed_is_finished_before_even_a_small_record(tmp_path: Path) -> None:
    disk = FailingDisk("open", 2)
    journal = JournalFile(tmp_path, SEGMENT_BYTES_MIN, disk)
    journal.append(bytes(700) + b"x")
    with pytest.raises(Retryable):
        journal.append(bytes(700) + b"y")
    journal.append(b"small")
    journal.close()
    assert len(list(tmp_path.glob("segment-*"))) == 2
    assert kept(tmp_path) == [bytes(700) + b"x", b"small"]


@pytest.mark.requirement("L7")
@pytest.mark.parametrize("kind", ["open", "write", "sync", "truncate"])
def test_a_crash_at_any_step_even_in_recovery_loses_nothing_promised(tmp_path: Path, kind: str) -> None:
    for nth in range(1, 12):
        folder, promised = tmp_path / str(nth), list[bytes]()
        for life in range(3):
            live_and_die(folder, promised, life, FailingDisk(kind, nth, "cut"))
        found = kept(folder)
        assert [payload for payload in found if payload in promised] == promised
        assert len(set(found)) == len(found) <= len(promised) + 3


def live_and_die(folder: Path, promised: list[bytes], life: int, disk: FailingDisk) -> None:
    """Append until the power is cut, and leave a torn tail behind."""
    lives: list[JournalFile] = []
    try:
        lives.append(JournalFile(folder, SEGMENT_BYTES_MIN, disk))
        for at in range(4):
            lives[0].append(payload := f"{life}.{at}.{'z' * 300}".encode())
            promised.append(payload)
    except PowerCut:
        last = sorted(folder.glob("segment-*"))[-1]
        last.write_bytes(last.read_bytes() + b"torn")
    for journal in lives:
        journal.close()


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    first = JournalFile(tmp_path)
    with pytest.raises(Invalid, match="another holds its lock"):
        JournalFile(tmp_path)
    first.close()
    JournalFile(tmp_path).close()


def test_a_closed_journal_takes_nothing_for_another_may_be_writing_it(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path)
    journal.append(b"ours")
    journal.close()
    with pytest.raises(Retryable, match="may have another writer"):
        journal.append(b"late")
    assert kept(tmp_path) == [b"ours"]


@pytest.mark.parametrize(
    ("payloads", "rule"),
    [([], "records at a time"), ([b"x"] * (BATCH_MAX + 1), "records at a time"), ([bytes(900)] * 2, "fits a segment")],
)
def test_an_append_has_named_bounds(tmp_path: Path, payloads: list[bytes], rule: str) -> None:
    journal = JournalFile(tmp_path, SEGMENT_BYTES_MIN)
    with pytest.raises(Invalid, match=rule):
        journal.append_many(payloads)
    journal.close()
    with pytest.raises(Invalid, match="a segment has at least"):
        JournalFile(tmp_path, SEGMENT_BYTES_MIN - 1)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.core.errors import Retryable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = JournalFile(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
kept = 0
try:
    while kept < 100:
        journal.append(b"%04d" % kept * 10)
        kept += 1
except Retryable as error:
    sys.stdout.write(f"{kept} {error}")
"""


def test_a_real_file_that_may_not_grow_stops_before_anything_is_promised(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    count, _, said = done.stdout.partition(" ")
    assert "an append is durable" in said
    assert 0 < int(count) < 100
    assert kept(tmp_path) == [b"%04d" % at * 10 for at in range(int(count))]
