from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.dataset import BLOCK_CELLS, dataset
from qt_ray.ai.history import History
from qt_ray.ai.labels import Kind, LabelPlan, label
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid
from qt_ray.market.regime import regimes
from tests.unit.market.feature_bars import FULL, MINUTE_MS, features, flat, walk, with_gaps, without_cells

pytestmark = pytest.mark.unit

NAMES = ("rsi_14", "momentum_10", "volume_10_60_ratio")
SCHEMA = FULL.subset(NAMES)
LOOKBACK = 12


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.03]), st.sampled_from(Kind))
def test_a_row_is_what_features_history_labels_and_regime_say_of_its_cell(seed: int, share: float, kind: Kind) -> None:
    bars, plan = with_gaps(seed, 200, 3, share), LabelPlan(kind, 4)
    made = dataset(bars, NAMES, plan, LOOKBACK)
    rows, labels, regime = features(bars, SCHEMA).astype(np.float32), label(bars, plan), regimes(bars)
    tape, ends = History(bars.symbols, LOOKBACK).feed(bars)
    cells = [
        (t, s)
        for t in range(200)
        for s in range(3)
        if np.isfinite(rows[t, s]).all() and np.isfinite(labels.up[t, s]) and ends[t * 3 + s] >= 0
    ]
    at = tuple(np.array(cells).T)
    assert np.array_equal(made.evidence.features, rows[at])
    assert np.array_equal(made.evidence.tape, tape)
    assert np.array_equal(made.evidence.ends, ends.reshape(200, 3)[at])
    assert np.array_equal(made.ts, bars.ts[at[0]] + MINUTE_MS)
    assert np.array_equal(made.symbol, at[1])
    assert np.array_equal(made.regime, regime[at])
    for name in ("ret", "up", "until"):
        assert np.array_equal(getattr(made, name), getattr(labels, name)[at])


def test_features_made_in_blocks_are_those_made_at_once() -> None:
    bars = walk(1, BLOCK_CELLS + 200)
    made = dataset(bars, NAMES, LabelPlan(), LOOKBACK)
    rows = features(bars, SCHEMA).astype(np.float32)[:, 0]
    assert np.array_equal(made.evidence.features, rows[(made.ts - MINUTE_MS - bars.ts[0]) // MINUTE_MS])
    assert len(made) > BLOCK_CELLS


def test_symbols_may_come_late_and_go_early() -> None:
    gone = np.zeros((300, 3), dtype=bool)
    gone[:120, 1], gone[150:, 2] = True, True
    made = dataset(without_cells(walk(2, 300, 3), gone), NAMES, LabelPlan(), LOOKBACK)
    first, last = (
        [int(edge(made.ts[made.symbol == s]) - made.ts[0]) // MINUTE_MS for s in range(3)] for edge in (np.min, np.max)
    )
    assert first == [0, 120, 0]
    assert last == [239, 239, 89]


def test_the_digest_knows_every_column_and_nothing_but_content() -> None:
    made = dataset(walk(3, 120, 2), NAMES, LabelPlan(), LOOKBACK)
    assert made.digest() == dataset(walk(3, 120, 2), NAMES, LabelPlan(), LOOKBACK).digest()
    assert made.digest() == made.take(slice(0, len(made))).digest()
    others: list[Sample] = [made.take(slice(1, None))]
    for name in ("up", "ret", "ts", "until", "symbol", "regime"):
        column = getattr(made, name).copy()
        column[0] += 1
        others.append(replace(made, **{name: column}))
    for name in ("features", "tape", "ends"):
        column = getattr(made.evidence, name).copy()
        column[0] += 1
        others.append(replace(made, evidence=replace(made.evidence, **{name: column})))
    assert len({other.digest() for other in (made, *others)}) == len(others) + 1


def test_what_cannot_teach_is_refused_by_name() -> None:
    bars = walk(4, 200)
    with pytest.raises(Invalid, match="a feature is a number somewhere, funding_rate never was"):
        dataset(replace(bars, funding=None), (*NAMES, "funding_rate"), LabelPlan(), LOOKBACK)
    with pytest.raises(Invalid, match="none of 0 with the first two had"):
        dataset(flat(100), NAMES, LabelPlan(), LOOKBACK)
    rising = replace(bars, **{name: np.linspace(100, 200, 200)[:, None] for name in ("open", "high", "low", "close")})
    with pytest.raises(Invalid, match="some rows go up and some down, all 140 went up"):
        dataset(rising, NAMES, LabelPlan(), LOOKBACK)
    joined = replace(bars, open=np.vstack((bars.open[:1], bars.close[:-1])))
    with pytest.raises(Invalid, match="a feature differs between rows, open_gap was one number in all 140"):
        dataset(joined, ("rsi_14", "open_gap", "volume_10_60_ratio"), LabelPlan(), LOOKBACK)
