"""An ensemble of real members, small and at random: nothing is in it but the arithmetic that serves the large one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from qt_ray.adapters.models.assembly import Network, network
from qt_ray.adapters.models.weights import pack
from qt_ray.ai.ensemble.ensemble import Conduct, Ensemble, Seat
from qt_ray.ai.ensemble.spec import EnsembleSpec
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.member import Member, Singles
from qt_ray.ai.members.nhits import NHITSShape
from qt_ray.ai.members.patchtst import PatchTSTShape
from qt_ray.ai.members.trees import TreeMember, complete
from tests.unit.ai.ensemble.fakes import KINDS, panel_of, seat, spec_of
from tests.unit.ai.members.groves import grove
from tests.unit.ai.members.nhits_paper import weights
from tests.unit.ai.members.patchtst_paper import drawn

FEATURES = ("volatility_60", "return_5", "ema_10_gap", "bb_position")
PATCHTST = PatchTSTShape(lookback=20, horizon=4, patch=8, stride=4, features=8, heads=2, layers=1, inner=8, hidden=8)
NHITS = NHITSShape(lookback=16, horizon=4, hidden=8, pool=(4, 1), behind=(4, 1), ahead=(2, 1))


def envelope(columns: int, limit: float = 1e3) -> Envelope:
    bound = np.full(columns, limit, np.float32)
    return Envelope(-bound, bound, 0)


def patchtst(bounds: Envelope | None = None) -> Network:
    return kept("patchtst", PATCHTST, drawn(PATCHTST, 4), bounds)


def nhits(bounds: Envelope | None = None) -> Network:
    return kept("nhits", NHITS, weights(NHITS, 2), bounds)


def kept(kind: str, shape: Any, tensors: Mapping[str, Singles], bounds: Envelope | None) -> Network:
    """Return a network as it is read from its file."""
    return network(kind, pack(kind, asdict(shape), tensors), bounds)


def trees(kind: str, seed: int) -> TreeMember:
    width = len(FEATURES)
    grown = complete(grove(seed, 12, 4, width), 0.0, width)
    return TreeMember(kind, grown, envelope(width), np.arange(width), width)


def living_spec() -> EnsembleSpec:
    """Return an ensemble whose costs now and then outweigh its edge."""
    seats = tuple(seat(kind, scores=(0.05, 0.5, 0.95), shares=(0.2, 0.5, 0.8)) for kind in KINDS)
    return spec_of(seats=seats, features=FEATURES, cost_bps=5.0, panels={"all": panel_of(slope=1.5, margin=0.1)})


def living(symbols: tuple[str, ...], conduct: Conduct | None = None) -> Ensemble:
    """Return four members who can be asked about bars of an hour."""
    members: list[Member] = [trees("xgboost", 3), trees("lightgbm", 7), patchtst(), nhits()]
    return Ensemble(living_spec(), [Seat(member) for member in members], symbols, conduct or Conduct())
