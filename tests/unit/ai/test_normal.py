from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.normal import above, as_normal, below, quantile
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

scores = st.floats(-8.0, 8.0)


@given(scores, scores)
def test_more_is_rarer_and_nothing_is_left_out(one: float, other: float) -> None:
    assert above(max(one, other)) <= above(min(one, other))
    assert above(one) + below(one) == pytest.approx(1.0, abs=1e-15)


@given(st.floats(1e-300, 0.999_999))
def test_a_quantile_has_its_chance_below_it_however_small(chance: float) -> None:
    assert below(quantile(chance)) == pytest.approx(chance, rel=1e-9)


@pytest.mark.parametrize(
    ("t", "freedom", "chance"),
    # From the tables of Student's distribution: what is exceeded once in so many times.
    [(1.812, 10, 0.05), (2.764, 10, 0.01), (4.144, 10, 0.001), (1.697, 30, 0.05), (3.385, 30, 0.001)],
)
def test_a_ratio_is_as_rare_in_the_normal_as_it_was_among_students(t: float, freedom: int, chance: float) -> None:
    assert as_normal(t, freedom) == pytest.approx(-quantile(chance), abs=5e-3)


@given(scores, st.integers(1, 500))
def test_few_witnesses_count_for_less_and_never_turn_an_answer(t: float, freedom: int) -> None:
    assert abs(as_normal(t, freedom)) <= abs(t)
    assert as_normal(-t, freedom) == -as_normal(t, freedom)
    assert as_normal(t, freedom) * t >= 0.0


@pytest.mark.parametrize("chance", [0.0, 1.0, -0.1, nan])
def test_what_is_no_chance_has_no_quantile(chance: float) -> None:
    with pytest.raises(Invalid, match="between 0 and 1"):
        quantile(chance)


@pytest.mark.parametrize(("t", "freedom"), [(nan, 5), (1.0, 0)])
def test_an_unknown_ratio_is_as_rare_as_nothing(t: float, freedom: int) -> None:
    with pytest.raises(Invalid, match="degree of freedom"):
        as_normal(t, freedom)
