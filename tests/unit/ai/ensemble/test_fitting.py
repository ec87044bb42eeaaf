"""Fitting: what was planted is found, what is not there is not, and no number leaves its bounds."""

from math import log

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qt_ray.ai.ensemble.fitting import (
    COVERAGE,
    DAY_MS,
    DAYS_MIN,
    SLOPE_MAX,
    SLOPE_MIN,
    TRUST_MIN,
    bends,
    conformal,
    mirrored,
    move_ratio,
    panel,
    scale,
    to_horizon,
)
from qt_ray.ai.members.member import Floats
from qt_ray.core.errors import Invalid
from qt_ray.market.regime import Regime
from tests.unit.ai.ensemble.fakes import NAN

pytestmark = pytest.mark.unit

quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)


def odds(p: Floats) -> Floats:
    logits: Floats = np.log(p / (1.0 - p))
    return logits


def chances(logit: Floats) -> Floats:
    p: Floats = 1.0 / (1.0 + np.exp(-logit))
    return p


def drawn(seed: int, count: int = 4_000) -> tuple[Floats, Floats, np.random.Generator]:
    """Return true chances of ups, and ups drawn with them."""
    dice = np.random.default_rng(seed)
    p = chances(dice.normal(0.0, 0.8, count))
    return p, (dice.random(count) < p).astype(np.float64), dice


def days(count: int, a_day: int = 10) -> np.ndarray:
    return np.arange(count, dtype=np.int64) // a_day * DAY_MS


def nowhere(count: int) -> np.ndarray:
    return np.zeros(count, np.uint8)


@quick
@given(seeds, st.floats(0.3, 3.0), st.floats(-0.5, 0.5))
def test_a_planted_slope_and_shift_are_found(seed: int, slope: float, shift: float) -> None:
    p, up, _ = drawn(seed, 20_000)
    timid = chances((odds(p) - shift) / slope)
    found = scale(timid, up)
    assert found[0] == pytest.approx(slope, rel=0.15)
    assert found[1] == pytest.approx(shift, abs=0.1)


@quick
@given(seeds)
def test_a_pool_that_knows_nothing_says_how_often_ups_are(seed: int) -> None:
    dice = np.random.default_rng(seed)
    up = (dice.random(500) < 0.55).astype(np.float64)
    against = np.where(up > 0.5, 0.4, 0.6)
    assert scale(against, up) == (SLOPE_MIN, pytest.approx(log(up.mean() / (1.0 - up.mean()))))


@quick
@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=2, max_size=40))
def test_slope_and_shift_are_in_bounds_whatever_happened(rows: list[tuple[float, bool]]) -> None:
    pooled, up = np.array([p for p, _ in rows]), np.array([float(rose) for _, rose in rows])
    if up.min() == up.max():
        with pytest.raises(Invalid, match="votes of both outcomes"):
            scale(pooled, up)
        return
    slope, shift = scale(pooled, up)
    assert SLOPE_MIN <= slope <= SLOPE_MAX
    assert np.isfinite(shift)


@quick
@given(seeds, st.floats(0.2, 15.0))
def test_no_slope_or_shift_nearby_would_have_fitted_better(seed: int, slope: float) -> None:
    p, up, _ = drawn(seed, 500)
    x = odds(p) / slope
    found = scale(chances(x), up)
    assume(SLOPE_MIN < found[0] < SLOPE_MAX)

    def loss(a: float, b: float) -> float:
        return float((np.logaddexp(0.0, a * x + b) - up * (a * x + b)).sum())

    for a, b in ((0.02, 0.0), (-0.02, 0.0), (0.0, 0.02), (0.0, -0.02)):
        assert loss(*found) <= loss(found[0] * (1.0 + a), found[1] + b) + 1e-6


def test_a_pool_that_is_never_wrong_gets_a_slope_within_bounds() -> None:
    pooled = np.array([0.499, 0.501] * 200)
    slope, shift = scale(pooled, (pooled > 0.5).astype(np.float64))
    assert slope == SLOPE_MAX
    assert abs(shift) < 0.1


def test_rows_without_votes_or_outcome_are_left_out() -> None:
    p, up, _ = drawn(1)
    p[::7], up[::5] = NAN, NAN
    known = np.isfinite(p) & np.isfinite(up)
    assert scale(p, up) == scale(p[known], up[known])


@quick
@given(seeds, st.integers(0, 600), st.floats(0.0, 3.0))
def test_a_bend_takes_at_most_all_but_a_twentieth_and_adds_nothing(seed: int, count: int, noise: float) -> None:
    p, up, dice = drawn(seed, count)
    votes = chances(odds(p)[:, None] + dice.normal(0.0, noise, (count, 3)))
    regime = dice.integers(0, len(Regime), count).astype(np.uint8)
    bent = bends(votes, up, regime, days(count))
    assert bent.shape == (len(Regime), 3)
    assert ((bent >= TRUST_MIN) & (bent <= 1.0)).all()
    assert (bent.max(axis=1) == 1.0).all()


def test_members_that_are_as_good_keep_all_of_their_weight() -> None:
    p, up, _ = drawn(2)
    assert (bends(np.column_stack([p, p, p]), up, nowhere(len(p)), days(len(p))) == 1.0).all()


def test_a_member_that_is_surely_worse_loses_and_the_worst_loses_most() -> None:
    p, up, dice = drawn(3, 20_000)
    worse = chances(0.6 * odds(p))
    timid = chances(0.4 * odds(p))
    liar = 1.0 - p
    kept = bends(np.column_stack([p, worse, timid, liar]), up, nowhere(len(p)), days(len(p)))[0]
    assert kept[0] == 1.0
    assert kept[0] > kept[1] > kept[2] > TRUST_MIN
    assert kept[3] == TRUST_MIN
    shuffled = dice.permutation(4)
    again = bends(np.column_stack([p, worse, timid, liar])[:, shuffled], up, nowhere(len(p)), days(len(p)))[0]
    assert again == pytest.approx(kept[shuffled])


def test_when_none_saves_anything_none_is_bent() -> None:
    p, up, _ = drawn(4)
    assert (bends(np.column_stack([1.0 - p, 0.5 - 0.4 * (up - 0.5)]), up, nowhere(len(p)), days(len(p))) == 1.0).all()


def test_a_regime_is_judged_by_itself_once_it_has_enough_days() -> None:
    p, up, _ = drawn(5, 20 * DAYS_MIN)
    regime, ts = nowhere(len(p)), days(len(p))
    wild = np.arange(len(p)) % 20 < 10
    regime[wild] = Regime.HIGH
    votes = np.column_stack([p, np.where(wild, 0.5, p)])
    ts[wild] = days(int(wild.sum()))
    bent = bends(votes, up, regime, ts)
    assert bent[Regime.HIGH, 1] < bent[Regime.UNKNOWN, 1]
    # A regime that was never seen takes the bend of all rows.
    assert bent[Regime.EXTREME].tolist() == bend_of_all(votes, up, ts)
    short = len(np.unique(ts[wild])) - 1
    fewer = wild & (ts < ts[wild].min() + short * DAY_MS) | ~wild
    assert bends(votes[fewer], up[fewer], regime[fewer], ts[fewer])[Regime.HIGH].tolist() == bend_of_all(
        votes[fewer], up[fewer], ts[fewer]
    )


def bend_of_all(votes: Floats, up: Floats, ts: np.ndarray) -> list[float]:
    kept: list[float] = bends(votes, up, nowhere(len(up)), ts)[Regime.EXTREME].tolist()
    return kept


def test_rows_of_one_day_are_one_witness() -> None:
    p, up, _ = drawn(6, 400)
    votes = np.column_stack([p, chances(0.6 * odds(p))])
    one, other = (
        bends(np.repeat(votes, n, axis=0), np.repeat(up, n), nowhere(400 * n), days(400 * n, n)) for n in (1, 9)
    )
    assert one[0, 1] < 1.0
    assert one == pytest.approx(other)


def test_one_day_is_no_proof_however_many_rows_it_has() -> None:
    p, up, _ = drawn(7)
    votes = np.column_stack([p, chances(0.2 * odds(p))])
    assert (bends(votes, up, nowhere(len(p)), days(len(p), len(p))) == 1.0).all()
    assert bends(votes, up, nowhere(len(p)), days(len(p)))[0, 1] < 0.9


@quick
@given(seeds, st.integers(9, 60), st.floats(0.5, 0.85))
def test_the_margin_holds_its_share_of_any_exchangeable_rows(seed: int, count: int, coverage: float) -> None:
    """A new row is equally likely to be of any rank among the old ones, so the ranks say it without any luck."""
    missed = np.random.default_rng(seed).standard_cauchy(count + 1)
    held = [missed[at] <= conformal(np.delete(missed, at), coverage) for at in range(count + 1)]
    assert np.mean(held) >= coverage


@quick
@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=30))
def test_more_coverage_never_takes_less_margin(missed: list[float]) -> None:
    margins = [conformal(np.array(missed), coverage) for coverage in (0.1, 0.5, 0.8, 0.9, 0.999)]
    assert margins == sorted(margins)
    assert margins[-1] == max(missed)


def test_no_row_is_no_margin() -> None:
    with pytest.raises(Invalid, match="at least one row, had none"):
        conformal(np.empty(0), 0.8)


def moved(seed: int, count: int = 2_000) -> tuple[Floats, Floats, Floats, Floats]:
    """Return pooled votes, ups, returns and the volatility to the horizon."""
    p, up, dice = drawn(seed, count)
    size = np.exp(dice.normal(-4.0, 0.5, count))
    ret = size * np.where(up > 0.5, 1.0, -1.0) * np.abs(dice.standard_t(3, count))
    return p, up, ret, size


@quick
@given(seeds)
def test_a_panels_interval_held_what_it_promises_of_the_rows_it_was_fitted_to(seed: int) -> None:
    p, up, ret, size = moved(seed)
    without = panel(("xgboost",), p, up, ret, size, None)
    inside = (ret / size >= without.low) & (ret / size <= without.high)
    assert inside.mean() == pytest.approx(COVERAGE, abs=0.01)
    assert without.margin == 0.0
    outer = np.column_stack([-0.5 * size, 0.4 * size])
    outer[::9] = NAN
    fitted = panel(("xgboost", "nhits"), p, up, ret, size, outer)
    told = np.isfinite(outer[:, 0])
    held = (ret >= outer[:, 0] - fitted.margin * size) & (ret <= outer[:, 1] + fitted.margin * size)
    assert COVERAGE <= held[told].mean() <= COVERAGE + 0.01
    assert (fitted.kinds, fitted.coverage) == (("xgboost", "nhits"), COVERAGE)
    assert (fitted.slope, fitted.shift) == scale(p, up)


def test_quantiles_that_were_too_wide_are_drawn_in() -> None:
    p, up, ret, size = moved(3)
    wide = np.column_stack([-50.0 * size, 50.0 * size])
    assert panel(("nhits",), p, up, ret, size, wide).margin < 0.0


def test_a_move_is_measured_by_volatility_on_the_way_to_the_horizon() -> None:
    assert to_horizon(np.array([0.01]), 4) == pytest.approx([0.02])
    ret, size = np.array([0.03, -0.01, NAN, 0.5]), np.array([0.02, 0.02, 0.02, NAN])
    assert move_ratio(ret, size) == pytest.approx(1.0)


@quick
@given(seed=st.integers(0, 1_000), drift=st.floats(0.0, 0.2))
def test_where_outcomes_are_symmetric_no_drift_is_learned(seed: int, drift: float) -> None:
    dice = np.random.default_rng(seed)
    pooled = dice.uniform(0.3, 0.7, 600)
    up = (dice.uniform(size=600) < pooled + drift).astype(np.float64)
    ret, size = dice.normal(0, 0.01, 600), np.full(600, 0.01)
    fitted = panel(("xgboost",), pooled, up, ret, size, None, symmetric=True)
    assert fitted.shift == pytest.approx(0.0, abs=1e-9)


def test_a_reflection_is_the_market_upside_down() -> None:
    scores, up = mirrored(np.array([0.2, 0.9]), np.array([1.0, 0.0]))
    assert scores.tolist() == pytest.approx([0.2, 0.9, 0.8, 0.1])
    assert up.tolist() == [1.0, 0.0, 0.0, 1.0]
