"""Fit: from trained models to an ensemble, by rows that came after everything the models have seen.

Every number here is made by the kernels that will serve it, so what was calibrated is what will be asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from qt_ray.adapters.models.assembly import TREES, member, network
from qt_ray.adapters.models.learner import Learned
from qt_ray.ai.ensemble.ensemble import USUAL, VOLATILITY, Conduct, Ensemble, Seat
from qt_ray.ai.ensemble.fitting import bends, mirrored, move_ratio, panel, to_horizon
from qt_ray.ai.ensemble.spec import BASE_WEIGHTS, EnsembleSpec, PanelSpec, SeatSpec
from qt_ray.ai.isotonic import Calibration
from qt_ray.ai.isotonic import fit as isotonic
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.member import Evidence, Floats, Ints, Member, Opinions, Singles
from qt_ray.ai.sample import Sample
from qt_ray.ai.splits import Parts
from qt_ray.core.errors import Invalid
from qt_ray.jobs.training.plan import TrainingPlan

# Rows from which the bounds of a network's windows are read; more would not move them.
SIGHT_ROWS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """An ensemble that is complete but for its members' versions, and the members themselves."""

    spec: EnsembleSpec
    members: Mapping[str, Member]
    envelopes: Mapping[str, Envelope]

    def ensemble(self, symbols: tuple[str, ...], conduct: Conduct = USUAL) -> Ensemble:
        """Return the ensemble, ready to be asked."""
        seats = [Seat(self.members[seat.kind]) for seat in self.spec.seats_of(conduct.panel)]
        return Ensemble(self.spec, seats, symbols, conduct)


def fit(plan: TrainingPlan, sample: Sample, parts: Parts, learned: Mapping[str, Learned]) -> Fitted:
    """Return the ensemble of `learned`; until they are registered, the digests of models stand for versions."""
    held = sample.take(parts.calibrate)
    envelopes = {kind: _envelope(plan, kind, one, sample, parts) for kind, one in learned.items()}
    members = {kind: member(kind, one.artefact, envelopes[kind], plan.features) for kind, one in learned.items()}
    said = {kind: one.opine(held.evidence) for kind, one in members.items()}
    up = held.up.astype(np.float64)
    curves = {kind: _curve(kind, one.up, up, plan.label.symmetric) for kind, one in said.items()}
    votes = np.stack([curves[kind].apply(said[kind].up) for kind in members], axis=1)
    bent = bends(votes, up, held.regime, held.ts)
    trained_to = int(held.until.max())
    seats = tuple(
        SeatSpec(
            kind=kind,
            version=sha256(learned[kind].artefact).hexdigest(),
            weight=BASE_WEIGHTS[kind],
            trained_to_ms=trained_to,
            scores=tuple(map(float, curves[kind].x)),
            shares=tuple(map(float, curves[kind].y)),
            regimes=tuple(map(float, bent[:, at])),
        )
        for at, kind in enumerate(members)
    )
    size = sizes(plan, held)
    teaching = sample.take(parts.train)
    spec = EnsembleSpec(
        seats=seats,
        features=plan.features,
        schema=plan.schema,
        interval_ms=plan.interval_ms,
        horizon_bars=plan.label.horizon_bars,
        move_ratio=move_ratio(teaching.ret, sizes(plan, teaching)),
        cost_bps=plan.label.cost_bps,
        panels={
            name: _panel(plan, kinds, seats, votes, said, held, size)
            for name, kinds in panels_of(tuple(members)).items()
        },
    )
    return Fitted(spec, members, envelopes)


def panels_of(kinds: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return who is in which panel."""
    trees = tuple(kind for kind in kinds if kind in TREES)
    return {"all": kinds, "trees": trees} if trees and trees != kinds else {"all": kinds}


def sizes(plan: TrainingPlan, sample: Sample) -> Floats:
    """Return the volatility to the horizon of every row."""
    column = sample.evidence.features[:, plan.features.index(VOLATILITY)]
    return to_horizon(column.astype(np.float64), plan.label.horizon_bars)


def _curve(kind: str, raw: Floats, up: Floats, symmetric: bool) -> Calibration:
    """Return how a member's scores become probabilities; one that says the same of every row has none."""
    spoke = raw[np.isfinite(raw)]
    if len(spoke) and spoke.min() == spoke.max():  # a reflection would make two of it
        raise Invalid(f"{kind}: calibration: scores differ, all were {spoke[0]:g}")
    try:
        return isotonic(*(mirrored(raw, up) if symmetric else (raw, up)))
    except Invalid as error:
        raise Invalid(f"{kind}: {error}") from error


def _panel(
    plan: TrainingPlan,
    kinds: tuple[str, ...],
    seats: tuple[SeatSpec, ...],
    votes: Floats,
    said: Mapping[str, Opinions],
    held: Sample,
    size: Floats,
) -> PanelSpec:
    at = [number for number, seat in enumerate(seats) if seat.kind in kinds]
    weights = np.array([np.array(seats[number].regimes) * seats[number].weight for number in at])[:, held.regime].T
    pooled = pool(votes[:, at], weights)
    outer = [(weights[:, i], one) for i, kind in enumerate(kinds) if (one := said[kind].quantiles) is not None]
    ends = None
    if outer:
        ends = np.stack(
            [pool(np.stack([q[:, edge] for _, q in outer], 1), np.stack([w for w, _ in outer], 1)) for edge in (0, -1)],
            axis=1,
        )
    return panel(kinds, pooled, held.up.astype(np.float64), held.ret, size, ends, plan.label.symmetric)


def pool(votes: Floats, weights: Floats) -> Floats:
    """Return the weighted mean of the votes that were given, NaN where none was."""
    spoke = np.isfinite(votes)
    total = (weights * spoke).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(spoke, votes, 0.0).__mul__(weights).sum(axis=1) / total
    return mean


def _envelope(plan: TrainingPlan, kind: str, learned: Learned, sample: Sample, parts: Parts) -> Envelope:
    """Return the bounds of what a member looks at: its features, or the statistics of its windows."""
    train, held = (_sight(plan, kind, learned, sample, rows) for rows in (parts.train, parts.calibrate))
    return Envelope.learn(train, held)


def _sight(plan: TrainingPlan, kind: str, learned: Learned, sample: Sample, rows: Ints) -> Singles:
    if kind in TREES:
        return sample.take(rows).evidence.features
    few = rows[:: max(len(rows) // SIGHT_ROWS, 1)]
    evidence: Evidence = sample.take(few).evidence
    return network(kind, learned.artefact).raw(evidence)[1]
