import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.baselines import single, strength
from qt_ray.ai.forecast import Forecasts
from qt_ray.core.errors import Invariant

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
