"""Blend: what one more voice, one less, and a surer one do to what is made of them all."""

from itertools import permutations
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qt_ray.ai.ensemble.blend import Counted, Terms, calibrated
from qt_ray.ai.ensemble.spec import EnsembleSpec
from qt_ray.ai.isotonic import Calibration
from qt_ray.ai.members.member import QUANTILES, Silence
from qt_ray.core.compiled import compiled
from qt_ray.market.regime import Regime
from tests.unit.ai.ensemble.fakes import KINDS, NAN, counted, counting, heard, panel_of, seat, spec_of

pytestmark = pytest.mark.unit

SINGLE = 1e-6  # votes are kept in single precision
FIELDS = ("up", "disagreement", "move", "low", "high")
quick = settings(max_examples=60, deadline=None)
spoken = st.floats(0.01, 0.99)
silent = st.just(NAN)
voices = st.lists(spoken | silent, min_size=4, max_size=4)
loud = voices.filter(lambda row: not np.isnan(row).all())


def made(said: list[float], terms: Terms | None = None, **facts: Any) -> Counted:
    return counted(terms or counting(spec_of()), heard(said, **facts))


def bits(result: Counted) -> list[bytes]:
    return [np.asarray(column).tobytes() for column in result]


def whole(low: float, high: float) -> list[float]:
    """Return a member's quantiles from its lowest to its highest."""
    return list(np.linspace(low, high, len(QUANTILES)))


@quick
@given(loud)
def test_what_is_made_of_votes_lies_between_them(said: list[float]) -> None:
    result = made(said)
    assert np.nanmin(said) - SINGLE <= result.outlook["up"][0] <= np.nanmax(said) + SINGLE


@quick
@given(loud, st.permutations(range(4)))
def test_who_sits_where_changes_nothing(said: list[float], order: list[int]) -> None:
    spec = spec_of()
    moved = spec_of(seats=tuple(spec.seats[at] for at in order))
    one, other = made(said), made([said[at] for at in order], counting(moved))
    for name in FIELDS:
        assert np.allclose(one.outlook[name], other.outlook[name], atol=1e-5, equal_nan=True)
    assert one.votes[0][order].tobytes() == other.votes[0].tobytes()


@pytest.mark.requirement("S5 Ensemble")
@quick
@given(loud)
def test_a_silent_member_is_as_if_it_were_not_there_and_still_counts_among_four(said: list[float]) -> None:
    there = [at for at in range(4) if not np.isnan(said[at])]
    fewer = made([said[at] for at in there], counting(spec_of([KINDS[at] for at in there])))
    result = made(said)
    assert result.score.tobytes() == fewer.score.tobytes()
    assert result.outlook.tobytes() == fewer.outlook.tobytes()
    assert result.agreement[0] == fewer.agreement[0]
    assert result.votes.shape == (1, 4)


@quick
@given(st.lists(voices, min_size=1, max_size=8))
def test_every_vote_is_a_probability_with_a_weight_or_a_silence_without_a_number(rows: list[list[float]]) -> None:
    votes = counted(counting(spec_of()), heard(rows)).votes
    quiet = votes["silence"] != Silence.SPOKE.value
    assert (quiet == np.isnan(rows)).all()
    assert np.isnan(votes["raw"][quiet]).all()
    assert np.isnan(votes["calibrated"][quiet]).all()
    assert (votes["weight"][quiet] == 0.0).all()
    assert (votes["weight"][~quiet] > 0.0).all()
    assert ((votes["calibrated"][~quiet] > 0.0) & (votes["calibrated"][~quiet] < 1.0)).all()


@quick
@given(voices)
def test_no_more_agree_than_speak_and_agreement_counts_those_on_the_side_of_the_score(said: list[float]) -> None:
    result = made(said)
    assert result.agreement[0] <= np.count_nonzero(~np.isnan(said))
    if not np.isnan(result.score[0]):
        side = np.sign(result.score[0])
        assert result.agreement[0] == np.count_nonzero(np.sign(result.votes["calibrated"][0] - 0.5) == side)


def test_no_side_is_no_wish_not_even_to_be_flat() -> None:
    result = made([0.5, 0.5, NAN, 0.5])
    assert np.isnan(result.score[0])
    assert (result.confidence[0], result.agreement[0]) == (0.0, 0)
    assert result.outlook["up"][0] == 0.5


def test_three_of_four_stays_three_of_four_when_the_fourth_is_missing() -> None:
    """SPEC 5: min consensus 3; a member that is missing is no vote for anybody."""
    assert made([0.7, 0.8, 0.6, NAN]).agreement[0] == 3
    assert made([0.7, 0.8, 0.6, 0.4]).agreement[0] == 3
    assert made([0.7, 0.8, NAN, NAN]).agreement[0] == 2


def test_where_nobody_speaks_there_is_no_score_no_outlook_and_no_agreement() -> None:
    result = made([NAN] * 4)
    assert np.isnan(result.score[0])
    assert (result.confidence[0], result.agreement[0]) == (0.0, 0)
    assert all(np.isnan(result.outlook[name][0]) for name in FIELDS)


def test_members_whose_weight_is_nothing_are_heard_and_do_not_count() -> None:
    weightless = (0.0,) * len(Regime)
    spec = spec_of(seats=(seat("xgboost", regimes=weightless), *(seat(kind) for kind in KINDS[1:])))
    result = made([0.9, 0.4, 0.4, 0.4], counting(spec))
    assert result.votes["calibrated"][0, 0] == np.float32(0.9)
    assert result.outlook["up"][0] == pytest.approx(0.4)
    assert result.agreement[0] == 3
    alone = made([0.9, NAN, NAN, NAN], counting(spec))
    assert np.isnan(alone.score[0])


@quick
@given(loud, st.lists(st.just(0.0) | st.floats(0.01, 5.0), min_size=4, max_size=4), st.floats(0.1, 10.0))
def test_only_the_ratio_of_weights_matters(said: list[float], trust: list[float], factor: float) -> None:
    one = made(said, counting(spec_of(), trust))
    other = made(said, counting(spec_of(), [factor * each for each in trust]))
    for name in FIELDS:
        assert np.allclose(one.outlook[name], other.outlook[name], atol=1e-5, equal_nan=True)


@quick
@given(loud, spoken)
def test_a_member_that_is_surer_of_ups_never_makes_them_less_likely(said: list[float], more: float) -> None:
    at = next(at for at in range(4) if not np.isnan(said[at]))
    higher = [*said[:at], max(said[at], more), *said[at + 1 :]]
    assert made(higher).outlook["up"][0] >= made(said).outlook["up"][0]


@quick
@given(loud)
def test_the_mirrored_votes_make_the_mirrored_outlook(said: list[float]) -> None:
    one, other = made(said), made([1.0 - each for each in said])
    assert other.outlook["up"][0] == pytest.approx(1.0 - one.outlook["up"][0], abs=1e-5)
    assert other.outlook["disagreement"][0] == pytest.approx(one.outlook["disagreement"][0], abs=1e-5)


@quick
@given(loud)
def test_confidence_is_the_share_on_the_side_of_the_score(said: list[float]) -> None:
    result = made(said)
    assume(not np.isnan(result.score[0]))
    assert result.confidence[0] == pytest.approx(0.5 + 0.5 * abs(result.score[0]))
    assert 0.5 <= result.confidence[0] < 1.0


def test_disagreement_is_nothing_among_equals_and_the_deviation_otherwise() -> None:
    assert made([0.6] * 4).outlook["disagreement"][0] == pytest.approx(0.0, abs=1e-6)
    assert made([0.2, 0.8, NAN, NAN]).outlook["disagreement"][0] == pytest.approx(0.3)
    middle = 0.25 * 0.5 + 0.25 * 0.5 + 0.2 * 0.5 + 0.3 * 0.9
    spread = sqrt(0.7 * (0.5 - middle) ** 2 + 0.3 * (0.9 - middle) ** 2)
    assert made([0.5, 0.5, 0.5, 0.9]).outlook["disagreement"][0] == pytest.approx(spread)


@quick
@given(loud, st.floats(0.05, 10.0), st.floats(-2.0, 2.0))
def test_slope_and_shift_are_of_the_log_odds(said: list[float], slope: float, shift: float) -> None:
    plain = float(made(said).outlook["up"][0])
    assume(0.0 < plain < 1.0)
    spec = spec_of(panels={"all": panel_of(slope=slope, shift=shift)})
    expected = 1.0 / (1.0 + exp(-(shift + slope * log(plain / (1.0 - plain)))))
    assert made(said, counting(spec)).outlook["up"][0] == pytest.approx(expected, abs=1e-5)


def gated(edge_min_bps: float) -> Counted:
    """Return a vote of .75 on a usual move of two percent: an edge of one percent."""
    return made([0.75] * 4, counting(spec_of(), edge_min_bps=edge_min_bps), volatility=0.01)


def test_an_edge_below_the_least_is_no_wish_and_keeps_its_outlook() -> None:
    above, below = gated(99.0), gated(101.0)
    assert (above.agreement[0], below.agreement[0]) == (4, 0)
    assert np.isnan(below.score[0])
    assert below.confidence[0] == 0.0
    assert below.outlook.tobytes() == above.outlook.tobytes()
    assert below.votes.tobytes() == above.votes.tobytes()


@quick
@given(loud, st.floats(0.0, 500.0), st.floats(0.0, 500.0))
def test_a_higher_bar_never_lets_more_through(said: list[float], one: float, other: float) -> None:
    low, high = (made(said, counting(spec_of(), edge_min_bps=edge)) for edge in sorted((one, other)))
    assert high.agreement[0] in (0, low.agreement[0])
    assert np.isnan(high.score[0]) or high.score[0] == low.score[0]


@pytest.mark.requirement("S5 Ensemble")
def test_a_regime_has_weights_of_its_own() -> None:
    multipliers = [1.0] * len(Regime)
    multipliers[Regime.HIGH] = 3.0
    spec = spec_of(seats=(seat("xgboost", regimes=tuple(multipliers)), *(seat(kind) for kind in KINDS[1:])))
    usual, high = (made([0.9, 0.5, 0.5, 0.5], counting(spec), regime=regime) for regime in (Regime.NORMAL, Regime.HIGH))
    assert usual.votes["weight"][0, 0] == pytest.approx(0.25)
    assert high.votes["weight"][0, 0] == pytest.approx(0.75)
    assert usual.outlook["up"][0] == pytest.approx(0.5 + 0.25 * 0.4)
    assert high.outlook["up"][0] == pytest.approx(0.5 + 0.75 / 1.5 * 0.4)


def test_what_the_supervisor_multiplies_is_the_weight() -> None:
    result = made([0.9, 0.5, 0.5, 0.5], counting(spec_of(), (2.0, 1.0, 0.0, 0.5)))
    assert result.votes["weight"][0].tolist() == pytest.approx([0.5, 0.25, 0.0, 0.15])
    assert result.outlook["up"][0] == pytest.approx(0.5 + 0.5 / 0.9 * 0.4)


@quick
@given(loud, st.lists(st.floats(0.0, 5.0), min_size=4, max_size=4))
def test_a_recorded_ballot_adds_up_to_its_outlook(said: list[float], trust: list[float]) -> None:
    """Who reads a ballot later can do the sum, whatever was multiplied into a weight."""
    result = made(said, counting(spec_of(), trust))
    spoke = result.votes[0][result.votes["weight"][0] > 0.0]
    if not len(spoke):
        assert np.isnan(result.outlook["up"][0])
        return
    weight, share = spoke["weight"].astype(float), spoke["calibrated"].astype(float)
    assert result.outlook["up"][0] == pytest.approx((weight * share).sum() / weight.sum(), abs=SINGLE)


knots = st.sets(st.floats(0.01, 0.99), min_size=1, max_size=6)


@compiled
def apply(terms: Terms, scores: Any, out: Any) -> None:
    """Calibrate scores as the first member's votes are."""
    for n in range(len(scores)):
        out[n] = calibrated(scores[n], terms.scores[0], terms.shares[0], terms.knots[0])


def shares_of(spec: EnsembleSpec, scores: list[float]) -> Any:
    out = np.empty(len(scores))
    apply(counting(spec), np.array(scores), out)
    return out


@quick
@given(knots.flatmap(lambda one: st.tuples(st.just(one), st.lists(spoken, min_size=len(one), max_size=len(one)))))
def test_a_vote_is_calibrated_by_straight_lines_between_knots(table: tuple[set[float], list[float]]) -> None:
    scores, shares = sorted(table[0]), sorted(table[1])
    asked = sorted([0.0, 0.5, 1.0, *scores, *np.linspace(0, 1, 50)])
    # The longer table beside it shows that each member has its own number of knots.
    seats = (
        seat("xgboost", scores=tuple(scores), shares=tuple(shares)),
        seat("nhits", scores=tuple(range(9)), shares=(0.5,) * 9),
    )
    found = shares_of(spec_of(("xgboost", "nhits"), seats=seats), asked)
    assert np.allclose(found, np.interp(asked, scores, shares), rtol=1e-12)
    assert (np.diff(found) >= 0.0).all()
    assert found.tobytes() == Calibration(np.array(scores), np.array(shares)).apply(np.array(asked)).tobytes()


@quick
@given(loud, st.floats(-1.0, 1.0), st.lists(st.floats(-0.1, 0.1), min_size=8, max_size=8))
def test_an_interval_has_a_low_end_and_a_high_end_whatever_the_margin(
    said: list[float], margin: float, ends: list[float]
) -> None:
    fans = np.array([[whole(*sorted(pair)) for pair in zip(ends[::2], ends[1::2], strict=True)]])
    spec = spec_of(panels={"all": panel_of(margin=margin)})
    outlook = made(said, counting(spec), quantiles=fans).outlook[0]
    assert outlook["low"] <= outlook["high"]


def test_the_interval_is_the_weighted_one_of_those_who_have_any_widened_by_the_margin() -> None:
    fans = np.full((1, 4, len(QUANTILES)), NAN)
    fans[0, 2], fans[0, 3] = whole(-0.01, 0.02), whole(-0.03, 0.04)
    terms = counting(spec_of(panels={"all": panel_of(margin=0.5)}))
    outlook = made([0.6] * 4, terms, quantiles=fans).outlook[0]
    assert outlook["low"] == pytest.approx(0.4 * -0.01 + 0.6 * -0.03 - 0.5 * 0.02)
    assert outlook["high"] == pytest.approx(0.4 * 0.02 + 0.6 * 0.04 + 0.5 * 0.02)
    quiet = made([0.6, 0.6, 0.6, NAN], terms, quantiles=fans).outlook[0]
    assert quiet["low"] == pytest.approx(-0.01 - 0.5 * 0.02)


def test_without_any_quantiles_the_interval_is_the_usual_one_in_units_of_volatility() -> None:
    terms = counting(spec_of(move_ratio=0.8, panels={"all": panel_of(low=-1.2, high=1.5)}))
    outlook = made([0.6] * 4, terms, volatility=0.01).outlook[0]
    assert outlook["low"] == pytest.approx(-0.024)
    assert outlook["high"] == pytest.approx(0.03)
    assert outlook["move"] == pytest.approx(0.016)


@quick
@given(st.lists(voices, min_size=2, max_size=9), st.data())
def test_a_row_has_the_same_bits_in_any_company(rows: list[list[float]], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    terms = counting(spec_of(), edge_min_bps=20.0)
    together = counted(terms, heard([rows[at] for at in order]))
    for place, at in enumerate(order):
        alone = counted(terms, heard(rows[at]))
        assert bits(alone) == [np.ascontiguousarray(column[place : place + 1]).tobytes() for column in together]


def test_any_order_of_four_voices_agrees_with_a_sum_done_by_hand() -> None:
    by_weight = dict(zip(KINDS, (0.25, 0.25, 0.20, 0.30), strict=True))
    told = dict(zip(KINDS, (0.55, 0.61, 0.48, 0.70), strict=True))
    by_hand = sum(by_weight[kind] * told[kind] for kind in KINDS)
    for kinds in permutations(KINDS):
        result = made([told[kind] for kind in kinds], counting(spec_of(kinds)))
        assert result.outlook["up"][0] == pytest.approx(by_hand, abs=SINGLE)
        assert result.score[0] == pytest.approx(2.0 * by_hand - 1.0, abs=SINGLE)
        assert result.agreement[0] == 3
