"""SPEC chapter 2, AuditLogger, and V8: the chain verifies, its length is as expected, and every edit is found."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_ray.adapters.audit_anchors import FILE, PUBLIC, AuditAnchors
from qt_ray.adapters.audit_files import AuditFiles, files_in
from qt_ray.adapters.audit_logger import ANCHOR_MS, ANCHOR_RECORDS, PENDING_MAX, SILENCE_MS_MAX, AuditLogger
from qt_ray.adapters.audit_verdict import cleaned, verdict_on
from qt_ray.adapters.disk import Disk
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.core.moments import rfc3339
from qt_ray.core.restore import restore
from qt_ray.governance.audit_chain import Head, Line, head_of
from qt_ray.governance.audit_records import AuditRecord, AuditType, access_denied
from tests.unit.adapters.failing_disk import FailingDisk

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S2 AuditLogger")]

DAY_MS = 86_400_000


def record(number: int, at_ms: int = 0, kind: AuditType = AuditType.RISK_BLOCK) -> AuditRecord:
    return AuditRecord(kind, rfc3339(at_ms), "guard", "review", "BTCUSDT", f"rule {number}", "refused")


class Log:
    """An audit log in a folder, its anchors in another, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.lines, self.anchors, self.key = folder / "audit", folder / "anchors", folder / "key"
        self.now_ms = 0

    def open(self, disk: Disk | None = None) -> AuditLogger:
        return AuditLogger(AuditFiles(self.lines, disk), AuditAnchors(self.anchors, self.key), lambda: self.now_ms)

    def written(self, count: int) -> "Log":
        logger = self.open()
        for number in range(count):
            logger.log(record(number))
        logger.close()
        return self

    @property
    def broken(self) -> str:
        return verdict_on(self.lines, self.anchors).broken

    def rewritten(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        path = files_in(self.lines)[0]
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_a_log_that_nobody_touched_verifies(log: Log) -> None:
    verdict = verdict_on(log.written(20).lines, log.anchors)
    assert (verdict.lines, verdict.loose, verdict.broken) == (20, 0, "")


@given(at=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bit_that_turns_is_found(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    log = Log(tmp_path_factory.mktemp("log")).written(4)
    path = files_in(log.lines)[0]
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    assert log.broken


@pytest.mark.parametrize("at", range(8))
def test_any_line_that_goes_is_found(log: Log, at: int) -> None:
    log.written(8).rewritten(lambda lines: lines[:at] + lines[at + 1 :])
    assert log.broken


@pytest.mark.parametrize("at", range(7))
def test_any_lines_that_change_places_are_found(log: Log, at: int) -> None:
    log.written(8).rewritten(lambda lines: [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])
    assert log.broken == f"audit_1970-01-01.jsonl:{at + 1}: line {at + 1} of the chain is here, was {at + 2}"


@pytest.mark.parametrize("kept", range(8))
def test_a_tail_that_was_cut_off_is_found(log: Log, kept: int) -> None:
    log.written(8).rewritten(lambda lines: lines[:kept])
    assert log.broken == "line 8 was anchored at 0 and is there, it is missing"


def chained_anew(lines: list[bytes], at: int) -> list[bytes]:
    """Return lines whose record `at` was edited and whose chain was made right again from there on."""
    head, found = Head(), []
    for number, data in enumerate(lines):
        line = restore(Line, decode(data))
        assert line.record is not None
        line = head.next(replace(line.record, reason="all is well") if number == at else line.record)
        head = head_of(line)
        found.append(line.encoded())
    return found


@pytest.mark.parametrize("at", range(8))
def test_a_chain_that_was_written_anew_does_not_pass_the_anchors(log: Log, at: int) -> None:
    log.written(8).rewritten(lambda lines: chained_anew(lines, at))
    assert log.broken == "line 8 is the one that was anchored at 0, it was written anew"


def test_a_file_of_yesterday_put_back_is_found(log: Log) -> None:
    path = files_in(log.written(3).lines)[0]
    yesterday = path.read_bytes()
    log.written(3)
    path.write_bytes(yesterday)
    assert "is missing" in log.broken


def test_an_anchor_that_the_fund_did_not_sign_is_refused(log: Log, tmp_path: Path) -> None:
    log.written(3)
    path = log.anchors / FILE
    forged = AuditAnchors(tmp_path / "elsewhere", tmp_path / "forger").hold(Head(3, "0" * 64), 0)
    path.write_bytes(path.read_bytes() + canonical(forged) + b"\n")
    assert log.broken == f"{FILE}:3: an anchor is signed by the fund, this one is not"


def test_a_log_goes_on_where_it_was_and_bears_its_writer_alone(log: Log) -> None:
    first = log.open()
    first.log(record(1))
    with pytest.raises(Invalid, match="one process writes an audit log"):
        log.open()
    first.close()
    second = log.open()
    assert [line.sequence for line in second.log(record(2), record(3))] == [2, 3]
    second.close()
    assert verdict_on(log.lines, log.anchors).lines == 3


def test_a_day_has_its_file_and_a_clock_that_goes_back_writes_behind_the_newest(log: Log) -> None:
    logger = log.open()
    for at_ms in (0, DAY_MS, 2 * DAY_MS, DAY_MS):
        logger.log(record(at_ms, at_ms))
    logger.close()
    assert [path.name for path in files_in(log.lines)] == [
        "audit_1970-01-01.jsonl",
        "audit_1970-01-02.jsonl",
        "audit_1970-01-03.jsonl",
    ]
    assert log.broken == ""


@given(cut=st.integers(min_value=1, max_value=400))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_that_a_crash_cut_short_was_never_promised(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    log = Log(tmp_path_factory.mktemp("log")).written(2)
    path = files_in(log.lines)[0]
    torn = path.read_bytes() + Head(2, "0" * 64).next(record(3)).encoded()[:-1][:cut]
    path.write_bytes(torn)
    log.written(1)
    assert (log.broken, verdict_on(log.lines, log.anchors).lines) == ("", 3)


@pytest.mark.parametrize(("kind", "how"), [("write", "ENOSPC"), ("write", "short"), ("sync", "EIO")])
@pytest.mark.parametrize("nth", [1, 2])
def test_what_a_disk_refuses_waits_in_order_and_is_written_once(log: Log, kind: str, how: str, nth: int) -> None:
    logger = log.open(FailingDisk(kind, nth, how))
    refused = 0
    for number in range(4):
        try:
            logger.log(record(number))
        except Retryable:
            refused += 1
    logger.close()
    lines = [restore(Line, decode(data)) for data in files_in(log.lines)[0].read_bytes().splitlines()]
    assert (refused, log.broken) == (1, "")
    assert [line.record.reason for line in lines if line.record] == [f"rule {number}" for number in range(4)]


def test_a_log_that_takes_nothing_for_five_seconds_is_a_reason_not_to_trade(log: Log) -> None:
    class Full(FailingDisk):
        def write(self, handle: int, data: bytes) -> int:
            raise OSError(28, "no space left")

    logger = log.open(Full())
    log.now_ms = 10_000
    with pytest.raises(Retryable, match="a record is durable"):
        logger.log(record(1))
    assert logger.why_silent() is None
    log.now_ms += SILENCE_MS_MAX
    assert logger.why_silent() == "no entry while the audit log takes nothing, for 5000 ms"
    with pytest.raises(Retryable, match="wait for the disk"):
        logger.log(*[record(1)] * PENDING_MAX)
    logger.close()


def test_a_log_that_lost_what_it_promised_stops(log: Log) -> None:
    disk = FailingDisk("sync", 3)
    logger = log.open(disk)
    logger.log(record(1))
    logger.log(record(2))
    with pytest.raises(Retryable):
        logger.log(record(3))
    log.rewritten(lambda lines: lines[:1])
    with pytest.raises(Invariant, match="line 2 was promised"):
        logger.log()
    logger.close()


def test_a_chain_is_held_fast_by_time_and_by_number(log: Log) -> None:
    logger = log.open()
    held = (log.anchors / FILE).read_bytes
    assert held().count(b"\n") == 1
    logger.tick()
    logger.log(record(1))
    logger.tick()
    assert held().count(b"\n") == 1
    log.now_ms += ANCHOR_MS
    logger.tick()
    logger.tick()
    assert held().count(b"\n") == 2
    logger.log(*[record(2)] * ANCHOR_RECORDS)
    assert held().count(b"\n") == 3
    logger.log(record(3))
    assert verdict_on(log.lines, log.anchors).loose == 1
    logger.close()
    assert verdict_on(log.lines, log.anchors).loose == 0


def test_what_is_too_old_goes_and_the_chain_still_proves_the_rest(log: Log) -> None:
    logger = log.open()
    for day in (0, 300, 390, 400):
        for kind in (AuditType.RISK_BLOCK, AuditType.POLICY_CHANGED, AuditType.EMERGENCY_TRIGGERED):
            logger.log(record(day, day * DAY_MS, kind))
    logger.close()
    logger = log.open()
    assert cleaned(logger, log.lines, 400 * DAY_MS) == {"1970-01-01": 3, "1970-10-28": 1}
    assert cleaned(logger, log.lines, 400 * DAY_MS) == {}
    logger.close()
    verdict = verdict_on(log.lines, log.anchors)
    assert (verdict.lines, verdict.deleted, verdict.broken) == (13, 4, "")
    log.rewritten(lambda lines: lines[:1] + lines[2:])
    assert "line 2 of the chain is here" in log.broken
    assert log.written(1).open().log(record(9))[0].sequence == 15


def test_a_key_is_its_owner_s_and_the_same_for_ever(log: Log, tmp_path: Path) -> None:
    log.written(1)
    assert os.stat(log.key).st_mode & 0o777 == 0o600
    log.key.chmod(0o644)
    with pytest.raises(Invalid, match="readable by its owner only, mode was 644"):
        AuditAnchors(log.anchors, log.key)
    with pytest.raises(Invalid, match="is another"):
        AuditAnchors(log.anchors, tmp_path / "new_key")
    (log.anchors / PUBLIC).write_text("zz")
    assert log.broken.startswith(f"{PUBLIC}: a key is 64 hexadecimal digits")
    (log.anchors / PUBLIC).write_text("00")
    assert log.broken == f"{PUBLIC}: a key is 64 hexadecimal digits, had 2"


def test_an_attempt_without_a_right_is_a_record_too() -> None:
    found = access_denied("mallory", "reset", "ess", "no scope", 1_000)
    assert (found.event_type, found.outcome, found.timestamp) == (
        AuditType.ACCESS_DENIED,
        "denied",
        "1970-01-01T00:00:01.000Z",
    )
    with pytest.raises(Invalid, match="actor: text"):
        access_denied("m" * 1_001, "reset", "ess", "no scope", 1_000)
    with pytest.raises(Invalid, match="metadata: at most"):
        replace(found, metadata={"x": "y" * 70_000})
