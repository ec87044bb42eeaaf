"""Assembly: from versions in a registry to members in their seats. Nothing takes a seat that was not checked.

A run that must be reproduced is refused whole when one member is; a fund that must go on may leave that seat empty, and
then the seat says why it is silent.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from qt_ray.adapters.models import catboost_trees, lightgbm_trees, xgboost_trees
from qt_ray.adapters.models.registry import Registry
from qt_ray.adapters.models.weights import unpack
from qt_ray.ai.ensemble.ensemble import Conduct, Ensemble, Seat
from qt_ray.ai.ensemble.spec import EnsembleSpec, SeatSpec
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.member import Member, Silence
from qt_ray.ai.members.nhits import NHITSArrays, NHITSMember, NHITSShape
from qt_ray.ai.members.patchtst import PatchTSTMember, PatchTSTShape, folded
from qt_ray.ai.members.trees import TreeArrays, TreeMember
from qt_ray.core.codec import decode
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.features.schema import FeatureSchema

Names = tuple[str, ...]
Network = NHITSMember | PatchTSTMember

# How far P(up) as it is served may be from what the library says.
PARITY_MAX = 1e-5
SPEC_FILE = "ensemble.json"
ENVELOPE_FILE = "envelope.json"
MODEL_FILES: Mapping[str, str] = MappingProxyType(
    {
        "xgboost": "model.json",
        "lightgbm": "model.txt",
        "patchtst": "weights.safetensors",
        "nhits": "weights.safetensors",
        "catboost": "model.json",
    }
)
TREES: Mapping[str, Callable[[bytes, Names], TreeArrays]] = MappingProxyType(
    {"xgboost": xgboost_trees.read, "lightgbm": lightgbm_trees.read, "catboost": catboost_trees.read}
)


class AnotherSchema(Invalid):
    """A model reads the features of the program it is served by, this one reads others."""


def assemble(
    root: Path,
    symbols: tuple[str, ...],
    interval_ms: int,
    version: str,
    members: str = "all",
    age_max_days: int | None = None,
    edge_min_bps: float | None = None,
) -> Ensemble:
    """Return the ensemble of that version, every member read and checked."""
    registry = Registry(root)
    spec = read_spec(registry, version)
    seats = seated(registry, spec, members)
    return conducted(spec, seats, symbols, interval_ms, version, members, age_max_days, edge_min_bps)


def seated(registry: Registry, spec: EnsembleSpec, members: str) -> tuple[Seat, ...]:
    """Return the members of a panel in their seats, every one read and checked."""
    return tuple(Seat(read_member(registry, seat, spec)) for seat in spec.seats_of(members))


def conducted(
    spec: EnsembleSpec,
    seats: Sequence[Seat],
    symbols: tuple[str, ...],
    interval_ms: int,
    version: str,
    members: str = "all",
    age_max_days: int | None = None,
    edge_min_bps: float | None = None,
) -> Ensemble:
    """Return the ensemble of members that are seated already, without a past."""
    if spec.interval_ms != interval_ms:
        about = f"predictor.version: {version[:12]} is about bars of {spec.interval_ms} ms"
        raise InvalidConfig(f"{about}, market.interval was {interval_ms} ms")
    return Ensemble(spec, seats, symbols, Conduct(members, (), age_max_days, edge_min_bps))


def assemble_what_is_whole(
    root: Path, symbols: tuple[str, ...], version: str, conduct: Conduct
) -> tuple[Ensemble, tuple[str, ...]]:
    """Return the ensemble with an empty seat for every member that is not whole, and a line about each of them."""
    registry = Registry(root)
    spec = read_spec(registry, version)
    seats, complaints = [], []
    for seat in spec.seats_of(conduct.panel):
        try:
            seats.append(Seat(read_member(registry, seat, spec)))
        except Invalid as error:
            seats.append(Seat(None, Silence.SCHEMA if isinstance(error, AnotherSchema) else Silence.MISSING))
            complaints.append(str(error))
    return Ensemble(spec, seats, symbols, conduct), tuple(complaints)


def prove(registry: Registry, version: str) -> None:
    """Raise unless an ensemble could serve this moment: every member read, and found to say what its library says."""
    spec, metrics = read_spec(registry, version), registry.manifest(version).metrics
    for seat in spec.seats:
        read_member(registry, seat, spec)
        apart = metrics.get(f"parity.{seat.kind}")
        if apart is None or not apart <= PARITY_MAX:
            was = "unknown" if apart is None else f"{apart:.3g}"
            raise Invalid(f"{seat.kind} {seat.version[:12]}: serves within {PARITY_MAX:g} of its library, was {was}")


def read_spec(registry: Registry, version: str) -> EnsembleSpec:
    """Return what an ensemble is made of; of another feature schema it cannot be served."""
    spec = EnsembleSpec.parse(registry.artefact(version, SPEC_FILE), SPEC_FILE)
    FeatureSchema().subset(spec.features).require(spec.schema, f"ensemble {version[:12]}")
    return spec


def read_member(registry: Registry, seat: SeatSpec, spec: EnsembleSpec) -> Member:
    """Return the member of a seat."""
    manifest, who = registry.manifest(seat.version), f"{seat.kind} {seat.version[:12]}"
    if manifest.kind != seat.kind:
        raise Invalid(f"{who}: of the kind of its seat, was {manifest.kind}")
    if manifest.features != spec.features or manifest.feature_schema != spec.schema:
        raise AnotherSchema(f"{who}: reads features of schema {spec.schema[:12]}, was {manifest.feature_schema[:12]}")
    envelope = Envelope.restore(decode(registry.artefact(seat.version, ENVELOPE_FILE)))
    return member(seat.kind, registry.artefact(seat.version, MODEL_FILES[seat.kind]), envelope, spec.features)


def member(kind: str, model: bytes, envelope: Envelope, names: Names) -> Member:
    """Return a member from its model's bytes; `names` are the features of the evidence it will be shown."""
    if kind in TREES:
        return TreeMember(kind, TREES[kind](model, names), envelope, np.arange(len(names)), len(names))
    return network(kind, model, envelope)


def network(kind: str, model: bytes, envelope: Envelope | None = None) -> Network:
    """Return a network from its weights; without an envelope it knows no bounds."""
    if kind == "patchtst":
        stated, tensors = unpack(model, kind, lambda shape: PatchTSTShape.of(shape).tensors())
        sizes = PatchTSTShape.of(stated)
        return PatchTSTMember(sizes, folded(sizes, tensors), envelope)
    if kind == "nhits":
        stated, tensors = unpack(model, kind, lambda shape: NHITSShape.of(shape).tensors())
        shape = NHITSShape.of(stated)
        return NHITSMember(shape, NHITSArrays.of(shape, tensors), envelope)
    raise Invalid(f"a member is one of {', '.join(MODEL_FILES)}, was {kind!r:.60}")
