"""Drift of shape: how far the values of a column have moved from where they lay when a model learned from them.

A column is remembered as counts between fixed quantiles, and what is missing has a count of its own: one hole says
nothing, a growing share of holes does. Cells of one bar move together and so do neighbouring bars, so a distance counts
only where it is larger than so few independent bars would show by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from qt_ray.ai.members.member import Floats, Ints
from qt_ray.core.errors import Invalid

BINS: Final = 10
# Every edge may be doubled where a value is shared by more than a bin holds.
EDGES_MAX: Final = 2 * BINS
COLUMNS_MAX: Final = 1_024
BLOCKS: Final = 16
WINDOW_BARS_MAX: Final = 1_000_000
# A bin that was never filled counts as half a value, so that a distance is finite.
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a column lay: edges that ascend, how many values lay between them, and last how many were missing.

    `observations` is how many independent bars the counts are worth.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    observations: float

    def __post_init__(self) -> None:
        edges = np.array(self.edges)
        if not (len(edges) <= EDGES_MAX and np.isfinite(edges).all() and (np.diff(edges) > 0.0).all()):
            raise Invalid(f"edges: {EDGES_MAX} at most, finite and ascending, were {self.edges!s:.60}")
        if len(self.counts) != len(self.edges) + 2 or min(self.counts) < 0 or not sum(self.counts):
            raise Invalid(f"counts: one per bin and one for what is missing, not all zero, were {self.counts!s:.60}")
        if not 0.0 < self.observations <= sum(self.counts):
            raise Invalid(f"observations: above 0, at most {sum(self.counts)} values, was {self.observations}")


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a column has moved, beyond which distance that means something, and the share that is missing."""

    psi: float
    limit: float
    missing: float


def learned(values: Floats, persistence_bars: int = 1) -> Reference:
    """Return the reference of a column `[bar]` or `[bar, symbol]`; what is not finite is missing."""
    if persistence_bars < 1 or not values.size:
        raise Invalid(f"a reference: values, and bars of 1 or more, were {values.size} and {persistence_bars}")
    known = values[np.isfinite(values)]
    edges = _edges(known) if len(known) else np.empty(0)
    counts = np.bincount(_bins(values.reshape(-1, 1), edges[None])[:, 0], minlength=len(edges) + 2)
    return Reference(tuple(map(float, edges)), tuple(map(int, counts)), len(values) / persistence_bars)


class ShapeWatch:
    """The last `window_bars` bars of some columns, as counts beside those of their references."""

    def __init__(self, references: Mapping[str, Reference], window_bars: int, persistence_bars: int = 1) -> None:
        """Begin with an empty window."""
        if not 1 <= len(references) <= COLUMNS_MAX:
            raise Invalid(f"references: 1 to {COLUMNS_MAX} columns, were {len(references)}")
        if not BLOCKS <= window_bars <= WINDOW_BARS_MAX:
            raise Invalid(f"window_bars: from {BLOCKS} to {WINDOW_BARS_MAX}, was {window_bars}")
        if persistence_bars < 1:
            raise Invalid(f"persistence_bars: 1 or more, was {persistence_bars}")
        kept = list(references.values())
        width = max(len(one.edges) for one in kept)
        self.names = tuple(references)
        self._block_bars, self._persistence = window_bars // BLOCKS, persistence_bars
        self._edges = np.full((len(kept), width), np.inf)
        self._learned = np.zeros((len(kept), width + 2))
        for at, one in enumerate(kept):
            bins = len(one.edges)
            self._edges[at, :bins] = one.edges
            self._learned[at, : bins + 1], self._learned[at, -1] = one.counts[:-1], one.counts[-1]
        self._sizes = np.array([len(one.counts) for one in kept])
        self._observations = np.array([one.observations for one in kept])
        self._counts = np.zeros((BLOCKS, len(kept), width + 2), np.int64)
        self._bars = np.zeros(BLOCKS, np.int64)
        self._block = 0

    @property
    def bars(self) -> int:
        """Return how many bars the window holds."""
        return int(self._bars.sum())

    def see(self, values: Floats) -> None:
        """Take in a bar, `[symbol, column]`; the oldest bars are forgotten by blocks."""
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise Invalid(f"a bar has {len(self.names)} columns, was of shape {values.shape}")
        if not len(values):
            return
        if self._bars[self._block] >= self._block_bars:
            self._block = (self._block + 1) % BLOCKS
            self._counts[self._block], self._bars[self._block] = 0, 0
        columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
        np.add.at(self._counts[self._block], (columns, _bins(values, self._edges)), 1)
        self._bars[self._block] += 1

    def distances(self, sigmas: float, psi_max: float) -> dict[str, Distance]:
        """Return each column's distance; its limit is `psi_max`, or what chance may show where that is more."""
        counts = self._counts.sum(axis=0)
        rows = counts.sum(axis=1)
        shares = self._shares()
        seen = (counts + HALF * self._sizes[:, None] * shares) / (rows + HALF * self._sizes)[:, None]
        ratio = np.divide(seen, shares, out=np.ones_like(seen), where=shares > 0.0)
        psi = ((seen - shares) * np.log(ratio)).sum(axis=1)
        recent = max(self.bars / self._persistence, 1e-9)
        chance = [_chi_squared(int(size) - 1, sigmas) for size in self._sizes] * (1 / recent + 1 / self._observations)
        missing = counts[:, -1] / np.maximum(rows, 1)
        found = zip(self.names, psi, np.maximum(psi_max, chance), missing, strict=True)
        return {name: Distance(float(far), float(limit), float(holes)) for name, far, limit, holes in found}

    def _shares(self) -> Floats:
        """Return the share of every bin that a reference has; those beside it, which pad the table, have none."""
        width = self._learned.shape[1]
        is_real = np.arange(width) < (self._sizes - 1)[:, None]
        is_real[:, -1] = True
        counts = np.where(is_real, self._learned + HALF, 0.0)
        return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float64)


def _edges(known: Floats) -> Floats:
    """Return the inner quantiles; a value that fills a bin alone gets one from itself to the next number."""
    cuts, times = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="lower"), return_counts=True)
    shared = cuts[(times > 1) | (len(cuts) == 1)]
    return np.unique(np.concatenate([cuts, np.nextafter(shared, np.inf)]))


def _bins(values: Floats, edges: Floats) -> Ints:
    """Return the bin of each value `[symbol, column]`; the last one is for what is missing."""
    places = (values[:, :, None] >= edges[None]).sum(axis=2)
    return np.asarray(np.where(np.isfinite(values), places, edges.shape[1] + 1), np.int64)


def _chi_squared(freedom: int, sigmas: float) -> float:
    """Return the value that chi squared exceeds as seldom as a normal exceeds `sigmas` (Wilson and Hilferty)."""
    if freedom < 1:
        return 0.0
    width = 2.0 / (9.0 * freedom)
    return float(freedom * max(1.0 - width + sigmas * sqrt(width), 0.0) ** 3)
