"""View: a window as networks see it, where the number at a bar says what has come together since that bar.

A sum of noise grows with the root of its length, so each sum is divided by that root: near and far bars speak equally
loud, and a drift is one number to a network instead of a sum that it must learn from noise. Returns keep their mean,
for it is the drift; of the other channels only what departs from the window's mean is summed. Volumes are summed
themselves and not their logarithms, which would hide that one bar can trade as much as ten.
"""

import math

from qt_ray.ai.members.member import Floats, Singles
from qt_ray.core.compiled import inlined

# A channel that moves less does not move; it is far below any tick in units of a log return.
SIGMA_MIN = 1e-8
# The channel that holds a logarithm.
LOGARITHM = 3


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
def plain(tape: Singles, at: int, channel: int, moments: Floats) -> float:
    """Return a number of the tape as it is summed: a logarithm becomes its amount in units of the usual one."""
    x = float(tape[at, channel])
    return math.exp(x - moments[0, channel]) if channel == LOGARITHM else x


@inlined
def settle(tape: Singles, end: int, bars: int, channel: int, moments: Floats) -> tuple[float, float]:
    """Return what a channel departs from, and by how much it usually does."""
    if channel != LOGARITHM:
        return (moments[0, channel] if channel > 0 else 0.0), max(moments[1, channel], SIGMA_MIN)
    centre = 0.0
    for age in range(bars):
        centre += plain(tape, end - age, channel, moments)
    centre /= bars
    variance = 0.0
    for age in range(bars):
        variance += (plain(tape, end - age, channel, moments) - centre) ** 2
    return centre, max(math.sqrt(variance / bars), SIGMA_MIN)


@inlined
def view(tape: Singles, end: int, moments: Floats, series: Singles) -> None:
    """Write what the window that ends with `end` looks like as `series[channel, bar]`, the newest bar first."""
    channels, bars = series.shape
    for c in range(channels):
        centre, spread = settle(tape, end, bars, c, moments)
        total = 0.0
        for age in range(bars):
            total += (plain(tape, end - age, c, moments) - centre) / spread
            series[c, age] = total / math.sqrt(age + 1.0)


@inlined
def unit(moments: Floats, root: float) -> float:
    """Return the return that a quantile of one stands for; `root` is the square root of the horizon."""
    return float(max(moments[1, 0], SIGMA_MIN)) * root
