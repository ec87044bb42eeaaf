import gzip
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.file_names import Kind
from qt_ray.adapters.table_files import read_table
from qt_ray.adapters.table_times import TimeUnit, milliseconds
from qt_ray.core.errors import Invalid, InvalidConfig

pytestmark = pytest.mark.unit

START = 1_700_000_040_000
MOMENT = datetime(2023, 11, 14, 22, 14, tzinfo=UTC)
PER_MS = {"s": 1e-3, "ms": 1.0, "us": 1e3, "ns": 1e6}


def written(folder: Path, text: str, name: str = "BTCUSDT_1m.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def cells(count: int = 3) -> dict[str, list[float]]:
    return {name: [100.0 + i for i in range(count)] for name in ("open", "high", "low", "close", "volume")}


@given(st.integers(START, START + 10**10), st.sampled_from(["s", "ms", "us", "ns"]), st.booleans())
def test_a_number_of_time_is_read_by_its_size(moment: int, unit: str, explicit: bool) -> None:
    moment = moment // 1000 * 1000
    column = pa.array([int(moment * PER_MS[unit]) if unit != "ns" else moment * 1_000_000])
    asked = TimeUnit(unit) if explicit else TimeUnit.AUTO
    assert milliseconds(column, asked, "f: column ts").tolist() == [moment]


@given(st.integers(631_152_000, 3_786_912_000), st.integers(-12, 14))
def test_a_moment_with_a_zone_is_the_same_moment_in_utc(second: int, hours: int) -> None:
    aware = datetime.fromtimestamp(second, timezone(timedelta(hours=hours)))
    expected = second * 1000
    zoned = pa.array([aware], pa.timestamp("us", f"{hours:+03d}:00"))
    assert milliseconds(zoned, TimeUnit.AUTO, "f").tolist() == [expected]
    assert milliseconds(pa.array([aware.isoformat()]), TimeUnit.AUTO, "f").tolist() == [expected]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["2023-11-14 22:14:00"]),
        pa.array(["2023-11-14T22:14:00Z"]),
        pa.array(["2023-11-14T22:14:00.000"]),
        pa.array(["2023-11-15 06:14:00+08:00"]),
        pa.array(["2023.11.14 22:14"]),
        pa.array(["20231114 221400"]),
        pa.array(["1700000040"]),
        pa.array(["1700000040000.0"]),
        pa.array([1_700_000_040.0]),
        pa.array([MOMENT], pa.timestamp("ns")),
        pa.array(["2023-11-14 22:14:00"]).dictionary_encode(),
    ],
    ids=str,
)
def test_honest_times_are_understood_and_naive_ones_are_utc(column: pa.Array) -> None:
    assert milliseconds(column, TimeUnit.AUTO, "f: column date").tolist() == [START]


@pytest.mark.parametrize(
    ("values", "unit", "line"),
    [
        (
            [START, START // 1000],
            TimeUnit.AUTO,
            "row 1 is in ms but row 2 .* is in s, 1 of 2 rows.*auto-rows",
        ),
        ([START, START // 1000], TimeUnit.MS, "times are in ms as asked, row 2"),
        ([START, 5], TimeUnit.AUTO_ROWS, "between 1980 and 2100, row 2 is 5"),
        ([START, None], TimeUnit.AUTO, "every row has a time, row 2 has none"),
        ([1.7e12, float("nan")], TimeUnit.AUTO, "every row has a time, row 2 has nan"),
        (["2023-11-14", "14/11/2023"], TimeUnit.AUTO, "row 2 is '14/11/2023'"),
        ([True], TimeUnit.AUTO, "a time is a timestamp, a number or text"),
    ],
)
def test_a_dishonest_time_is_refused_by_its_row(values: list[object], unit: TimeUnit, line: str) -> None:
    with pytest.raises(Invalid, match=line):
        milliseconds(pa.array(values), unit, "f: column ts")


def test_rows_of_mixed_units_can_be_judged_one_by_one() -> None:
    column = pa.array([START, START // 1000 + 60, (START + 120_000) * 1000])
    assert np.diff(milliseconds(column, TimeUnit.AUTO_ROWS, "f")).tolist() == [60_000, 60_000]


def test_odd_names_banners_and_extra_columns_are_understood(tmp_path: Path) -> None:
    text = (
        "https://example.org,,,,\n"
        "Unix,Date,Symbol,Open,HIGH,low,Close,Volume BTC,Volume USDT,tradecount\n"
        f"{START},2023-11-14,BTC/USDT,1,2,0.5,1.5,10,15,NULL\n"
    )
    table = read_table(written(tmp_path, text), Kind.OHLCV)
    assert table.ts.tolist() == [START]
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "open": [1.0],
        "high": [2.0],
        "low": [0.5],
        "close": [1.5],
        "volume": [10.0],
    }
    assert table.ignored == ("Date", "Symbol", "Volume USDT", "tradecount")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiters_and_gzip_make_no_difference(tmp_path: Path, mark: str) -> None:
    text = mark.join(("date", "open", "high", "low", "close", "volume")) + "\n"
    text += mark.join(("2023-11-14 22:14:00", "1", "2", "1", "2", "")) + "\n"
    path = tmp_path / "BTCUSDT_1m.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    for table in (read_table(path, Kind.OHLCV), read_table(written(tmp_path, text), Kind.OHLCV)):
        assert table.ts.tolist() == [START]
        assert np.isnan(table.columns["volume"][0])


def test_a_venue_archive_without_header_is_recognised(tmp_path: Path) -> None:
    line = f"{START},1,2,0.5,1.5,10,{START + 59999},15,3,5,7,0\n"
    table = read_table(written(tmp_path, line * 2), Kind.OHLCV)
    assert table.columns["close"].tolist() == [1.5, 1.5]


def test_parquet_and_feather_are_known_by_their_bytes_not_their_names(tmp_path: Path) -> None:
    stamps = pa.array([MOMENT + timedelta(minutes=i) for i in range(3)], pa.timestamp("ns"))
    table = pa.table({**cells(), "date": stamps, "__index_level_0__": [7, 8, 9]})
    pq.write_table(table, tmp_path / "a.feather")
    feather.write_feather(table, str(tmp_path / "b.parquet"))
    for name in ("a.feather", "b.parquet"):
        read = read_table(tmp_path / name, Kind.OHLCV)
        assert read.ts.tolist() == [START, START + 60_000, START + 120_000]
        assert read.ignored == ("__index_level_0__",)


def test_a_left_over_index_of_moments_is_the_time(tmp_path: Path) -> None:
    stamps = pa.array([MOMENT], pa.timestamp("us", "Asia/Shanghai"))
    pq.write_table(pa.table({**cells(1), "__index_level_0__": stamps}), tmp_path / "x.parquet")
    assert read_table(tmp_path / "x.parquet", Kind.OHLCV).ts.tolist() == [START]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "date,open,high,low,close\n2023-01-01,1,1,1,1\n",
            "column volume is missing, ohlcv needs time.*--kind index",
        ),
        ("date,open,high,low,volume\n2023-01-01,1,1,1,1\n", "column close is missing"),
        ("open,high,low,close,volume\n1,1,1,1,1\n", "header with a time column"),
        ("date,open,high,low,close,volume\n", "at least one row, was empty"),
        (
            "date,open,high,low,close,volume\n2023-01-01,1,1,1,abc,1\n",
            "column close: a cell is a number, row 1 is 'abc'",
        ),
        ("date,open,high,low,close,volume\n2023-01-01,1,1\n", "whole and well formed"),
        ("date,Open,open,high,low,close,volume\n2023-01-01,1,1,1,1,1,1\n", "'Open' and 'open'"),
        (
            "date,open,high,low,close,volume_btc,volume_eth\n2023-01-01,1,1,1,1,1,1\n",
            "one column holds the base volume",
        ),
        ("", "0 bytes"),
    ],
)
def test_a_bad_table_is_refused_in_one_line_with_file_and_rule(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(Invalid, match=line) as caught:
        read_table(written(tmp_path, text), Kind.OHLCV)
    assert str(caught.value).startswith("BTCUSDT_1m.csv: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_a_half_written_file_is_refused(tmp_path: Path, share: float, form: str) -> None:
    path = tmp_path / f"x.{form}"
    table = pa.table({"ts": START + np.arange(500) * 60_000, **cells(500)})
    if form == "parquet":
        pq.write_table(table, path)
    else:
        feather.write_feather(table, str(path))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Invalid, match=r"x\.\w+: "):
        read_table(path, Kind.OHLCV)


def test_a_missing_file_and_an_unknown_form_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="no such file"):
        read_table(tmp_path / "none.csv", Kind.OHLCV)
    with pytest.raises(InvalidConfig, match="this is a folder"):
        read_table(tmp_path, Kind.OHLCV)
    with pytest.raises(Invalid, match=r"csv, csv.gz, parquet or feather, was .xlsx"):
        read_table(written(tmp_path, "PK", "x.xlsx"), Kind.OHLCV)


def test_decimal_integer_and_text_columns_are_numbers_and_others_are_not(tmp_path: Path) -> None:
    table = pa.table({"ts": [START], **cells(1)})
    table = table.set_column(1, "open", pa.array([1], pa.decimal128(10, 2)))
    table = table.set_column(2, "high", pa.array([" 2 "]))
    table = table.set_column(3, "low", pa.array([1], pa.int8()))
    pq.write_table(table, tmp_path / "x.parquet")
    assert read_table(tmp_path / "x.parquet", Kind.OHLCV).columns["high"].tolist() == [2.0]
    pq.write_table(table.set_column(4, "close", pa.array([True])), tmp_path / "x.parquet")
    with pytest.raises(Invalid, match="column close: a cell is a number, was bool"):
        read_table(tmp_path / "x.parquet", Kind.OHLCV)
