from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.isotonic import FLOOR, KNOTS_MAX, ROWS_MIN, Calibration, fit, pool
from qt_ray.ai.scores import ece
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

Floats = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)
weighted = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 3.0)), min_size=1, max_size=25)


def min_max(values: Floats, weights: Floats) -> list[float]:
    """Return the isotonic regression by its formula: the largest over starts of the smallest mean over ends."""
    rows = range(len(values))

    def mean(a: int, b: int) -> float:
        return float(np.average(values[a : b + 1], weights=weights[a : b + 1]))

    return [max(min(mean(a, b) for b in rows[i:]) for a in rows[: i + 1]) for i in rows]


def bent(seed: int, rows: int) -> tuple[Floats, Floats]:
    """Return overconfident scores, and outcomes whose true chance is the score halfway to one half."""
    dice = np.random.default_rng(seed)
    scores = dice.random(rows)
    return scores, (dice.random(rows) < 0.25 + 0.5 * scores).astype(np.float64)


@settings(max_examples=60, deadline=None)
@given(weighted)
def test_pooling_is_isotonic_regression_by_its_formula(rows: list[tuple[float, float]]) -> None:
    values, weights = (np.array(column) for column in zip(*rows, strict=True))
    fitted, pools = pool(values, weights)
    np.testing.assert_allclose(fitted, min_max(values, weights), atol=1e-9)
    assert (np.diff(fitted) >= 0).all()
    assert ((np.diff(pools) == 0) | (np.diff(pools) == 1)).all()
    assert np.average(fitted, weights=weights) == pytest.approx(np.average(values, weights=weights), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(weighted)
def test_pooling_what_is_pooled_changes_nothing(rows: list[tuple[float, float]]) -> None:
    values, weights = (np.array(column) for column in zip(*rows, strict=True))
    fitted, _ = pool(values, weights)
    np.testing.assert_allclose(pool(fitted, weights)[0], fitted, rtol=0, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(ROWS_MIN, 3_000), st.integers(1, 12))
def test_a_higher_score_never_means_less_and_never_certainty(seed: int, rows: int, decimals: int) -> None:
    scores, outcomes = bent(seed, rows)
    made = fit(np.round(scores, decimals), outcomes)
    assert len(made.x) <= KNOTS_MAX
    assert (np.diff(made.x) > 0).all()
    asked = np.sort(np.concatenate((np.linspace(-1, 2, 500), made.x, np.nextafter(made.x, -1), scores)))
    answers = made.apply(asked)
    assert (np.diff(answers) >= 0).all()
    assert FLOOR <= answers.min() <= answers.max() <= 1 - FLOOR


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_the_map_is_read_as_numpy_interpolates_and_row_by_row(seed: int) -> None:
    made = fit(*bent(seed, 500))
    asked = np.random.default_rng(seed).normal(0.5, 0.5, (7, 3))
    asked[0, 0], asked[1, 1] = np.nan, made.x[0]
    answers = made.apply(asked)
    np.testing.assert_allclose(answers, np.interp(asked, made.x, made.y), rtol=1e-14)
    one_by_one = [made.apply(np.array([score]))[0] for score in asked.flat]
    assert np.array_equal(np.array(one_by_one), answers.ravel(), equal_nan=True)
    assert np.isnan(answers[0, 0])


@pytest.mark.requirement("S5 Ensemble")
def test_calibration_mends_an_overconfident_score_on_rows_it_has_not_seen() -> None:
    made, (scores, outcomes) = fit(*bent(1, 20_000)), bent(2, 20_000)
    up = outcomes.astype(np.float32)
    assert ece(scores, up) > 0.1
    assert ece(made.apply(scores), up) < 0.02


def test_a_weight_of_two_is_the_row_twice() -> None:
    scores, outcomes = bent(3, 2_000)
    levels = np.round(scores, 1)
    twice = outcomes > 0.5
    doubled = np.concatenate((levels, levels[twice])), np.concatenate((outcomes, outcomes[twice]))
    one, other = fit(levels, outcomes, np.where(twice, 2.0, 1.0)), fit(*doubled)
    np.testing.assert_allclose(one.x, other.x, rtol=1e-12)
    np.testing.assert_allclose(one.y, other.y, rtol=1e-12)
    assert not np.allclose(one.y, fit(levels, outcomes).y)


def test_a_score_that_says_nothing_becomes_the_share_that_happened() -> None:
    scores, outcomes = bent(4, 1_000)
    made = fit(-scores, outcomes)
    assert made.x.shape == (1,)
    assert made.apply(np.array([-9.0, 9.0])) == pytest.approx(outcomes.mean())


def test_rows_without_score_or_outcome_are_left_out() -> None:
    scores, outcomes = bent(5, 300)
    made = fit(np.append(scores, [np.nan, 0.5]), np.append(outcomes, [1.0, np.nan]))
    assert np.array_equal(made.x, fit(scores, outcomes).x)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda s, o, w: (s[:99], o[:99], w[:99]), "at least 100 rows have score and outcome, were 99"),
        (lambda s, o, w: (s, np.ones_like(o), w), "outcomes are 0 and 1, were 1 to 1"),
        (lambda s, o, w: (s, o * 0.5, w), "outcomes are 0 and 1, were 0 to 0.5"),
        (lambda s, o, w: (np.full_like(s, 0.3), o, w), "scores differ, all were 0.3"),
        (lambda s, o, w: (s, o, w * 0.0), "weights are finite and above 0"),
    ],
)
def test_what_teaches_nothing_is_refused(change: Callable[..., tuple[Floats, ...]], rule: str) -> None:
    scores, outcomes = bent(6, 200)
    with pytest.raises(Invalid, match=f"^calibration: {rule}"):
        fit(*change(scores, outcomes, np.ones(200)))


@pytest.mark.parametrize("floor", [0.0, 0.5, np.nan])
def test_a_floor_leaves_room_for_an_opinion(floor: float) -> None:
    with pytest.raises(Invalid, match="floor is inside"):
        fit(*bent(7, 200), floor=floor)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([0.0, 1.0], [0.5]),
        ([0.0, 0.0], [0.4, 0.5]),
        ([0.0, np.inf], [0.4, 0.5]),
        ([0.0, 1.0], [0.5, 0.4]),
        ([0.0, 1.0], [0.0, 0.4]),
        ([0.0, 1.0], [0.5, np.nan]),
        (list(range(65)), [0.5] * 65),
    ],
)
def test_knots_that_are_no_map_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(Invalid, match=r"^calibration: "):
        Calibration(np.array(x, dtype=np.float64), np.array(y, dtype=np.float64))
