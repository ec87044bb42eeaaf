import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.members.activations import exponential, gelu, logistic, softmax, softplus
from qt_ray.core.compiled import compiled

pytestmark = pytest.mark.unit

COLUMNS = 50


@compiled
def exponentials(x: np.ndarray, exponent: np.ndarray) -> None:
    exponential(x, exponent)


@compiled
def gelus(x: np.ndarray) -> None:
    gelu(x)


@compiled
def shares(x: np.ndarray, size: int, exponent: np.ndarray, out: np.ndarray) -> None:
    softmax(x, size, exponent, out)


def exp_of(values: np.ndarray) -> np.ndarray:
    x = np.asarray(values, np.float32).reshape(-1, COLUMNS).copy()
    exponentials(x, np.empty(COLUMNS, np.int32))
    return x.ravel()


def gelu_of(values: np.ndarray) -> np.ndarray:
    x = np.asarray(values, np.float32).reshape(-1, COLUMNS).copy()
    gelus(x)
    return x.ravel()


def test_exp_is_within_two_units_in_the_last_place_wherever_single_precision_reaches() -> None:
    x = np.linspace(-87.3, 88.72, 400_000).astype(np.float32)
    truth = np.exp(x.astype(np.float64))
    assert (np.abs(exp_of(x) / truth - 1.0)).max() < 2e-7


def test_exp_is_zero_below_and_infinite_above_what_single_precision_can_say() -> None:
    edges = np.zeros(COLUMNS, np.float32)
    edges[:8] = [-87.4, -1e30, -np.inf, 88.73, 1e30, np.inf, 0.0, np.nan]
    found = exp_of(edges)
    assert found[:7].tolist() == [0.0, 0.0, 0.0, np.inf, np.inf, np.inf, 1.0]
    assert np.isnan(found[7])


def test_gelu_is_its_definition() -> None:
    x = np.linspace(-12.0, 12.0, 100_000).astype(np.float32)
    truth = np.array([0.5 * a * math.erfc(-a / math.sqrt(2)) for a in x.tolist()])
    assert (np.abs(gelu_of(x) - truth) / np.maximum(1.0, np.abs(x))).max() < 3e-7


def test_gelu_forgets_what_is_far_below_and_keeps_what_is_far_above() -> None:
    edges = np.zeros(COLUMNS, np.float32)
    edges[:5] = [-1e30, -50.0, 1e30, np.inf, np.nan]
    found = gelu_of(edges)
    assert found[:4].tolist() == [0.0, 0.0, np.float32(1e30), np.inf]
    assert np.isnan(found[4])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 7), st.floats(0.0, 80.0))
def test_softmax_gives_every_group_shares_of_one(seed: int, groups: int, size: int, spread: float) -> None:
    x = (np.random.default_rng(seed).standard_normal((3, groups * size)) * spread).astype(np.float32)
    out = np.empty_like(x)
    shares(x, size, np.empty(groups * size, np.int32), out)
    grouped = x.astype(np.float64).reshape(3, groups, size)
    truth = np.exp(grouped - grouped.max(2, keepdims=True))
    truth /= truth.sum(2, keepdims=True)
    assert np.abs(out.reshape(truth.shape) - truth).max() < 5e-7


@given(st.floats(-30.0, 30.0))
def test_a_logit_is_a_probability_and_a_distance_is_not_negative(x: float) -> None:
    assert logistic(x) == pytest.approx(1.0 / (1.0 + math.exp(-x)), rel=1e-14)
    assert softplus(x) == pytest.approx(math.log1p(math.exp(x)), rel=1e-12)


@pytest.mark.parametrize(("x", "probability", "distance"), [(1e300, 1.0, 1e300), (-1e300, 0.0, 0.0)])
def test_nothing_overflows(x: float, probability: float, distance: float) -> None:
    assert (logistic(x), softplus(x)) == (probability, distance)
