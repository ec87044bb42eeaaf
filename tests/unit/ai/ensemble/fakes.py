"""Ensembles for tests: members that say what they were told, and panels whose sums can be done by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qt_ray.ai.ensemble.blend import Counted, Heard, Terms, blend, terms
from qt_ray.ai.ensemble.ensemble import USUAL, VOLATILITY, Conduct, Ensemble, Seat
from qt_ray.ai.ensemble.spec import BASE_WEIGHTS, EnsembleSpec, PanelSpec, SeatSpec
from qt_ray.ai.forecast import Snapshot
from qt_ray.ai.members.member import QUANTILES, Evidence, Floats, Opinions, Silence
from qt_ray.ai.votes import OutlookRow, VoteRow
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import synthetic

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KINDS = ("xgboost", "lightgbm", "patchtst", "nhits")
NAMES = ("AAAUSDT", "BBBUSDT")
# A calibration that changes nothing between its ends.
PLAIN = (0.001, 0.999)
FEATURES = (VOLATILITY, "rsi_14")
NAN = float("nan")


@dataclass(frozen=True)
class Told:
    """A member that says the same about every row, unless it was told to be silent."""

    kind: str
    up: float
    silence: Silence = Silence.SPOKE
    lookback: int = 0
    quantiles: tuple[float, ...] | None = None

    def opine(self, evidence: Evidence) -> Opinions:
        """Return what was told, NaN where it is silence."""
        count = len(evidence)
        quiet = self.silence is not Silence.SPOKE
        fan = None if self.quantiles is None else np.full((count, len(QUANTILES)), NAN if quiet else self.quantiles)
        return Opinions(np.full(count, NAN if quiet else self.up), np.full(count, self.silence, np.uint8), fan)


@dataclass(frozen=True)
class Watching:
    """A member that agrees with another and keeps what it was shown."""

    member: Told
    shown: list[Evidence] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Return the other's kind."""
        return self.member.kind

    @property
    def lookback(self) -> int:
        """Return the other's lookback."""
        return self.member.lookback

    def opine(self, evidence: Evidence) -> Opinions:
        """Return the other's opinions."""
        self.shown.append(evidence)
        return self.member.opine(evidence)


def seat(kind: str, **changes: Any) -> SeatSpec:
    made = SeatSpec(kind, f"{kind:-<64}", BASE_WEIGHTS[kind], 0, scores=PLAIN, shares=PLAIN)
    return replace(made, **changes)


def panel_of(kinds: Sequence[str] = KINDS, **changes: Any) -> PanelSpec:
    made = PanelSpec(tuple(kinds), slope=1.0, shift=0.0, coverage=0.8, margin=0.0, low=-1.0, high=1.0)
    return replace(made, **changes)


def spec_of(kinds: Sequence[str] = KINDS, **changes: Any) -> EnsembleSpec:
    """Return an ensemble that costs nothing, whose moves are as large as volatility, four bars ahead."""
    made = EnsembleSpec(
        seats=tuple(seat(kind) for kind in kinds),
        features=FEATURES,
        schema="f" * 64,
        interval_ms=HOUR_MS,
        horizon_bars=4,
        move_ratio=1.0,
        cost_bps=0.0,
        panels={"all": panel_of(kinds)},
    )
    return replace(made, **changes)


def counting(spec: EnsembleSpec, supervised: Sequence[float] | None = None, edge_min_bps: float = 0.0) -> Terms:
    trust = np.ones(len(spec.seats)) if supervised is None else np.array(supervised)
    return terms(spec, "all", trust, edge_min_bps)


def heard(up: Any, volatility: float = 0.01, regime: int = 0, quantiles: Floats | None = None) -> Heard:
    """Return what `up[row, member]` says; NaN is a member that is missing."""
    said = np.atleast_2d(np.array(up, np.float64))
    silence = np.where(np.isnan(said), Silence.MISSING.value, Silence.SPOKE.value).astype(np.uint8)
    fan = np.full((*said.shape, len(QUANTILES)), NAN) if quantiles is None else quantiles
    return Heard(said, silence, fan, np.full(len(said), volatility), np.full(len(said), regime, np.uint8))


def counted(terms: Terms, said: Heard) -> Counted:
    rows, members = said.up.shape
    votes = empty(VoteRow, rows * members).reshape(rows, members)
    # Filled with what no result may be, so that a place left out is seen.
    room = Counted(votes, empty(OutlookRow, rows), np.full(rows, 7.0), np.full(rows, 7.0), np.full(rows, 7, np.uint8))
    blend(terms, said, room)
    return room


def ensemble_of(members: Sequence[Any], spec: EnsembleSpec | None = None, conduct: Conduct = USUAL) -> Ensemble:
    """Return an ensemble in which members, or reasons why there is none, sit in the order given."""
    seats = [Seat(None, one) if isinstance(one, Silence) else Seat(one) for one in members]
    return Ensemble(spec or spec_of(), seats, NAMES, conduct)


def snapshot(count: int = 40, volatility: float = 0.01) -> Snapshot:
    """Return a small market of which every bar is as volatile as the last."""
    bars: Bars = synthetic(NAMES, HOUR_MS, 3).bars(count)
    features = np.full((count, len(NAMES), len(FEATURES)), volatility)
    return Snapshot(bars, features)
