"""`qt audit` on files alone: what a risk officer can prove, read and hand on without a running fund."""

import json
from pathlib import Path

import pytest

from qt_ray.adapters.audit_anchors import AuditAnchors
from qt_ray.adapters.audit_files import AuditFiles, files_in
from qt_ray.adapters.audit_logger import AuditLogger
from qt_ray.adapters.trading.places import Places
from qt_ray.core.moments import rfc3339
from qt_ray.governance.audit_records import AuditRecord, AuditType, access_denied
from tests.integration.shell import qt, refused

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Return the places of an account whose record has six lines."""
    found = Places(tmp_path / "state" / "paper" / "main", tmp_path / "elsewhere" / "paper" / "main")
    logger = AuditLogger(AuditFiles(found.audit), AuditAnchors(found.anchors, found.audit_key), lambda: 0)
    for number in range(5):
        logger.log(access_denied("mallory", "reset", "ess", f"rule {number}", number * DAY_MS))
    logger.log(
        AuditRecord(AuditType.POLICY_CHANGED, rfc3339(5 * DAY_MS), "ann", "change", "policy", "calmer", "version 2")
    )
    logger.close()
    return found


def here(tmp_path: Path) -> tuple[object, ...]:
    return ("--set", f"fund.state={tmp_path / 'state'}", "--set", f"audit.anchors={tmp_path / 'elsewhere'}")


def test_a_whole_record_is_proven(places: Places, tmp_path: Path) -> None:
    ended = qt("audit", "verify", *here(tmp_path))
    assert ended.code == 0
    assert "6 lines, 0 of them deleted by right, 2 anchors" in ended.out
    assert "whole:" in ended.out
    found = qt("audit", "verify", "--json", *here(tmp_path)).data
    assert found["schema"] == "qt.audit/1"
    assert found["verdict"] == {"lines": 6, "deleted": 0, "anchors": 2, "loose": 0, "broken": ""}


@pytest.mark.requirement("S2 AuditLogger")
def test_an_edit_ends_with_six_and_names_the_line(places: Places, tmp_path: Path) -> None:
    path = files_in(places.audit)[2]
    path.write_bytes(path.read_bytes().replace(b"mallory", b"malory."))
    ended = qt("audit", "verify", *here(tmp_path))
    assert ended.code == 6
    assert f"broken: {path.name}:1: record 3 agrees with its digest" in ended.out
    refused(qt("audit", "tail", *here(tmp_path)), 6, f"{path.name}:1")


def test_the_newest_records_are_read_by_people_and_programs(places: Places, tmp_path: Path) -> None:
    ended = qt("audit", "tail", "-n", 2, *here(tmp_path))
    assert ended.out.splitlines() == [
        "1970-01-05T00:00:00.000Z  access.denied        mallory: reset ess",
        "                          denied, because rule 4",
        "1970-01-06T00:00:00.000Z  policy.changed       ann: change policy",
        "                          version 2, because calmer",
    ]
    found = qt("audit", "tail", "--type", "policy.changed", "--json", *here(tmp_path)).data["records"]
    assert [line["record"]["reason"] for line in found] == ["calmer"]
    refused(qt("audit", "tail", "--type", "nonsense", *here(tmp_path)), 6, "a type is one of", "'nonsense'")


def test_an_export_is_lines_of_json_with_their_place(places: Places, tmp_path: Path) -> None:
    ended = qt("audit", "export", "--since", "1970-01-04", *here(tmp_path))
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["sequence"] for line in found] == [4, 5, 6]
    assert all(len(line["link"]) == 64 for line in found)


def test_cleaning_deletes_by_right_and_says_so(places: Places, tmp_path: Path) -> None:
    ended = qt("audit", "clean", *here(tmp_path))
    assert (ended.code, ended.out.splitlines()[0]) == (0, "1970-01-01  1 records deleted")
    assert qt("audit", "tail", "-n", 1, "--json", *here(tmp_path)).data["records"][0]["record"]["metadata"] == {
        f"1970-01-0{day}": 1 for day in range(1, 6)
    }
    assert qt("audit", "clean", *here(tmp_path)).out == "1970-01-06  1 records deleted\n"
    assert "nothing is too old" in qt("audit", "clean", *here(tmp_path)).err
    assert "8 lines, 6 of them deleted" in qt("audit", "verify", *here(tmp_path)).out


def test_a_fund_that_did_nothing_has_an_empty_record(tmp_path: Path) -> None:
    assert "0 lines" in qt("audit", "verify", *here(tmp_path)).out
    assert qt("audit", "export", *here(tmp_path)).out == ""
