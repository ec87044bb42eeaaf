from collections.abc import Callable
from math import log, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.scores import BLOCKS_MIN, DAY_MS, FLOOR, accuracy, brier, ece, ic, log_loss, scorecard, with_confidence

pytestmark = pytest.mark.unit

Floats = NDArray[np.float64]
Score = Callable[[Floats, NDArray[np.float32]], float]

chances = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
outcomes = st.sampled_from([0.0, 1.0])
pairs = st.lists(st.tuples(chances, outcomes), min_size=1, max_size=30)
SCORES = pytest.mark.parametrize("score", [log_loss, brier, accuracy, ece], ids=lambda score: score.__name__)


def columns(rows: list[tuple[float, float]]) -> tuple[Floats, NDArray[np.float32]]:
    p, up = zip(*rows, strict=True)
    return np.array(p), np.array(up, dtype=np.float32)


def naive_ranks(values: list[float]) -> list[float]:
    return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]


def naive_spearman(one: list[float], other: list[float]) -> float:
    a, b = (np.array(naive_ranks(values)) for values in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def foretold(seed: int, rows: int) -> tuple[Floats, NDArray[np.float32]]:
    """Return probabilities and outcomes that really had them."""
    dice = np.random.default_rng(seed)
    p = dice.random(rows)
    return p, (dice.random(rows) < p).astype(np.float32)


def mean_of(values: Floats) -> Callable[[Floats], float]:
    return lambda drawn: float(drawn @ values / drawn.sum())


@pytest.mark.parametrize(
    ("score", "p", "up", "expected"),
    [
        (log_loss, [0.5], [1.0], log(2.0)),
        (log_loss, [0.9, 0.2], [1.0, 0.0], -(log(0.9) + log(0.8)) / 2),
        (log_loss, [0.0], [1.0], -log(FLOOR)),
        (log_loss, [1.0], [1.0], 0.0),
        (brier, [0.9, 0.2, 1.0], [1.0, 0.0, 0.0], (0.01 + 0.04 + 1.0) / 3),
        (accuracy, [0.9, 0.2, 0.6, 0.5], [1.0, 0.0, 0.0, 1.0], 0.625),
        (ece, [0.7] * 4, [1.0, 1.0, 1.0, 0.0], 0.05),
        (ece, [0.2] * 5 + [0.8] * 5, [0.0] * 5 + [1.0] * 5, 0.2),
        (ece, [0.05 + 0.1 * n for n in range(10)], [0.0] * 5 + [1.0] * 5, 0.25),
        (ece, [0.1, 0.1, 0.3], [1.0, 0.0, 0.0], (0.8 + 0.3) / 3),
    ],
)
def test_scores_are_what_a_hand_makes_of_the_table(
    score: Score, p: list[float], up: list[float], expected: float
) -> None:
    assert score(np.array(p), np.array(up, dtype=np.float32)) == pytest.approx(expected, abs=1e-12)


@SCORES
@settings(max_examples=30, deadline=None)
@given(rows=pairs)
def test_an_abstention_an_unknown_outcome_and_the_order_of_rows_change_no_score(
    score: Score, rows: list[tuple[float, float]]
) -> None:
    p, up = columns(rows)
    more_p, more_up = np.append(p, [nan, 0.3, nan]), np.append(up, np.float32([1.0, nan, nan]))
    order = np.argsort(np.random.default_rng(len(rows)).random(len(more_p)))
    assert score(more_p[order], more_up[order]) == pytest.approx(score(p, up), abs=1e-12)


@SCORES
def test_a_score_of_nothing_is_not_a_number(score: Score) -> None:
    assert np.isnan(score(np.array([nan]), np.ones(1, np.float32)))
    assert np.isnan(score(np.empty(0), np.empty(0, np.float32)))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_calibrated_forecaster_errs_less_the_longer_it_is_watched(seed: int) -> None:
    p, up = foretold(seed, 40_000)
    assert ece(p, up) < 0.012
    assert ece(0.5 + 0.5 * (p - 0.5), up) == pytest.approx(0.125, abs=0.015)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=25))
def test_the_information_coefficient_is_spearmans(rows: list[tuple[int, int]]) -> None:
    one, other = ([float(v) for v in column] for column in zip(*rows, strict=True))
    found = ic(np.array(one), np.array(other))
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(naive_spearman(one, other), abs=1e-12)
        assert ic(np.array([*one, nan, 1.0]), np.array([*other, 1.0, nan])) == pytest.approx(found, abs=1e-12)


def test_the_interval_counts_days_and_not_the_cells_of_one_bar() -> None:
    days, cells = 60, 50
    daily = np.random.default_rng(1).standard_normal(days)
    values, ts = np.repeat(daily, cells), np.repeat(np.arange(days, dtype=np.int64) * DAY_MS, cells)
    found = with_confidence(mean_of(values), ts, np.random.default_rng(2))
    error = daily.std() / np.sqrt(days)
    assert found.value == pytest.approx(daily.mean())
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1.0, abs=0.2)


def test_a_95_percent_interval_holds_the_truth_about_95_times_in_a_hundred() -> None:
    ts, held = np.arange(40, dtype=np.int64) * DAY_MS, 0
    for seed in range(100):
        values = np.random.default_rng([seed, 1]).standard_normal(40)
        found = with_confidence(mean_of(values), ts, np.random.default_rng([seed, 2]))
        held += found.low <= 0.0 <= found.high
    assert 87 <= held <= 99


def test_the_seed_decides_the_interval_and_a_draw_counts_as_its_rows_written_out() -> None:
    p, up = foretold(3, 400)
    ts = np.arange(400, dtype=np.int64) * (DAY_MS // 20)
    ret = np.where(up > 0, 0.01, -0.01) * p
    assert scorecard(p, up, ret, ts, 5) == scorecard(p, up, ret, ts, 5)
    assert scorecard(p, up, ret, ts, 5) != scorecard(p, up, ret, ts, 6)
    twice = np.repeat(np.arange(400), 2)
    for name, value in scorecard(p, up, ret, ts, 5).items():
        if name in ("log_loss", "brier", "ece", "accuracy", "ic"):
            assert scorecard(p[twice], up[twice], ret[twice], ts[twice], 5)[name] == pytest.approx(value, abs=1e-12)


def test_a_scorecard_is_plain_numbers_within_their_bounds() -> None:
    p, up = foretold(4, 2_000)
    p[:500] = nan
    card = scorecard(p, up, up - 0.5 + 0.0 * p, np.arange(2_000, dtype=np.int64) * (DAY_MS // 40), 1)
    assert {type(value) for value in card.values()} == {float}
    assert (card["count"], card["coverage"]) == (1_500.0, 0.75)
    for name in ("log_loss", "brier", "accuracy", "ic"):
        assert card[f"{name}_low"] < card[name] < card[f"{name}_high"]
    assert card["log_loss"] == log_loss(p, up)


def test_a_few_days_give_a_value_and_no_bounds() -> None:
    p, up = foretold(5, 100)
    card = scorecard(p, up, up - 0.5, np.arange(100, dtype=np.int64) * (DAY_MS * (BLOCKS_MIN - 1) // 100), 1)
    assert np.isfinite(card["brier"])
    assert np.isnan([card["brier_low"], card["brier_high"]]).all()
