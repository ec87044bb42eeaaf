"""A window as networks see it, one sum after the other; nothing of ours is in it."""

import math

import numpy as np

from qt_ray.ai.members.member import Floats, Singles


def seen(window: Singles) -> Floats:
    """Return `[channel, bar]`, oldest first: the sum since each bar in units of the root of its length.

    The fourth channel holds logarithms, and what they stand for is summed.
    """
    bars = window.astype(np.float64)
    bars[:, 3:] = np.exp(bars[:, 3:] - bars[:, 3:].mean(axis=0))
    lines = []
    for c in range(bars.shape[1]):
        centre, spread = (bars[:, c].mean() if c else 0.0), bars[:, c].std()
        parts = [(value - centre) / spread for value in bars[:, c]]
        lines.append([math.fsum(parts[at:]) / math.sqrt(len(parts) - at) for at in range(len(parts))])
    return np.array(lines)
