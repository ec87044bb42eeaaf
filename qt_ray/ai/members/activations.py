"""Activations: exponentials that vector units can compute, of known error and the same bits wherever they stand.

The library's `exp` and `erf` are called one number at a time, and a vector library would pick its algorithm by the
machine. Here both are polynomials in single precision: within 3e-7 of the truth, and tested against it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.dense import ZERO
from qt_ray.ai.members.member import Singles
from qt_ray.core.compiled import inlined

Int32s = NDArray[np.int32]

HALF, ONE = np.float32(0.5), np.float32(1.0)

# Outside of these exp is 0 or infinite in single precision, and an exponent of a float cannot say more.
EXP_MIN, EXP_MAX = np.float32(-88.0), np.float32(89.0)
EXPONENT_BIAS, MANTISSA_BITS = np.float32(127.0), 23
LOG2_E = np.float32(1.4426950408889634)
# ln 2 in two parts; a whole number of the first is exact.
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
# Least largest relative error of a polynomial for exp on [0, ln 2]: 2e-9 before rounding.
E0, E1, E2, E3 = np.float32(1.0), np.float32(0.9999997), np.float32(0.5000069), np.float32(0.16660431)
E4, E5, E6 = np.float32(0.04192967), np.float32(0.007774678), np.float32(0.0019568251)

# Least largest error of z P(z²) / Q(z²) for erf on [0, 3.92], where single precision rounds erf to 1: 2e-8.
ERF_MAX = np.float32(3.92)
SQRT_HALF = np.float32(0.7071067811865476)
P0, P1, P2 = np.float32(1.128379), np.float32(0.19275664), np.float32(0.05305931)
P3, P4, P5 = np.float32(0.003867948), np.float32(0.00028746054), np.float32(2.0346642e-06)
Q1, Q2, Q3 = np.float32(0.5041578), np.float32(0.11508138), np.float32(0.015171557)
Q4, Q5 = np.float32(0.0011880029), np.float32(3.8068905e-05)


@inlined
def exponential(x: Singles, exponent: Int32s) -> None:
    """Make every entry of `x[row, column]` its exponential; what single precision cannot tell from zero is zero.

    `exponent` has a place for every column. The power of two is written as the bits of a float and read as one.
    """
    power = exponent.view(np.float32)
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            a = x[n, j]
            a = EXP_MIN if a < EXP_MIN else a
            a = EXP_MAX if a > EXP_MAX else a
            biased = a * LOG2_E + EXPONENT_BIAS
            # A NaN has no whole part; here it gets one, and stays NaN in the polynomial.
            whole = np.int32(biased if biased > ZERO else ZERO)
            exponent[j] = whole << MANTISSA_BITS
            octaves = np.float32(whole) - EXPONENT_BIAS
            r = (a - octaves * LN2_HIGH) - octaves * LN2_LOW
            x[n, j] = E0 + r * (E1 + r * (E2 + r * (E3 + r * (E4 + r * (E5 + r * E6)))))
        for j in range(x.shape[1]):
            x[n, j] *= power[j]


@inlined
def gelu(x: Singles) -> None:
    """Make every entry `a` of `x[row, column]` a times the normal probability below it; NaN stays NaN."""
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            a = x[n, j]
            z = a * SQRT_HALF
            z = -ERF_MAX if z < -ERF_MAX else z
            z = ERF_MAX if z > ERF_MAX else z
            t = z * z
            above = P0 + t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))))
            below = ONE + t * (Q1 + t * (Q2 + t * (Q3 + t * (Q4 + t * Q5))))
            x[n, j] = a * (HALF + HALF * (z * above / below))


@inlined
def softmax(x: Singles, size: int, exponent: Int32s, out: Singles) -> None:
    """Write weights for every `size` columns of `x[row, column]` that add up to one."""
    rows, columns = x.shape
    for n in range(rows):
        for first in range(0, columns, size):
            peak = x[n, first]
            for j in range(first + 1, first + size):
                peak = x[n, j] if x[n, j] > peak else peak
            for j in range(first, first + size):
                out[n, j] = x[n, j] - peak
    exponential(out, exponent)
    for n in range(rows):
        for first in range(0, columns, size):
            total = ZERO
            for j in range(first, first + size):
                total += out[n, j]
            share = ONE / total
            for j in range(first, first + size):
                out[n, j] *= share


@inlined
def softplus(x: float) -> float:
    """Return log(1 + exp(x)), without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@inlined
def logistic(x: float) -> float:
    """Return the probability that a logit stands for, without overflow."""
    small = math.exp(-abs(x))
    return 1.0 / (1.0 + small) if x >= 0.0 else small / (1.0 + small)
