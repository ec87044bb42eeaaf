"""State: all that one symbol remembers, as one fixed record.

The record is the snapshot: its bytes saved and restored continue to the same bit. Fresh state is all
zeros but for the held coarse columns, which are NaN until a coarse bar has closed.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.records import F64, I64
from qt_ray.market.features.wilder import WilderState

QUANTITIES = 12
CLOSES = 64

Floats = NDArray[np.float64]
Quantities = Annotated[Floats, ("<f8", (QUANTITIES,))]
Pair = Annotated[Floats, ("<f8", (2,))]


class FeatureState(WilderState):
    """One symbol; `seen` counts its usable bars and `missing` the others."""

    missing: I64
    last_volume: F64
    change: F64
    ema_10: F64
    ema_12: F64
    ema_20: F64
    ema_26: F64
    ema_50: F64
    signal: F64
    gain: F64
    loss: F64
    settled: I64
    settled_ts: I64
    funding_period: I64
    funding: F64
    funding_mean: F64
    marked: I64
    basis_mean: F64
    basis_variance: F64
    closes: Annotated[Floats, ("<f8", (CLOSES,))]
    value: Quantities
    at_10: I64
    front_10: Quantities
    total_10: Quantities
    ring_10: Annotated[Floats, ("<f8", (10, QUANTITIES))]
    at_20: I64
    front_20: Quantities
    total_20: Quantities
    ring_20: Annotated[Floats, ("<f8", (20, QUANTITIES))]
    at_60: I64
    front_60: Quantities
    total_60: Quantities
    ring_60: Annotated[Floats, ("<f8", (60, QUANTITIES))]
    peak: Pair
    peak_at_20: I64
    peak_front_20: Pair
    peak_20: Pair
    peak_ring_20: Annotated[Floats, ("<f8", (20, 2))]
    peak_at_60: I64
    peak_front_60: Pair
    peak_60: Pair
    peak_ring_60: Annotated[Floats, ("<f8", (60, 2))]
    band_at: I64
    band_anchor: F64
    band_front: Pair
    band_ring: Annotated[Floats, ("<f8", (20, 2))]


class CoarseState(WilderState):
    """One symbol on one coarse interval: `seen` bars closed, `filled` fine bars in the open one."""

    begun: I64
    filled: I64
    ends: I64
    high: F64
    low: F64
    close: F64
    volume: F64
    ema_10: F64
    ema_20: F64
    gain: F64
    loss: F64
    volume_mean: F64
    held: Annotated[Floats, ("<f8", (6,))]
