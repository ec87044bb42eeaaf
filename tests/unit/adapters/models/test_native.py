import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.native import singles_at_most, singles_below

pytestmark = pytest.mark.unit

HUGE = np.finfo(np.float32).max


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_at_most_the_single_if_and_only_if_it_is_at_most_the_bound(bound: float, x: float) -> None:
    single = singles_at_most(np.array([bound]))
    assert single.dtype == np.float32
    assert (np.float32(x) <= single[0]) == (x <= bound)


@settings(max_examples=100, deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-2, 2))
def test_a_float_is_less_than_a_bound_if_and_only_if_it_is_at_most_the_one_below(bound: float, steps: int) -> None:
    x, single = np.float32(bound), singles_below(np.array([bound], np.float32))
    with np.errstate(over="ignore"):
        for _ in range(abs(steps)):
            x = np.nextafter(x, np.float32(np.copysign(np.inf, steps)))
    assert (x <= single[0]) == (x < np.float32(bound))


@pytest.mark.parametrize(
    ("bound", "single"),
    [(0.5, 0.5), (1e300, HUGE), (-1e300, -np.inf), (1e-300, 0.0), (-1e-300, -np.finfo(np.float32).smallest_subnormal)],
)
def test_bounds_at_the_ends_of_the_floats(bound: float, single: float) -> None:
    assert singles_at_most(np.array([bound]))[0] == np.float32(single)
