"""Leakage: the future changes nothing that was known, and where there is nothing to learn nothing is learned.

The learner is a table of how often each cell of momentum and busyness went up, as plain as the plant it must find.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.dataset import dataset
from qt_ray.ai.labels import Kind, LabelPlan
from qt_ray.ai.sample import Sample
from qt_ray.ai.scores import DAY_MS, accuracy, ic, scorecard
from qt_ray.ai.splits import HoldoutPlan, holdout
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import synthetic
from tests.unit.market.feature_bars import COLUMNS, walk

pytestmark = pytest.mark.unit

Floats = NDArray[np.float64]
STRENGTH = 0.5
INTERVAL_MS = 900_000
LOOKBACK = 8
NAMES = ("momentum_10", "volume_10_60_ratio")


@cache
def planted() -> Sample:
    bars = synthetic(("AUSDT", "BUSDT", "CUSDT", "DUSDT"), INTERVAL_MS, 11, STRENGTH).bars(4_000)
    return dataset(bars, NAMES, LabelPlan(), LOOKBACK)


def cells(sample: Sample) -> NDArray[np.int64]:
    """Return the cell of each row: momentum up or down, busy in eight steps around one."""
    momentum, busy = sample.evidence.features.astype(np.float64).T
    return np.where(momentum > 0, 8, 0) + np.digitize(busy, np.linspace(0.5, 1.1, 7))


def foretold(train: Sample, test: Sample) -> Floats:
    """Return P(up) for the test's rows as the training's table has it, with one row each way in every cell."""
    seen = np.bincount(cells(train), minlength=16) + 2.0
    ups = np.bincount(cells(train), train.up, minlength=16) + 1.0
    return (ups / seen)[cells(test)]


def learned(sample: Sample) -> tuple[Floats, Sample]:
    """Return out-of-sample forecasts and what they are about, with nothing learned across the split."""
    start = int(sample.ts[int(0.6 * len(sample))])
    parts = holdout(sample.ts, sample.until, HoldoutPlan(start, embargo_ms=INTERVAL_MS))
    train, test = sample.take(parts.train), sample.take(parts.test)
    return foretold(train, test), test


def with_outcomes(sample: Sample, order: NDArray[np.int64]) -> Sample:
    """Return the rows with each other's outcomes."""
    return replace(sample, up=sample.up[order], ret=sample.ret[order])


def known_by(bars: Bars, kind: Kind, moment: int) -> dict[str, NDArray[np.generic]]:
    """Return everything that bars say of rows whose outcome was known at `moment`."""
    sample = dataset(bars, NAMES, LabelPlan(kind, 5), LOOKBACK)
    rows = np.flatnonzero(sample.until <= moment)
    past = sample.take(rows)
    window = past.evidence.ends[:, None] + np.arange(1 - LOOKBACK, 1)
    names = ("up", "ret", "ts", "until", "symbol", "regime")
    columns: dict[str, NDArray[np.generic]] = {name: getattr(past, name) for name in names}
    return columns | {"features": past.evidence.features, "windows": past.evidence.tape[window]}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(Kind), st.integers(80, 239))
def test_another_future_changes_no_row_whose_outcome_was_known(seed: int, kind: Kind, cut: int) -> None:
    bars, other = walk(seed, 240, 2), walk(seed + 1, 240, 2)
    later = {name: np.concatenate((getattr(bars, name)[:cut], 3 * getattr(other, name)[cut:])) for name in COLUMNS}
    moment = int(bars.ts[cut])
    one, two = known_by(bars, kind, moment), known_by(replace(bars, **later), kind, moment)
    assert len(one["ts"])
    for name, column in one.items():
        assert np.array_equal(column, two[name]), name


def test_what_is_planted_is_found_and_no_more_than_was_planted() -> None:
    p, test = learned(planted())
    card = scorecard(p, test.up, test.ret, test.ts, 1)
    best = (1.0 + STRENGTH) / 2.0
    assert best - 0.03 < card["accuracy"] < best + 0.02
    assert card["ic_low"] > 0.3
    assert card["log_loss_high"] < np.log(2.0)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_outcomes_teach_nothing(seed: int) -> None:
    sample = planted()
    p, test = learned(with_outcomes(sample, np.random.default_rng(seed).permutation(len(sample))))
    assert abs(ic(p, test.ret)) < 4.0 / np.sqrt(len(test))
    assert abs(accuracy(p, test.up) - 0.5) < 2.0 / np.sqrt(len(test))


def test_outcomes_read_backwards_in_time_teach_nothing() -> None:
    sample = planted()
    p, test = learned(with_outcomes(sample, np.arange(len(sample))[::-1]))
    card = scorecard(p, test.up, test.ret, test.ts, 1)
    assert card["ic_low"] < 0.0 < card["ic_high"]


def test_outcomes_of_about_a_day_earlier_or_later_teach_nothing() -> None:
    sample = planted()
    rows = np.arange(len(sample))
    for away in (DAY_MS, -DAY_MS):
        shift = 4 * away // INTERVAL_MS
        p, test = learned(with_outcomes(sample, (rows + shift) % len(rows)))
        assert abs(ic(p, test.ret)) < 5.0 / np.sqrt(len(test))


def test_a_market_without_a_plant_has_no_edge_but_for_a_glance_at_the_next_bar() -> None:
    bars = synthetic(("AUSDT", "BUSDT", "CUSDT", "DUSDT"), INTERVAL_MS, 12, 0.0).bars(4_000)
    sample = dataset(bars, NAMES, LabelPlan(), LOOKBACK)
    p, test = learned(sample)
    card = scorecard(p, test.up, test.ret, test.ts, 1)
    assert card["ic_low"] < 0.0 < card["ic_high"]
    alone = sample.take(np.flatnonzero(sample.symbol == 0))
    ahead = replace(alone.evidence, features=np.roll(alone.evidence.features, -1, axis=0))
    p, test = learned(replace(alone, evidence=ahead))
    assert scorecard(p, test.up, test.ret, test.ts, 1)["ic_low"] > 0.1
