"""Dense: the arithmetic of networks, one row at a time and in one order, so a batch can never change a bit.

A matrix product of a library picks its order of additions by the size of the batch. Here every output is bias first and
then one input after the other; the compiler may spread outputs over vector lanes, which changes no sum.
"""

import numpy as np

from qt_ray.ai.members.member import Singles
from qt_ray.core.compiled import inlined

ZERO = np.float32(0.0)


@inlined
def accumulate(x: Singles, weight: Singles, out: Singles) -> None:
    """Add `x @ weight` to `out` for rows `x[row, input]`; `weight` is `[input, output]`.

    Four inputs are taken at once only to load and store less; their additions stay in order.
    """
    inputs, outputs = weight.shape
    for n in range(x.shape[0]):
        i = 0
        while i + 4 <= inputs:
            a, b, c, d = x[n, i], x[n, i + 1], x[n, i + 2], x[n, i + 3]
            for j in range(outputs):
                first = (out[n, j] + a * weight[i, j]) + b * weight[i + 1, j]
                out[n, j] = (first + c * weight[i + 2, j]) + d * weight[i + 3, j]
            i += 4
        while i < inputs:
            a = x[n, i]
            for j in range(outputs):
                out[n, j] += a * weight[i, j]
            i += 1


@inlined
def dense(x: Singles, weight: Singles, bias: Singles, out: Singles) -> None:
    """Write `bias + x @ weight` for rows `x[row, input]`; `weight` is `[input, output]`."""
    for n in range(x.shape[0]):
        for j in range(out.shape[1]):
            out[n, j] = bias[j]
    accumulate(x, weight, out)


@inlined
def rectify(x: Singles) -> None:
    """Make every negative entry of `x[row, column]` zero; NaN stays NaN."""
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[n, j] = x[n, j] if not x[n, j] < 0.0 else x[n, j] * 0.0
