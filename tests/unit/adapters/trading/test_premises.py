from pathlib import Path

import pytest

from qt_ray.adapters.journal_file import PATTERN, JournalFile
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import places_of
from qt_ray.adapters.trading.premises import Finding, Health, folder_of, inspected, journal_of, latch_of

pytestmark = pytest.mark.unit


def journal(folder: Path, records: int = 30) -> list[Path]:
    """Write a journal of several segments, and return them."""
    writer = JournalFile(folder, segment_bytes_max=1 << 10)
    for at in range(records):
        writer.append(f"record {at}".encode() * 10)
    writer.close()
    return sorted(folder.glob(PATTERN))


def test_an_account_that_never_ran_has_nothing_against_it(tmp_path: Path) -> None:
    settings = Settings.model_validate({"fund": {"state": str(tmp_path / "state")}})
    found = inspected(places_of(settings))
    assert [finding.check for finding in found] == ["latch", "state", "journal"]
    assert {finding.health for finding in found} == {Health.OK}
    assert list(tmp_path.iterdir()) == []


def test_a_closed_latch_is_critical_and_says_who_when_and_why(tmp_path: Path) -> None:
    path = tmp_path / "latch.json"
    Latch(path).close(7, "drawdown", "ann", 1_700_000_000_000)
    detail = "closed by ann on 2023-11-14 22:13:20 UTC, epoch 7: drawdown"
    assert latch_of(path) == Finding("latch", Health.CRITICAL, detail)
    Latch(path).open(7, "looked at", "bob", 1_700_000_001_000)
    assert latch_of(path) == Finding("latch", Health.OK, "open, epoch 7")


def test_a_latch_that_cannot_be_read_is_critical_and_says_how_it_is_mended(tmp_path: Path) -> None:
    (tmp_path / "latch.json").write_bytes(b"{")
    found = latch_of(tmp_path / "latch.json")
    assert found.health is Health.CRITICAL
    assert "cannot be read" in found.detail
    assert "qt latch open --epoch 0" in found.detail
    assert "1970" not in found.detail


def test_a_folder_that_cannot_be_written_is_critical(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = folder_of(tmp_path / "file")
    assert found.health is Health.CRITICAL
    assert "a folder that can be written" in found.detail
    assert folder_of(tmp_path / "not" / "there" / "yet").health is Health.OK


def test_every_record_of_the_journal_is_counted_and_the_journal_may_be_in_use(tmp_path: Path) -> None:
    assert len(journal(tmp_path)) > 2
    writer = JournalFile(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert journal_of(tmp_path) == Finding("journal", Health.OK, "30 records, all whole")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    writer.close()


def test_a_record_cut_short_at_the_end_is_no_damage_and_stays_as_it_is(tmp_path: Path) -> None:
    last = journal(tmp_path)[-1]
    last.write_bytes(last.read_bytes()[:-3])
    size = last.stat().st_size
    assert journal_of(tmp_path).health is Health.OK
    assert last.stat().st_size == size


def test_any_other_damage_is_critical(tmp_path: Path) -> None:
    first, second, *_ = journal(tmp_path)
    whole = bytearray(first.read_bytes())
    whole[-5] ^= 1
    first.write_bytes(whole)
    assert journal_of(tmp_path).health is Health.CRITICAL
    first.unlink()
    assert journal_of(tmp_path).health is Health.OK
    second.unlink()
    third = sorted(tmp_path.glob(PATTERN))[0]
    third.rename(third.with_name("segment-00000009.qtj"))
    assert journal_of(tmp_path).health is Health.CRITICAL
