import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qt_ray.adapters.catalog import Catalog
from qt_ray.cli.main import main

pytestmark = pytest.mark.integration

HOUR = 3_600_000
START = 1_700_000_000_000 // (8 * HOUR) * 8 * HOUR
NAME = "binanceusdm_BTCUSDT_ohlcv_1h_20231114_20231220.parquet"


def bars(count: int = 400, at: int = 0) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(5)
    close = np.round(30_000 * np.exp(np.cumsum(chance.normal(0, 0.002, 1000))), 1)
    open_ = np.concatenate((close[:1], close[:-1]))[at : at + count]
    close = close[at : at + count]
    return {
        "ts": START + (at + np.arange(count)) * HOUR,
        "open": open_,
        "high": np.maximum(open_, close) + 5,
        "low": np.minimum(open_, close) - 5,
        "close": close,
        "volume": np.round(chance.lognormal(5, 0.4, 1000), 3)[at : at + count],
    }


def stored(path: Path, columns: dict[str, np.ndarray]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


def test_a_folder_of_files_becomes_bars_with_funding_and_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    columns = bars()
    stored(files / NAME, columns)
    funding = {"ts": columns["ts"][::8] + 7, "funding_rate": np.full(50, 1e-4)}
    stored(files / "binanceusdm_BTCUSDT_funding_8h_20231114_20231220.parquet", funding)
    mark = {name: columns[name] + 0.5 for name in ("open", "high", "low", "close")} | {"ts": columns["ts"]}
    stored(files / "binanceusdm_BTCUSDT_mark_1h_20231114_20231220.parquet", mark)
    stored(files / "binanceusdm_BTCUSDT_depthdiff_tick_20231114_20231220.parquet", {"ts": columns["ts"]})
    root = tmp_path / "data"
    assert main(["data", "import", str(files), "--root", str(root)]) == 0
    shown = capsys.readouterr()
    assert "binanceusdm BTCUSDT ohlcv_1h: 400 of 400 rows" in shown.out
    assert "skipped: binanceusdm_BTCUSDT_depthdiff" in shown.err
    loaded = Catalog(root).load(["BTCUSDT"], HOUR)
    np.testing.assert_array_equal(loaded.close[:, 0], columns["close"])
    assert loaded.funding is not None
    assert loaded.mark is not None
    assert np.flatnonzero(np.isfinite(loaded.funding[:, 0])).tolist() == list(range(0, 400, 8))
    np.testing.assert_array_equal(loaded.mark[:, 0], columns["close"] + 0.5)
    assert main(["data", "ls", "--root", str(root), "--json"]) == 0
    series = told(capsys)["series"]
    assert [(one["kind"], one["rows"]) for one in series] == [("funding", 50), ("mark", 400), ("ohlcv", 400)]


def test_importing_again_changes_nothing_and_a_contradiction_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    path = stored(tmp_path / NAME, bars())
    assert main(["data", "import", str(path), "--root", str(root)]) == 0
    before = {file: file.read_bytes() for file in root.rglob("*.parquet")}
    assert main(["data", "import", str(path), "--root", str(root)]) == 0
    assert "unchanged" in capsys.readouterr().out
    other = bars(200, 300)
    other["close"][10] += 0.1
    again = stored(tmp_path / NAME.replace("20231114", "20231126"), other)
    assert main(["data", "import", str(again), "--root", str(root)]) == 6
    assert "overlapping rows agree" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in root.rglob("*.parquet")} == before
    stored(again, bars(200, 300))
    assert main(["data", "import", str(again), "--root", str(root)]) == 0
    assert len(Catalog(root).load(["BTCUSDT"], HOUR)) == 500


def test_quarantined_rows_are_counted_kept_aside_and_missing_from_the_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    columns = bars()
    columns["low"][100] = 0.0
    columns["volume"][200] = np.nan
    path = stored(tmp_path / NAME, columns)
    assert main(["data", "import", str(path), "--root", str(root), "--json"]) == 0
    (file,) = told(capsys)["files"]
    assert file["report"]["quarantined"] == 2
    loaded = Catalog(root).load(["BTCUSDT"], HOUR)
    assert np.flatnonzero(np.isnan(loaded.close[:, 0])).tolist() == [100, 200]
    (aside,) = (root / "binanceusdm" / "BTCUSDT" / "quarantine").iterdir()
    rows = pq.read_table(aside).to_pylist()
    assert [(row["row"], row["rule"]) for row in rows] == [
        (101, "price_not_positive"),
        (201, "volume_missing"),
    ]


def test_a_check_that_finds_nothing_passes_and_one_that_does_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = bars(), bars()
    bad["close"][50] *= 1.5
    bad["high"][50] *= 2
    assert main(["data", "check", str(stored(tmp_path / NAME, good))]) == 0
    assert capsys.readouterr().out.startswith(f"passed {NAME}: 400 rows, 400 clean")
    assert main(["data", "check", str(stored(tmp_path / NAME, bad))]) == 6
    assert "outlier" in capsys.readouterr().out
    assert main(["data", "check", str(tmp_path / NAME), "--json"]) == 6
    report = told(capsys)
    assert (report["schema"], report["passed"]) == ("qt.data.check/1", False)
    (file,) = report["files"]
    gap, outlier = file["findings"]
    assert (outlier["rule"], outlier["fate"], outlier["first_row"]) == ("outlier", "quarantined", 51)
    assert gap["rule"] == "gap"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["x.csv"], 3, "x.csv: the name does not tell the venue, give it with --venue"),
        (["x.csv", "--venue", "v"], 3, "give it with --symbol"),
        (["x.csv", "--venue", "v", "--symbol", "../up"], 3, "plain name"),
        (["x.csv", "--venue", "v", "--symbol", "S", "--interval", "5m"], 0, ""),
        (["x.csv", "--venue", "v", "--symbol", "S", "--interval", "7h"], 3, "divides a day"),
        (["x.csv", "--venue", "v", "--symbol", "S", "--interval", "1d"], 6, "1d apart by name or flag"),
        (["x.csv", "--kind", "poetry"], 3, "kind 'poetry' is unknown"),
        (["x.csv", "--kind", "funding"], 6, "column funding is missing"),
        (["x.csv", "--time-unit", "days"], 3, "--time-unit: one of auto"),
        (["x.csv", "--venue", "v", "--symbol", "S", "--time-unit", "s"], 6, "times are in s as asked, row 1"),
        (["none.csv"], 3, "no such file"),
        (["empty"], 3, "this one holds none"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    columns = bars(5)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    Path("x.csv").write_text("\n".join(lines))
    assert main(["data", "import", *arguments]) == code
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == (1 if line else 0)
    assert all(line in error for error in errors)
    assert list(Path("data").rglob("*.parquet")) == [] or code == 0


def test_a_file_of_mixed_units_newest_first_is_refused_until_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = bars(100)
    head = "https://www.example.org\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USDT\n"
    rows = []
    for i in range(99, -1, -1):
        ts, *cells = (column[i] for column in columns.values())
        rows.append(",".join(map(str, (ts if i > 50 else ts // 1000, "x", "BTC/USDT", *cells, 1.0))))
    path = tmp_path / "download.csv.gz"
    path.write_bytes(gzip.compress((head + "\n".join(rows) + "\n").encode()))
    flags = ["--root", str(tmp_path / "data"), "--venue", "v", "--symbol", "BTCUSDT"]
    assert main(["data", "import", str(path), *flags]) == 6
    assert "one file has one time unit" in capsys.readouterr().err
    assert main(["data", "import", str(path), *flags, "--time-unit", "auto-rows"]) == 0
    assert "newest_first 100" in capsys.readouterr().out
    np.testing.assert_array_equal(Catalog(tmp_path / "data").load(["BTCUSDT"], HOUR).close[:, 0], columns["close"])


def test_an_empty_catalogue_says_how_to_fill_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "ls", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "qt data import" in shown.err
