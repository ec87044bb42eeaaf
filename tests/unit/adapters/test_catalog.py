from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.catalog import Catalog
from qt_ray.adapters.file_names import Kind
from qt_ray.adapters.series import Key, Source, Table, digest, merged
from qt_ray.core.errors import Invalid, InvalidConfig

pytestmark = pytest.mark.unit

MINUTE, HOUR = 60_000, 3_600_000
START = 1_700_000_000_000 // (8 * HOUR) * 8 * HOUR
KEY = Key("venue", "BTCUSDT", Kind.OHLCV, MINUTE)


def table(start: int = 0, stop: int = 600, shift: float = 0.0) -> Table:
    at = np.arange(start, stop)
    close = 100.0 + at % 17 + shift
    columns = {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": at + 1.0}
    return Table(START + at * MINUTE, columns)


def source(name: str) -> Source:
    return Source(name, f"digest of {name}", 600, 0, {})


def same(a: Table, b: Table) -> bool:
    return digest(a) == digest(b)


def test_what_is_put_can_be_read_listed_and_described(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    assert catalog.ls() == []
    assert catalog.describe(KEY) is None
    series = catalog.put(KEY, table(), source("a"))
    assert same(catalog.read(KEY), table())
    assert catalog.ls() == [series] == [catalog.describe(KEY)]
    assert (series.rows, series.start_ts, series.end_ts) == (600, START, START + 599 * MINUTE)
    assert series.digest == digest(table())
    assert [path.name for path in (tmp_path / "venue" / "BTCUSDT").glob("*.parquet")] == ["ohlcv_1m.parquet"]


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    first = catalog.put(KEY, table(), source("a"))
    before = (tmp_path / KEY.file).read_bytes()
    assert catalog.put(KEY, table(shift=1.0), source("a")) == first
    assert (tmp_path / KEY.file).read_bytes() == before


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=2, max_size=6))
def test_parts_that_agree_join_to_the_same_whole_in_any_order(cuts: list[int]) -> None:
    parts = [table(min(a, b), max(a, b) + 1) for a, b in pairwise(cuts)]
    forwards, backwards = parts[0], parts[-1]
    for part in parts[1:]:
        forwards = merged(KEY, forwards, part, "x")
    for part in parts[-2::-1]:
        backwards = merged(KEY, backwards, part, "x")
    assert same(forwards, backwards)
    assert (np.diff(forwards.ts) > 0).all()


def test_rows_that_disagree_are_refused_by_the_first_of_them_and_nothing_changes(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put(KEY, table(0, 100), source("a"))
    before = (tmp_path / KEY.file).read_bytes()
    new = table(50, 150)
    new.columns["close"][10:12] += 1
    with pytest.raises(Invalid, match=r"b: overlapping rows agree .* close is .* 2 of 50 shared rows differ"):
        catalog.put(KEY, new, source("b"))
    assert (tmp_path / KEY.file).read_bytes() == before
    assert not list(tmp_path.rglob("*.tmp"))


def test_settlements_stamped_a_few_milliseconds_apart_are_one() -> None:
    key = Key("venue", "BTCUSDT", Kind.FUNDING, 0)
    old = Table(START + np.array([0, 8 * HOUR + 5]), {"funding": np.array([1e-4, 2e-4])})
    new = Table(START + np.array([8 * HOUR, 16 * HOUR]), {"funding": np.array([2e-4, 3e-4])})
    assert merged(key, old, new, "x").ts.tolist() == [START, START + 8 * HOUR + 5, START + 16 * HOUR]
    new.columns["funding"][0] = 9e-4
    with pytest.raises(Invalid, match="overlapping rows agree"):
        merged(key, old, new, "x")


def test_trades_are_appended_and_never_mixed() -> None:
    key = Key("venue", "BTCUSDT", Kind.TRADES, 0)
    old = Table(START + np.array([5, 5, 9]), {"price": np.ones(3), "quantity": np.ones(3)})
    new = Table(START + np.array([10]), {"price": np.ones(1), "quantity": np.ones(1)})
    assert len(merged(key, new, old, "x")) == 4
    with pytest.raises(Invalid, match="these overlap"):
        merged(key, old, replace(new, ts=np.array([START + 7])), "x")


def test_symbols_are_laid_on_one_grid_with_nan_where_one_has_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put(KEY, table(0, 60), source("a"))
    catalog.put(replace(KEY, symbol="ETHUSDT"), table(30, 100), source("b"))
    bars = catalog.load(["ETHUSDT", "BTCUSDT"], MINUTE)
    assert bars.symbols == ("ETHUSDT", "BTCUSDT")
    assert len(bars) == 100
    assert np.isnan(bars.close[:30, 0]).all()
    assert np.isnan(bars.volume[60:, 1]).all()
    assert np.isfinite(bars.close[30:60]).all()
    assert bars.funding is None
    assert bars.mark is None


def test_a_range_is_closed_at_its_start_and_open_at_its_end(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put(KEY, table(), source("a"))
    bars = catalog.load(["BTCUSDT"], MINUTE, START + 10 * MINUTE, START + 20 * MINUTE)
    assert bars.ts.tolist() == [START + i * MINUTE for i in range(10, 20)]
    with pytest.raises(Invalid, match="holds at least one bar"):
        catalog.load(["BTCUSDT"], MINUTE, 0, 1)


def test_coarser_bars_are_put_together_from_the_finer_ones_stored(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put(KEY, table(), source("a"))
    bars = catalog.load(["BTCUSDT"], HOUR)
    assert len(bars) == 10
    assert bars.volume[0, 0] == sum(range(1, 61))
    with pytest.raises(Invalid, match="bars of 30s or of a part of it are stored"):
        catalog.load(["BTCUSDT"], 30_000)


def test_funding_and_marks_stored_apart_join_their_bars(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put(KEY, table(), source("a"))
    settled = Table(START + np.array([3, 8 * HOUR - 4]), {"funding": np.array([1e-4, 2e-4])})
    catalog.put(Key("venue", "BTCUSDT", Kind.FUNDING, 0), settled, source("f"))
    marks = table(shift=0.25)
    del marks.columns["volume"]
    catalog.put(replace(KEY, kind=Kind.MARK), marks, source("m"))
    bars = catalog.load(["BTCUSDT"], MINUTE)
    assert bars.funding is not None
    assert bars.mark is not None
    assert np.flatnonzero(np.isfinite(bars.funding[:, 0])).tolist() == [0, 480]
    np.testing.assert_array_equal(bars.mark, bars.close + 0.25)
    hours = catalog.load(["BTCUSDT"], HOUR)
    assert hours.funding is not None
    assert hours.mark is not None
    assert np.flatnonzero(np.isfinite(hours.funding[:, 0])).tolist() == [0, 8]
    np.testing.assert_array_equal(hours.mark, hours.close + 0.25)


def test_a_venue_must_be_named_when_two_have_the_symbol(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    with pytest.raises(Invalid, match="no bars of this symbol"):
        catalog.load(["BTCUSDT"], MINUTE)
    catalog.put(KEY, table(), source("a"))
    catalog.put(replace(KEY, venue="other"), table(shift=1.0), source("b"))
    with pytest.raises(InvalidConfig, match="other, venue; name one"):
        catalog.load(["BTCUSDT"], MINUTE)
    assert catalog.load(["BTCUSDT"], MINUTE, venue="other").close[0, 0] == 101.0
    with pytest.raises(InvalidConfig, match="each once"):
        catalog.load(["BTCUSDT", "BTCUSDT"], MINUTE)


def test_a_broken_or_foreign_file_in_the_catalogue_is_one_line(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put(KEY, table(), source("a"))
    path = tmp_path / KEY.file
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    for act in (catalog.ls, lambda: catalog.read(KEY)):
        with pytest.raises(Invalid, match="whole parquet file"):
            act()
    pq.write_table(pa.table({"ts": [1]}), path)
    with pytest.raises(Invalid, match=r"says schema qt.series/1"):
        catalog.ls()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", ".hidden", "a b"])
def test_a_name_cannot_lead_out_of_the_catalogue(name: str) -> None:
    with pytest.raises(InvalidConfig, match="plain name"):
        replace(KEY, symbol=name)
