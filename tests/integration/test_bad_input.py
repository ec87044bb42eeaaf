"""Bad files and places: one line that names place and rule, the right exit code, and nothing half-written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tests.integration.shell import FILE, HOUR_MS, SMALL, START_MS, Ended, columns, files_of, parquet, qt, refused

pytestmark = pytest.mark.integration

NAME = FILE.format("BTCUSDT")
ARRAYS = ("cycles.npy", "decisions.npy", "fills.npy")
Cells = dict[str, np.ndarray]


def brought(folder: Path, cells: Cells) -> Ended:
    return qt("data", "import", parquet(folder, cells), "--root", folder / "data")


def stored(folder: Path) -> dict[str, bytes]:
    """Return the files of the catalogue that hold data."""
    return {name: content for name, content in files_of(folder / "data").items() if not name.endswith(".lock")}


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "ts"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    cells = columns()
    del cells[column]
    refused(brought(tmp_path, cells), 6, NAME, "time" if column == "ts" else column)
    assert stored(tmp_path) == {}


def test_mixed_time_units_are_refused_at_the_row_where_they_change(tmp_path: Path) -> None:
    cells = columns()
    cells["ts"] = np.where(np.arange(400) < 250, cells["ts"], cells["ts"] // 1_000)
    refused(brought(tmp_path, cells), 6, NAME, "one file has one time unit", "251")
    assert stored(tmp_path) == {}


@pytest.mark.parametrize("zone", ["UTC", "+09:00", "America/New_York"])
def test_times_with_a_zone_become_utc(tmp_path: Path, zone: str) -> None:
    cells = columns()
    table = pa.table(cells)
    at = pa.array(cells["ts"], pa.timestamp("ms", "UTC")).cast(pa.timestamp("ms", zone))
    pq.write_table(table.set_column(table.column_names.index("ts"), "ts", at), tmp_path / NAME)
    assert qt("data", "import", tmp_path / NAME, "--root", tmp_path / "data").code == 0
    series = qt("data", "ls", "--root", tmp_path / "data", "--json").data["series"]
    assert [one["rows"] for one in series] == [400]
    path = next(iter((tmp_path / "data").rglob("ohlcv_1h.parquet")))
    assert pq.read_table(path)["ts"].to_pylist() == cells["ts"].tolist()


def test_text_that_is_no_time_is_refused_by_row(tmp_path: Path) -> None:
    cells = columns(5)
    lines = [",".join(cells), *(",".join(map(str, row)) for row in zip(*cells.values(), strict=True))]
    lines[3] = lines[3].replace(str(cells["ts"][2]), "yesterday")
    (tmp_path / "x.csv").write_text("\n".join(lines))
    flags = ("--venue", "v", "--symbol", "BTCUSDT", "--root", tmp_path / "data")
    refused(qt("data", "import", tmp_path / "x.csv", *flags), 6, "x.csv", "row 3")
    assert stored(tmp_path) == {}


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, 0.0])
def test_an_impossible_price_is_kept_out_named_and_fails_the_check(tmp_path: Path, column: str, value: float) -> None:
    cells = columns()
    cells[column][123] = value
    path = parquet(tmp_path, cells)
    ended = qt("data", "check", path, "--json")
    assert ended.code == 6
    found = [one for one in ended.data["files"][0]["findings"] if one["fate"] == "quarantined"]
    assert [one["first_row"] for one in found] == [124]
    assert found[0]["rule"] == ("price_missing" if not np.isfinite(value) else "price_not_positive")
    assert stored(tmp_path) == {}
    assert qt("data", "import", path, "--root", tmp_path / "data").code == 0
    own = ("--set", f"data.root={tmp_path / 'data'}", "--set", "market.symbols=BTCUSDT")
    assert qt("backtest", *own, "--out", tmp_path / "run").code == 0
    rows = np.load(tmp_path / "run" / "decisions.npy")
    assert rows["score"][123, 0] != rows["score"][123, 0]
    assert rows["granted"][123, 0] == rows["granted"][122, 0]


def test_rows_that_descend_or_repeat_are_counted_and_bring_the_same_bars(tmp_path: Path) -> None:
    cells = columns()
    order = np.concatenate((np.arange(399, -1, -1), [7]))
    path = parquet(tmp_path, {name: column[order] for name, column in cells.items()})
    counts = {one["rule"]: one["count"] for one in qt("data", "check", path, "--json").data["files"][0]["findings"]}
    assert counts["duplicate"] == 1
    assert {"newest_first", "out_of_order"} & counts.keys()
    assert qt("data", "import", path, "--root", tmp_path / "data").code == 0
    kept = pq.read_table(next(iter((tmp_path / "data").rglob("ohlcv_1h.parquet"))))
    np.testing.assert_array_equal(kept["close"], cells["close"])


def test_rows_that_contradict_each_other_are_both_kept_out(tmp_path: Path) -> None:
    cells = {name: np.append(column, column[50]) for name, column in columns().items()}
    cells["close"][-1] += 1.0
    cells["high"][-1] += 1.0
    ended = qt("data", "check", parquet(tmp_path, cells), "--json")
    assert ended.code == 6
    (found,) = [one for one in ended.data["files"][0]["findings"] if one["rule"] == "conflicting_duplicate"]
    assert (found["count"], found["fate"]) == (2, "quarantined")


HALVES: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda content: content[: len(content) // 2],
    "tail": lambda content: content[len(content) // 2 :],
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"once upon a time",
}


@pytest.mark.parametrize("kind", ["parquet", "feather"])
@pytest.mark.parametrize("damage", HALVES)
def test_a_half_written_file_is_refused_whole(tmp_path: Path, kind: str, damage: str) -> None:
    path = (tmp_path / NAME).with_suffix(f".{kind}")
    table = pa.table(columns())
    pq.write_table(table, path) if kind == "parquet" else pyarrow.feather.write_feather(table, path)
    path.write_bytes(HALVES[damage](path.read_bytes()))
    refused(qt("data", "import", path, "--root", tmp_path / "data"), 6, path.name)
    assert stored(tmp_path) == {}


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    parquet(folder, columns())
    (folder / FILE.format("ETHUSDT")).write_bytes(b"PAR1 nothing")
    ended = qt("data", "import", folder, "--root", tmp_path / "data")
    assert ended.code == 6
    assert len(ended.errors) == 1
    assert FILE.format("ETHUSDT") in ended.errors[0]
    assert [name for name in stored(tmp_path) if "ETHUSDT" in name] == []
    assert len(stored(tmp_path)) == 1


def test_a_broken_series_of_the_catalogue_is_named_by_its_file(tmp_path: Path) -> None:
    assert brought(tmp_path, columns()).code == 0
    (path,) = (tmp_path / "data").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-50])
    own = ("--set", f"data.root={tmp_path / 'data'}", "--set", "market.symbols=BTCUSDT")
    ended = qt("backtest", *own, "--out", tmp_path / "run")
    refused(ended, 6, str(path), "whole parquet file")
    assert not (tmp_path / "run").exists()


def test_a_symbol_without_filters_is_refused_and_may_be_studied_with_inferred_ones(tmp_path: Path) -> None:
    path = parquet(tmp_path, columns(), "UNKNOWNUSDT")
    assert qt("data", "import", path, "--root", tmp_path / "data").code == 0
    own = ("--set", f"data.root={tmp_path / 'data'}", "--set", "market.symbols=UNKNOWNUSDT", "--out", tmp_path / "run")
    refused(qt("backtest", *own), 6, "UNKNOWNUSDT", "a symbol has filters", "data.infer_filters=true")
    assert not (tmp_path / "run").exists()
    assert qt("backtest", *own, "--set", "data.infer_filters=true").code == 0


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("market.symbols=ETHUSDT", ("ETHUSDT", "none are")),
        ("market.start=2030-01-01", ("BTCUSDT ohlcv_1h", "holds none")),
        ("market.interval=5m", ("BTCUSDT", "bars of 5m")),
        ("data.root=missing", ("BTCUSDT", "stored")),
    ],
)
def test_bars_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, told: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert brought(tmp_path, columns()).code == 0
    own = ("--set", "data.root=data", "--set", "market.symbols=BTCUSDT", "--set", word)
    refused(qt("backtest", *own, "--out", tmp_path / "run"), 6, *told)
    assert not (tmp_path / "run").exists()


def test_an_instruments_file_that_is_not_there_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    assert brought(tmp_path, columns()).code == 0
    own = ("--set", f"data.root={tmp_path / 'data'}", "--set", "market.symbols=BTCUSDT")
    ended = qt("backtest", *own, "--set", f"data.instruments={tmp_path / 'none.yaml'}", "--out", tmp_path / "run")
    refused(ended, 3, "none.yaml")


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below", "x" * 300])
def test_a_run_that_cannot_lie_where_it_should_is_refused_before_the_work(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    refused(qt("demo", *SMALL, "--out", tmp_path / place), 3, str(tmp_path), "a folder to write into")
    assert files_of(tmp_path) == {"file": b"mine"}


def test_a_run_is_only_what_a_run_folder_holds(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "nothing", tmp_path, tmp_path / "file"):
        for words in (("replay", place), ("report", place), ("replay", place, "--at", 1, "--symbol", "S")):
            refused(qt(*words), 6, str(place), "a run is a folder with a run.json, found none")


def test_a_page_is_a_file_in_a_folder(tmp_path: Path) -> None:
    assert qt("demo", *SMALL, "--out", tmp_path / "run").code == 0
    before = files_of(tmp_path)
    refused(qt("report", tmp_path / "run", "--out", tmp_path), 2, "the page is a file")
    refused(qt("report", tmp_path / "run", "--out", tmp_path / "run" / "run.json" / "x.html"), 3, "run.json")
    assert files_of(tmp_path) == before


FULL = """
import resource, sys
from qt_ray.cli.main import main
run, *words = sys.argv[1:]
assert main([*words, "--out", run]) == 0
from pathlib import Path
cap = (Path(run) / "cycles.npy").stat().st_size + 1_000
resource.setrlimit(resource.RLIMIT_FSIZE, (cap, resource.RLIM_INFINITY))
sys.exit(main([*words, "--set", "run.seed=8", "--out", run]))
"""


def test_a_disk_that_fills_up_leaves_the_old_run_whole(tmp_path: Path) -> None:
    # The cap lies between the size of a run's cycles and that of its decisions, so it is met half way.
    run = tmp_path / "run"
    words = [sys.executable, "-c", FULL, str(run), "demo", *SMALL]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100)
    assert ended.returncode == 6, ended
    assert f"error: {run}: a run is written whole" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(path.name for path in run.iterdir()) == sorted([*ARRAYS, "report.html", "run.json"])
    assert qt("replay", run).code == 0


def test_bars_from_before_the_clock_began_are_refused(tmp_path: Path) -> None:
    cells = columns(10)
    cells["ts"] = cells["ts"] - START_MS - 20 * HOUR_MS
    ended = brought(tmp_path, cells)
    assert ended.code in (3, 6)
    assert len(ended.errors) == 1
    assert stored(tmp_path) == {}


def test_a_catalogue_cannot_lie_below_a_file(tmp_path: Path) -> None:
    file = parquet(tmp_path, columns(24))
    (tmp_path / "taken").write_text("a file")
    ended = qt("data", "import", str(file), "--root", str(tmp_path / "taken" / "catalogue"))
    assert ended.code == 3
    assert len(ended.errors) == 1
    assert "taken" in ended.errors[0]
    assert (tmp_path / "taken").read_text() == "a file"
