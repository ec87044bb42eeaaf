"""View: a window as networks see it, where the number at a bar says what has come together since that bar.

A sum of noise grows with the root of its length, so each sum is divided by that root: near and far bars speak equally
loud, and a drift is one number to a network instead of a sum that it must learn from noise. Returns keep their mean,
for it is the drift; of the other channels only what departs from the window's mean is summed.
"""

import math

from qt_ray.ai.members.member import Floats, Singles
from qt_ray.core.compiled import inlined

# A channel that moves less does not move; it is far below any tick in units of a log return.
SIGMA_MIN = 1e-8


@inlined
def measure(tape: Singles, end: int, bars: int, moments: Floats) -> bool:
    """Write mean and standard deviation of every channel over the `bars` up to `end`; return whether all is finite."""
    for c in range(tape.shape[1]):
        mean = 0.0
        for age in range(bars):
            mean += float(tape[end - age, c])
        mean /= bars
        if not math.isfinite(mean):
            return False
        variance = 0.0
        for age in range(bars):
            variance += (float(tape[end - age, c]) - mean) ** 2
        moments[0, c], moments[1, c] = mean, math.sqrt(variance / bars)
    return True


@inlined
def view(tape: Singles, end: int, moments: Floats, series: Singles) -> None:
    """Write what the window that ends with `end` looks like as `series[channel, bar]`, the newest bar first."""
    for c in range(series.shape[0]):
        centre = moments[0, c] if c > 0 else 0.0
        spread = max(moments[1, c], SIGMA_MIN)
        total = 0.0
        for age in range(series.shape[1]):
            total += (float(tape[end - age, c]) - centre) / spread
            series[c, age] = total / math.sqrt(age + 1.0)


@inlined
def unit(moments: Floats, root: float) -> float:
    """Return the return that a quantile of one stands for; `root` is the square root of the horizon."""
    return float(max(moments[1, 0], SIGMA_MIN)) * root
