"""Drift: which of a model's features, forecasts and results are no longer what it was trained on, how far, since when.

Each is held against its own limit and named alone, because each asks for something else: features that moved are the
market's or the feed's, forecasts that moved are the model's, losses that rose are the fund's. What is unknown raises no
alarm; that much of it is unknown does. A better result is no drift.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from qt_ray.ai.drift_shape import Distance, Reference, ShapeWatch
from qt_ray.ai.drift_stream import Adwin, Change, PageHinkley
from qt_ray.ai.members.member import Floats
from qt_ray.core.errors import Invalid

FORECAST: Final = "forecast"
LOSS: Final = "loss"


class Part(StrEnum):
    """What may drift."""

    FEATURES = "features"
    FORECASTS = "forecasts"
    PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True)
class DriftLimits:
    """From when on something drifts.

    `persistence_bars` is how long a bar goes on to be felt, at least the horizon of the forecasts: so many bars count
    as one observation. `doubt` is how often ADWIN may cut wrongly; `tolerance` and `threshold` are Page-Hinkley's.
    """

    psi_max: float = 0.25
    sigmas: float = 4.0
    window_bars: int = 2_000
    bars_min: int = 200
    persistence_bars: int = 1
    loss_max: float = 1.0
    doubt: float = 0.002
    tolerance: float = 0.25
    threshold: float = 20.0

    def __post_init__(self) -> None:
        if not (self.psi_max > 0.0 and self.sigmas > 0.0):
            raise Invalid(f"psi_max, sigmas: above 0, were {self.psi_max} and {self.sigmas}")
        if not 1 <= self.bars_min <= self.window_bars * 15 // 16:
            raise Invalid(f"bars_min: from 1 to 15 in 16 of {self.window_bars} bars, was {self.bars_min}")


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that drifts: for features and forecasts `amount` is PSI, for performance the rise of the mean loss."""

    part: Part
    name: str
    amount: float
    limit: float
    since_ms: int


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """All that drifts at a moment, worst first within each part; nothing, if nothing does."""

    at_ms: int
    drifts: tuple[Drift, ...] = ()

    @property
    def parts(self) -> frozenset[Part]:
        """Return which parts drift."""
        return frozenset(drift.part for drift in self.drifts)

    def of(self, part: Part) -> tuple[Drift, ...]:
        """Return what drifts of one part."""
        return tuple(drift for drift in self.drifts if drift.part is part)


class LossWatch:
    """Says since when losses are higher than they were; one that fell back to what it was is no drift any more."""

    def __init__(self, limits: DriftLimits) -> None:
        """Begin with no loss seen."""
        self.rise: Change | None = None
        self._adwin = Adwin(0.0, limits.loss_max, limits.doubt)
        self._hinkley = PageHinkley(limits.tolerance, limits.threshold)
        self._bars_max = limits.persistence_bars
        self._total, self._known, self._bars, self._since_ms = 0.0, 0, 0, 0

    def see(self, at_ms: int, losses: Floats) -> None:
        """Take in a bar's losses, one per symbol; the mean of what is known in some bars is one observation."""
        known = losses[np.isfinite(losses)]
        self._since_ms = self._since_ms if self._bars else at_ms
        self._total, self._known, self._bars = (
            self._total + float(known.sum()),
            self._known + len(known),
            self._bars + 1,
        )
        if self._bars >= self._bars_max:
            if self._known:
                self._observe(self._since_ms, self._total / self._known)
            self._total, self._known, self._bars = 0.0, 0, 0

    def _observe(self, at_ms: int, loss: float) -> None:
        slow, quick = self._adwin.see(at_ms, loss), self._hinkley.see(at_ms, loss)
        if slow is not None:
            self.rise = _worse(self.rise, slow) if slow.after > slow.before else None
        if quick is not None:
            self.rise = _worse(self.rise, quick)


class DriftWatch:
    """One model's watch, fed a bar at a time; a model that is replaced gets a new one."""

    def __init__(
        self, features: Mapping[str, Reference], forecast: Reference, limits: DriftLimits | None = None
    ) -> None:
        """Begin with nothing seen; the references are of the data the model was trained on."""
        self._limits = limits or DriftLimits()
        sizes = self._limits.window_bars, self._limits.persistence_bars
        self._features = ShapeWatch(features, *sizes)
        self._forecasts = ShapeWatch({FORECAST: forecast}, *sizes)
        self._losses = LossWatch(self._limits)
        self._since: dict[tuple[Part, str], int] = {}
        self._at_ms = -1

    def see(self, at_ms: int, features: Floats, forecasts: Floats, losses: Floats) -> DriftFinding:
        """Take in a bar: `features` `[symbol, feature]`, forecasts made and losses that became known `[symbol]`."""
        if at_ms <= self._at_ms:
            raise Invalid(f"a bar comes after the one before, at {self._at_ms}, was {at_ms}")
        self._at_ms = at_ms
        self._features.see(features)
        self._forecasts.see(forecasts[:, None])
        self._losses.see(at_ms, losses)
        shapes = (*self._moved(Part.FEATURES, self._features), *self._moved(Part.FORECASTS, self._forecasts))
        self._since = {(one.part, one.name): one.since_ms for one in shapes}
        return DriftFinding(at_ms, (*shapes, *self._risen()))

    def distances(self) -> dict[str, Distance]:
        """Return how far each feature and the forecast have moved, whether that is much or not."""
        asked = self._limits.sigmas, self._limits.psi_max
        return self._features.distances(*asked) | self._forecasts.distances(*asked)

    def _moved(self, part: Part, watch: ShapeWatch) -> list[Drift]:
        if watch.bars < self._limits.bars_min:
            return []
        found = watch.distances(self._limits.sigmas, self._limits.psi_max)
        moved = [
            Drift(part, name, far.psi, far.limit, self._since.get((part, name), self._at_ms))
            for name, far in found.items()
            if far.psi > far.limit
        ]
        return sorted(moved, key=lambda drift: (-drift.amount, drift.name))

    def _risen(self) -> list[Drift]:
        rise = self._losses.rise
        return [] if rise is None else [Drift(Part.PERFORMANCE, LOSS, rise.after - rise.before, 0.0, rise.since_ms)]


def _worse(known: Change | None, found: Change) -> Change:
    """Return a rise on top of one that is known already: it began with the first, from where that began."""
    return found if known is None else Change(known.since_ms, min(known.before, found.before), found.after)
