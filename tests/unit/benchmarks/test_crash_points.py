import json
from pathlib import Path

import pytest

from benchmarks.crash_points import main, rows
from tests.crash.points import POINTS, Point
from tests.crash.trial import Trial

pytestmark = pytest.mark.unit


async def whole(point: Point, run: int, folder: Path) -> Trial:
    return Trial(point.name, run, restart_s=2.0, restart_cpu_s=1.0, orders=10, trades=10, bare_over_kill_ms=[900])


async def lossy(point: Point, run: int, folder: Path) -> Trial:
    trial = await whole(point, run, folder)
    trial.broken = ["V1 lost a trade"] if point.name == "p3" else []
    return trial


def test_a_campaign_that_breaks_nothing_ends_well_and_writes_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runs", "2", "--json", "--out", str(tmp_path / "rows.jsonl")], whole) == 0
    lines = (tmp_path / "rows.jsonl").read_text()
    assert lines == capsys.readouterr().out
    found = {row["row"]: row for row in map(json.loads, lines.splitlines())}
    assert found["kills"]["value"] == 2 * len(POINTS)
    assert all(row["holds"] for row in found.values())


def test_any_breach_is_an_exit_code_and_names_its_point_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--json"], lossy) == 1
    complaints = capsys.readouterr().err.splitlines()
    assert complaints == ["p3, run 0, the 1. time: V1 lost a trade", f"1 of {len(POINTS)} kills broke something"]


def test_a_campaign_that_was_cut_short_falls_short() -> None:
    kills = rows([Trial(POINTS[0].name, 0)], 10)[0]
    assert (kills.row, kills.holds) == ("kills", False)
