"""Forecast cache: what it gives back is what it was given, or nothing."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.forecast_cache import ForecastCache
from qt_ray.ai.baselines import baseline
from qt_ray.ai.forecast import Forecasts, Snapshot
from qt_ray.jobs.forecasting import chosen
from qt_ray.market.bars import Bars
from tests.unit.ai.ensemble.fakes import KINDS, NAN, Told, ensemble_of, snapshot

pytestmark = pytest.mark.unit

SEEN = snapshot(30)
BARS = SEEN.bars
VOTED = ensemble_of([Told(kind, 0.7) for kind in KINDS]).predict(SEEN)
RECIPE = {"kind": "ensemble", "version": "a" * 64, "members": "all", "age_max_days": 365, "edge_min_bps": None}


def bits(forecasts: Forecasts | None) -> list[Any]:
    assert forecasts is not None
    columns = [forecasts.score, forecasts.confidence, forecasts.agreement]
    columns += [forecasts.ballot.votes, forecasts.ballot.outlook] if forecasts.ballot else []
    return [(column.shape, column.dtype, column.tobytes()) for column in columns] + [forecasts.members]


def kept(folder: Path, forecasts: Forecasts = VOTED, bars: Bars = BARS) -> ForecastCache:
    cache = ForecastCache(folder)
    cache.put(bars, RECIPE, forecasts)
    return cache


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def test_what_was_kept_comes_back_to_the_bit_with_every_vote(tmp_path: Path) -> None:
    cache = kept(tmp_path / "deep" / "cache")
    assert bits(cache.get(BARS, RECIPE)) == bits(VOTED)
    assert bits(cache.get(BARS, dict(reversed(RECIPE.items())))) == bits(VOTED)


def test_forecasts_without_a_ballot_come_back_without_one(tmp_path: Path) -> None:
    plain = baseline("ema_cross", 2, {}).predict(Snapshot(BARS, np.zeros((30, 2, 0))))
    assert np.isnan(plain.score).any()
    back = kept(tmp_path, plain).get(BARS, RECIPE)
    assert bits(back) == bits(plain)
    assert back is not None
    assert back.ballot is None


def test_forecasts_of_no_bars_come_back_too(tmp_path: Path) -> None:
    nothing = BARS.window(0, 0)
    cache = kept(tmp_path, VOTED.bars(slice(0)), nothing)
    assert bits(cache.get(nothing, RECIPE)) == bits(VOTED.bars(slice(0)))


def test_columns_that_are_cuts_of_larger_ones_are_kept_as_they_read(tmp_path: Path) -> None:
    cut = replace(VOTED, score=np.asfortranarray(VOTED.score))
    assert bits(kept(tmp_path, cut).get(BARS, RECIPE)) == bits(VOTED)


@pytest.mark.parametrize(
    "change",
    [{"version": "b" * 64}, {"members": "trees"}, {"age_max_days": 364}, {"edge_min_bps": 0.0}, {"kind": "trend"}],
    ids=lambda change: next(iter(change)),
)
def test_another_recipe_is_another_question(tmp_path: Path, change: dict[str, Any]) -> None:
    assert kept(tmp_path).get(BARS, RECIPE | change) is None


def test_other_bars_are_another_question(tmp_path: Path) -> None:
    cache = kept(tmp_path)
    close = BARS.close.copy()
    close[7, 1] = np.nextafter(close[7, 1], 0.0)
    others = [replace(BARS, close=close), BARS.window(0, 29), replace(BARS, symbols=BARS.symbols[::-1])]
    others += [chosen(BARS, BARS.symbols[:1]), replace(BARS, volume=np.full_like(close, NAN))]
    assert [cache.get(bars, RECIPE) for bars in others] == [None] * len(others)
    assert cache.get(BARS, RECIPE) is not None


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_whatever_byte_is_damaged_the_entry_is_thrown_away(
    tmp_path_factory: pytest.TempPathFactory, place: float, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = kept(folder)
    (entry,) = entries(folder)
    content = bytearray(entry.read_bytes())
    content[int(place * len(content))] ^= flip
    entry.write_bytes(content)
    assert cache.get(BARS, RECIPE) is None
    assert entries(folder) == []
    cache.put(BARS, RECIPE, VOTED)
    assert bits(cache.get(BARS, RECIPE)) == bits(VOTED)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_an_entry_cut_anywhere_is_thrown_away(tmp_path: Path, share: float) -> None:
    cache = kept(tmp_path)
    (entry,) = entries(tmp_path)
    content = entry.read_bytes()
    entry.write_bytes(content[: int(share * len(content))])
    assert cache.get(BARS, RECIPE) is None
    assert entries(tmp_path) == []


def question(number: int) -> dict[str, Any]:
    return RECIPE | {"age_max_days": number}


def filled(folder: Path, room: int) -> tuple[ForecastCache, int]:
    """Return a cache with room for so many entries, all of them taken, and the size of one."""
    (entry,) = entries(kept(folder).root)
    size = entry.stat().st_size
    entry.unlink()
    cache = ForecastCache(folder, bytes_max=room * size)
    for number in range(room):
        cache.put(BARS, question(number), VOTED)
        aged(folder, room - number)
    return cache, size


def aged(folder: Path, seconds: int) -> None:
    """Make the newest entry that much older, as clocks of folders are coarse."""
    newest = max(entries(folder), key=lambda path: path.stat().st_mtime_ns)
    then = newest.stat().st_mtime - 1_000 * seconds
    os.utime(newest, (then, then))


def found(cache: ForecastCache, count: int) -> list[int]:
    return [number for number in range(count) if cache.get(BARS, question(number)) is not None]


def test_the_oldest_entry_leaves_when_a_new_one_needs_its_room(tmp_path: Path) -> None:
    cache, size = filled(tmp_path, 3)
    assert len(entries(tmp_path)) == 3
    cache.put(BARS, question(3), VOTED)
    assert sum(path.stat().st_size for path in entries(tmp_path)) <= 3 * size
    assert found(cache, 4) == [1, 2, 3]


def test_what_was_asked_for_lately_is_not_the_oldest(tmp_path: Path) -> None:
    cache, _ = filled(tmp_path, 3)
    assert cache.get(BARS, question(0)) is not None
    cache.put(BARS, question(3), VOTED)
    assert found(cache, 4) == [0, 2, 3]


def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nobody_out(tmp_path: Path) -> None:
    kept(tmp_path)
    ForecastCache(tmp_path, bytes_max=100).put(BARS, question(1), VOTED)
    assert len(entries(tmp_path)) == 1
    assert ForecastCache(tmp_path).get(BARS, RECIPE) is not None


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    cache, _ = filled(tmp_path / "cache", 1)
    (tmp_path / "cache" / "notes.txt").write_text("mine too")
    cache.put(BARS, question(9), VOTED)
    assert (tmp_path / "cache" / "notes.txt").read_text() == "mine too"
    assert (tmp_path / "notes.txt").read_text() == "mine"
