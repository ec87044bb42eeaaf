from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.spending import LOOKS_MAX, bounds, spent
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

alphas = st.floats(0.001, 0.2)
looks = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def fractions(steps: list[int]) -> tuple[float, ...]:
    """Return rising shares of the information that end with all of it."""
    return tuple(float(at) / sum(steps) for at in np.cumsum(steps))


@given(alphas, st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_the_whole_is_spent_at_the_end_and_never_less_than_before(alpha: float, one: float, other: float) -> None:
    assert spent(alpha, 1.0) == pytest.approx(alpha)
    assert spent(alpha, min(one, other)) <= spent(alpha, max(one, other)) <= alpha * (1 + 1e-9)


@settings(max_examples=15)
@given(alphas, looks)
def test_one_more_look_is_never_free(alpha: float, steps: list[int]) -> None:
    assert bounds(alpha, fractions(steps))[-1] >= bounds(alpha, (1.0,))[0] - 1e-6


@settings(max_examples=15)
@given(alphas, st.integers(2, 16))
def test_the_earlier_a_look_the_surer_it_must_be(alpha: float, count: int) -> None:
    asked = bounds(alpha, fractions([1] * count))
    assert list(asked) == sorted(asked, reverse=True)


@pytest.mark.parametrize(
    ("alpha", "count", "expected"),
    # Known from the tables of Lan and DeMets' bounds for looks at equal distances, one side.
    [
        (0.025, 1, [1.960]),
        (0.025, 2, [2.963, 1.969]),
        (0.025, 3, [3.710, 2.511, 1.993]),
        (0.025, 5, [4.877, 3.357, 2.680, 2.290, 2.031]),
    ],
)
def test_the_bounds_are_those_of_the_tables(alpha: float, count: int, expected: list[float]) -> None:
    assert bounds(alpha, fractions([1] * count)) == pytest.approx(expected, abs=2e-3)


def test_of_many_trials_of_nothing_only_the_permitted_share_ever_passes_a_bound() -> None:
    dice, count, steps = np.random.default_rng(11), 40_000, [1, 3, 2, 2, 4, 4]
    walk = np.cumsum(dice.standard_normal((count, len(steps))) * np.sqrt(steps), axis=1)
    scores = walk / np.sqrt(np.cumsum(steps))
    ever = (scores >= np.array(bounds(0.05, fractions(steps)))).any(axis=1).mean()
    assert ever == pytest.approx(0.05, abs=4 * sqrt(0.05 * 0.95 / count))


@pytest.mark.parametrize("alpha", [0.0, 0.5, -1.0, float("nan")])
def test_an_error_that_is_never_or_always_permitted_is_refused(alpha: float) -> None:
    with pytest.raises(Invalid, match="alpha"):
        bounds(alpha, (1.0,))


@pytest.mark.parametrize("shares", [(), (0.5,), (0.0, 1.0), (0.5, 0.5, 1.0), tuple(np.arange(1, LOOKS_MAX + 2) / 65.0)])
def test_looks_that_were_not_foreseen_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(Invalid, match="fractions"):
        bounds(0.05, shares)
