from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.baselines import single, strength
from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.errors import Invariant
from qt_ray.core.records import dtype

pytestmark = pytest.mark.unit

NAN = float("nan")


def forecasts(score: float, confidence: float) -> Forecasts:
    return Forecasts(np.array([[score]]), np.array([[confidence]]), np.ones((1, 1), dtype=np.uint8), 1)


@pytest.mark.parametrize("score", [float("inf"), float("-inf")])
def test_a_score_is_finite_or_abstains(score: float) -> None:
    with pytest.raises(Invariant, match="a score is finite or NaN, was infinite"):
        forecasts(score, 0.5)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, NAN, float("inf")])
def test_a_confidence_lies_between_nothing_and_all(confidence: float) -> None:
    with pytest.raises(Invariant, match=r"a confidence lies in \[0, 1\], was "):
        forecasts(0.5, confidence)


def test_an_abstention_needs_no_confidence() -> None:
    assert np.isnan(forecasts(NAN, NAN).score).all()


@given(st.lists(st.one_of(st.just(NAN), st.floats(-1, 1)), min_size=1, max_size=20))
def test_a_member_that_abstains_has_neither_vote_nor_confidence(scores: list[float]) -> None:
    score = np.array([scores])
    made = single(score, np.full_like(score, 0.7))
    silent = np.isnan(score)
    assert (made.agreement == ~silent).all()
    assert (made.confidence == np.where(silent, 0.0, 0.7)).all()
    assert made.members == 1


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_strength_is_half_for_nothing_and_grows_with_the_distance(one: float, two: float) -> None:
    weak, strong = strength(np.array(sorted((abs(one), abs(two)))))
    assert 0.5 <= weak <= strong <= 1.0
    assert strength(np.array([0.0]))[0] == 0.5


def voted(bars: int = 6, symbols: int = 3, members: int = 2) -> Forecasts:
    """Return forecasts of which every cell is another, votes included."""
    shape = (bars, symbols)
    score = np.linspace(-1.0, 1.0, bars * symbols).reshape(shape)
    votes, outlook = np.zeros((*shape, members), dtype(VoteRow)), np.zeros(shape, dtype(OutlookRow))
    votes["raw"] = np.arange(votes.size).reshape(votes.shape)
    outlook["up"] = np.arange(outlook.size).reshape(shape)
    agreement = np.arange(score.size).reshape(shape).astype(np.uint8)
    return Forecasts(score, np.abs(score), agreement, members, Ballot(votes, outlook))


def bits(forecasts: Forecasts) -> list[bytes]:
    columns = [forecasts.score, forecasts.confidence, forecasts.agreement]
    columns += [forecasts.ballot.votes, forecasts.ballot.outlook] if forecasts.ballot else []
    return [column.tobytes() for column in columns]


@given(st.lists(st.integers(0, 6), max_size=4))
def test_a_ballot_goes_wherever_its_bars_go(cuts: list[int]) -> None:
    whole, edges = voted(), [0, *sorted(cuts), 6]
    parts = [whole.bars(slice(start, stop)) for start, stop in pairwise(edges)]
    assert bits(Forecasts.joined(parts)) == bits(whole)


@given(st.permutations(range(3)), st.integers(1, 2))
def test_a_ballot_goes_wherever_its_symbols_go(order: list[int], cut: int) -> None:
    whole, at = voted(), np.array(order)
    parts = [whole.symbols(at[:cut]), whole.symbols(at[cut:])]
    assert bits(Forecasts.joined(parts, axis=1).symbols(np.argsort(at))) == bits(whole)


def test_forecasts_without_members_to_be_named_have_no_ballot_however_they_are_cut() -> None:
    plain = replace(voted(), ballot=None)
    assert plain.bars(slice(2)).ballot is None
    assert plain.symbols(np.array([1])).ballot is None
    assert Forecasts.joined([plain, plain]).ballot is None


def test_a_ballot_has_a_vote_of_each_member_about_each_score() -> None:
    whole = voted()
    with pytest.raises(Invariant, match=r"a vote of each member about each score, was \(6, 3, 2\)"):
        replace(whole, members=3)
    with pytest.raises(Invariant, match="a vote of each member about each score"):
        Forecasts.joined([whole, replace(whole, ballot=None)])
