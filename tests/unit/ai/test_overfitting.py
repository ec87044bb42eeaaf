from itertools import combinations
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.normal import below
from qt_ray.ai.overfitting import (
    Record,
    deflated_sharpe,
    expected_maximum,
    overfitting,
    probabilistic_sharpe,
    record_of,
    symmetry,
)
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)
# Bailey and López de Prado's example of 2014: 2.5 a year found among 100 trials, five years of days.
FOUND = Record(1_250, 2.5 / sqrt(250), -3.0, 10.0)
SPREAD = sqrt(0.5 / 250)


def noise(seed: int, rows: int = 400, trials: int = 10) -> Floats:
    return np.random.default_rng(seed).standard_normal((rows, trials))


def sharpe(column: Floats) -> float:
    return float(column.mean() / column.std(ddof=1))


def naive_symmetry(returns: Floats, parts: int) -> tuple[float, float]:
    """Return the probability of overfitting and of loss as the paper tells it, one half after the other."""
    blocks, bad, lost = np.split(returns, parts), 0, 0
    halves = list(combinations(range(parts), parts // 2))
    for half in halves:
        learned = np.concatenate([blocks[part] for part in range(parts) if part in half])
        judged = np.concatenate([blocks[part] for part in range(parts) if part not in half])
        best = int(np.argmax([sharpe(column) for column in learned.T]))
        scores = [sharpe(column) for column in judged.T]
        rank = sorted(scores).index(scores[best]) + 1
        share = rank / (len(scores) + 1)
        bad += np.log(share / (1.0 - share)) <= 0.0
        lost += scores[best] < 0.0
    return bad / len(halves), lost / len(halves)


def test_the_published_hedge_fund_is_as_doubtful_as_its_authors_say() -> None:
    # Two years of months, 1.59 a year, in "The Sharpe ratio efficient frontier".
    fund = Record(24, 0.458, -2.448, 10.164)
    assert probabilistic_sharpe(fund) == pytest.approx(0.913, abs=5e-4)
    assert probabilistic_sharpe(Record(24, 0.458)) == pytest.approx(0.982, abs=1e-3)


def test_the_published_discovery_is_deflated_as_its_authors_say() -> None:
    assert expected_maximum(100, SPREAD) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(FOUND, 100, SPREAD) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(FOUND, 46, SPREAD) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(Record(FOUND.rows, FOUND.sharpe), 88, SPREAD) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize("trials", [10, 100, 1_000])
def test_the_best_of_trials_of_nothing_reaches_what_is_expected_of_luck(trials: int) -> None:
    best = np.random.default_rng(trials).standard_normal((3_000, trials)).max(axis=1).mean()
    assert expected_maximum(trials, 1.0) == pytest.approx(best, abs=0.06)


def test_one_trial_that_was_not_chosen_is_only_asked_whether_it_earns() -> None:
    assert expected_maximum(1, 1.0) == 0.0
    assert deflated_sharpe(FOUND, 1, SPREAD) == probabilistic_sharpe(FOUND)
    # By hand: 101 rows at a tenth, tails 1 + 0.5 * 0.01.
    assert probabilistic_sharpe(Record(101, 0.1)) == pytest.approx(below(1.0 / sqrt(1.005)), abs=1e-12)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.floats(0.0, 1.0))
def test_more_trials_never_make_a_discovery_surer(one: int, other: int, spread: float) -> None:
    few, many = sorted((one, other))
    assert deflated_sharpe(FOUND, many, spread) <= deflated_sharpe(FOUND, few, spread) + 1e-12


@given(st.floats(0.001, 0.5), st.floats(-2.0, 0.0), st.floats(5.0, 20.0))
def test_rare_losses_and_heavy_tails_make_what_earns_less_sure(ratio: float, skew: float, kurtosis: float) -> None:
    assert probabilistic_sharpe(Record(100, ratio, skew, kurtosis)) <= probabilistic_sharpe(Record(100, ratio))


def test_four_numbers_are_what_a_hand_makes_of_the_table() -> None:
    found = record_of(np.array([1.0] * 8 + [-4.0] * 2))
    assert (found.rows, found.sharpe) == (10, 0.0)
    assert (found.skew, found.kurtosis) == (pytest.approx(-1.5), pytest.approx(3.25))


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([4, 6, 8]), st.integers(2, 7))
def test_halves_by_sums_are_halves_one_after_the_other(seed: int, parts: int, trials: int) -> None:
    returns = noise(seed, parts * 9, trials)
    found = symmetry(returns, parts)
    assert (found.probability, found.loss) == pytest.approx(naive_symmetry(returns, parts))


def test_rows_too_many_for_equal_parts_are_the_oldest() -> None:
    returns = noise(1, 43)
    assert symmetry(returns, 4) == symmetry(returns[3:], 4)


def test_the_best_of_nothing_is_as_often_bad_as_good_and_the_best_of_skill_stays_the_best() -> None:
    of_nothing = float(np.mean([symmetry(noise(seed)).probability for seed in range(60)]))
    assert of_nothing == pytest.approx(0.5, abs=0.12)
    skilled = noise(5)
    skilled[:, 3] += 0.4
    assert symmetry(skilled).probability <= 0.01
    assert symmetry(np.repeat(noise(5, trials=1), 4, axis=1)).probability == 1.0


def test_of_best_trials_of_nothing_few_are_called_a_discovery() -> None:
    called = []
    for seed in range(400):
        returns = noise(seed, 250, 20)
        called.append(overfitting(returns, int(np.argmax(returns.mean(axis=0))), 20).deflated >= 0.95)
    assert np.mean(called) <= 0.05


@given(SEEDS, st.integers(2, 12), st.integers(0, 100))
@settings(max_examples=20)
def test_what_is_not_shown_counts_against_what_is(seed: int, shown: int, hidden: int) -> None:
    returns = noise(seed, 100, 12)
    returns[:, 0] += 0.2
    found = overfitting(returns[:, :shown], 0, shown + hidden)
    more = overfitting(returns[:, :shown], 0, shown + hidden + 1)
    assert (found.trials, found.shown) == (shown + hidden, shown)
    assert more.luck >= found.luck
    assert more.deflated <= found.deflated <= found.probabilistic


def test_twins_of_the_best_do_not_hide_the_trials_it_was_the_best_of() -> None:
    twins = np.repeat(noise(2, 100, 1), 2, axis=1)
    assert overfitting(twins, 0, 50).luck == pytest.approx(expected_maximum(50, 1.0 / sqrt(99)))


def test_of_one_trial_alone_nobody_knows_whether_choosing_is_worth_anything() -> None:
    found = overfitting(noise(3, 100, 1), 0, 1)
    assert np.isnan([found.probability, found.loss]).all()
    assert found.deflated == found.probabilistic


def test_returns_that_never_differ_prove_nothing() -> None:
    returns = noise(4, 100, 3)
    returns[:, 1] = 0.1
    found = overfitting(returns, 1, 3)
    assert np.isnan([found.record.sharpe, found.probabilistic, found.deflated]).all()


@pytest.mark.parametrize(
    ("chosen", "trials", "parts", "rule"),
    [
        (0, 9, 10, "at least those that are shown, 10, were 9"),
        (10, 10, 10, "one of 10 trials, was 10"),
        (-1, 10, 10, "one of 10 trials"),
        (0, 10, 7, "an even number"),
        (0, 10, 18, "an even number"),
        (0, 10**10, 10, "trials: 1 to"),
    ],
)
def test_a_number_that_cannot_be_true_is_refused(chosen: int, trials: int, parts: int, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        overfitting(noise(1), chosen, trials, parts)


@pytest.mark.parametrize("returns", [noise(1)[:, 0], noise(1)[:, :0], noise(1) * nan, noise(1) * inf])
def test_trials_of_which_not_all_is_known_are_refused(returns: Floats) -> None:
    with pytest.raises(Invalid, match="trials: known returns"):
        overfitting(returns, 0, 10)


def test_what_is_too_short_to_judge_is_refused() -> None:
    with pytest.raises(Invalid, match="20 rows at least, were 19"):
        overfitting(noise(1, 19), 0, 10)
    with pytest.raises(Invalid, match="two at least"):
        symmetry(noise(1, trials=1))
    for short in (np.ones(9), np.full(20, nan), np.ones((20, 2))):
        with pytest.raises(Invalid, match="record"):
            record_of(short)
    with pytest.raises(Invalid, match="10 rows"):
        Record(9, 0.1)
    with pytest.raises(Invalid, match="known spread"):
        expected_maximum(5, nan)
