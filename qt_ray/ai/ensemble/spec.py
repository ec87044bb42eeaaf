"""Spec: an ensemble as plain values, complete without the models it names, so that it can be written down and hashed.

What is not learned from data is not in it: base weights are the house's, and whoever changes one changes the version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from types import MappingProxyType
from typing import Self

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.restore import restore
from qt_ray.market.regime import Regime

# The founding weights: trees a quarter each, the two networks share the other half.
BASE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"xgboost": 0.25, "lightgbm": 0.25, "patchtst": 0.20, "nhits": 0.30, "catboost": 0.25}
)
MEMBERS_MAX = 16
ALL = "all"
WEIGHT_MAX = 100.0
# Votes are kept in single precision, in which a share nearer to 0 or 1 could become certainty.
SHARE_MIN = 1e-6


@dataclass(frozen=True, slots=True)
class SeatSpec:
    """One member's place: which version sits there, how its score becomes a probability, how much it counts.

    `scores` and `shares` are the knots of its calibration; `regimes` multiplies its weight, one number per Regime.
    """

    kind: str
    version: str
    weight: float
    trained_to_ms: int
    scores: tuple[float, ...]
    shares: tuple[float, ...]
    regimes: tuple[float, ...] = (1.0,) * len(Regime)

    def __post_init__(self) -> None:
        if not 0.0 < self.weight <= WEIGHT_MAX:
            raise Invalid(f"{self.kind}: a weight is above 0, {WEIGHT_MAX} at most, was {self.weight}")
        if len(self.regimes) != len(Regime) or not all(0.0 <= one <= WEIGHT_MAX for one in self.regimes):
            raise Invalid(f"{self.kind}: a multiplier for each of {len(Regime)} regimes, were {self.regimes}")
        if len(self.scores) != len(self.shares) or not self.scores:
            raise Invalid(f"{self.kind}: a calibration has as many scores as shares, had {len(self.scores)}")
        if not all(map(isfinite, self.scores)):
            raise Invalid(f"{self.kind}: a score is finite, was among {self.scores!s:.60}")
        if list(self.scores) != sorted(set(self.scores)) or list(self.shares) != sorted(self.shares):
            raise Invalid(f"{self.kind}: a calibration ascends, did not")
        if not all(SHARE_MIN <= share <= 1.0 - SHARE_MIN for share in self.shares):
            raise Invalid(f"{self.kind}: a calibrated probability keeps {SHARE_MIN} off 0 and 1, was {self.shares}")


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """Some of the members, and how their pooled votes become a probability and an interval.

    The pooled log-odds times `slope` plus `shift` are the panel's. `margin` widens the members' outer quantiles, and
    `low` and `high` stand in where no member has any; all three in units of volatility to the horizon.
    """

    kinds: tuple[str, ...]
    slope: float
    shift: float
    coverage: float
    margin: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) != len(self.kinds):
            raise Invalid(f"panel: names a member once, and at least one, had {', '.join(self.kinds)}")
        if not 0.0 < self.slope <= WEIGHT_MAX:
            raise Invalid(f"panel: slope is above 0, {WEIGHT_MAX} at most, was {self.slope}")
        if not 0.0 < self.coverage < 1.0:
            raise Invalid(f"panel: coverage is inside 0 and 1, was {self.coverage}")
        if not all(map(isfinite, (self.shift, self.margin, self.low, self.high))) or self.low > self.high:
            numbers = f"{self.shift}, {self.margin}, {self.low}, {self.high}"
            raise Invalid(f"panel: shift, margin, low, high are finite, low at most high, were {numbers}")


@dataclass(frozen=True, slots=True)
class EnsembleSpec:
    """Who sits in the ensemble, which bars it is about, and how the calibrated votes become one.

    `move_ratio` is the mean size of a move over the volatility to the horizon; `cost_bps` is what a round trip costs,
    the least an edge is worth acting on. Panels are by name: `all`, and any part that may be asked alone.
    """

    seats: tuple[SeatSpec, ...]
    features: tuple[str, ...]
    schema: str
    interval_ms: int
    horizon_bars: int
    move_ratio: float
    cost_bps: float
    panels: Mapping[str, PanelSpec]

    def __post_init__(self) -> None:
        if not 1 <= len(self.seats) <= MEMBERS_MAX:
            raise Invalid(f"ensemble: 1 to {MEMBERS_MAX} members, were {len(self.seats)}")
        kinds = [seat.kind for seat in self.seats]
        if len(set(kinds)) != len(kinds):
            raise Invalid(f"ensemble: a kind sits once, were {', '.join(kinds)}")
        if not self.features or len(set(self.features)) != len(self.features):
            raise Invalid(f"ensemble: features are named once, and at least one, were {', '.join(self.features):.60}")
        if self.interval_ms <= 0 or self.horizon_bars <= 0:
            raise Invalid(f"ensemble: interval and horizon are positive, were {self.interval_ms}, {self.horizon_bars}")
        if not (0.0 < self.move_ratio < inf and 0.0 <= self.cost_bps < inf):
            raise Invalid(f"ensemble: move_ratio above 0, cost from 0, were {self.move_ratio}, {self.cost_bps}")
        if ALL not in self.panels:
            raise Invalid(f"ensemble: a panel {ALL}, had {', '.join(self.panels) or 'none'}")
        for name, panel in self.panels.items():
            if strange := set(panel.kinds) - set(kinds):
                raise Invalid(f"ensemble: panel {name} is of its members, had {', '.join(sorted(strange))}")

    def panel(self, name: str) -> PanelSpec:
        """Return the panel of that name."""
        if name not in self.panels:
            raise InvalidConfig(f"predictor.members: one of {', '.join(self.panels)}, was {name!r:.60}")
        return self.panels[name]

    def seats_of(self, name: str) -> tuple[SeatSpec, ...]:
        """Return the seats of a panel, in the ensemble's order."""
        return tuple(seat for seat in self.seats if seat.kind in self.panel(name).kinds)

    def data(self) -> bytes:
        """Return the only bytes this spec may be written as."""
        return canonical(self)

    @classmethod
    def parse(cls, data: bytes, where: str) -> Self:
        """Return the spec that `data` spells; `where` is named in a complaint."""
        return restore(cls, decode(data), where)
