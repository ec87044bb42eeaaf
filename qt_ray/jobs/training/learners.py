"""Learners: one per kind of model, made from plain numbers, so that a plan can be written down and sent to a task.

A library is imported when its kind is asked for, so one model can be trained where only its own library is installed.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qt_ray.adapters.models.catboost_trees import CatBoostLearner, CatBoostPlan
from qt_ray.adapters.models.learner import Learner
from qt_ray.adapters.models.lightgbm_trees import LightGBMLearner, LightGBMPlan
from qt_ray.adapters.models.xgboost_trees import XGBoostLearner, XGBoostPlan
from qt_ray.ai.history import CHANNELS
from qt_ray.ai.sample import Sample
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.restore import restore

if TYPE_CHECKING:
    from torch import nn

    from qt_ray.jobs.training.plan import TrainingPlan

Numbers = Mapping[str, Any]
MEGABYTE = 1 << 20
# Peak memory of a training with 77 features and 10 000 to 150 000 rows, rounded up: a process with its libraries took
# 300 to 500 MB, and each byte of the sample 5.0 (xgboost), 4.9 (lightgbm) and 1.3 (networks) more.
PROCESS_MB = 550
COPIES: Mapping[str, float] = MappingProxyType(
    {"xgboost": 6.0, "lightgbm": 6.0, "catboost": 6.0, "patchtst": 2.0, "nhits": 2.0}
)
DROPOUT = 0.1
# The plan and the learner of each kind of trees.
TREES: Mapping[str, tuple[type[Any], type[Any]]] = MappingProxyType(
    {
        "xgboost": (XGBoostPlan, XGBoostLearner),
        "lightgbm": (LightGBMPlan, LightGBMLearner),
        "catboost": (CatBoostPlan, CatBoostLearner),
    }
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How the numbers of a kind are read, and how a learner is made of them."""

    plan: Callable[[Numbers], Numbers]
    learner: Callable[["TrainingPlan", Numbers], Learner]


def _tree_plan(kind: str, numbers: Numbers) -> Numbers:
    return _plain(restore(TREES[kind][0], numbers, f"train.{kind}"))


def _trees(kind: str, plan: "TrainingPlan", numbers: Numbers) -> Learner:
    told, learner = TREES[kind]
    made: Learner = learner(restore(told, numbers), plan.features)
    return made


def _network_plan(kind: str, numbers: Numbers) -> Numbers:
    """Return shape, training and dropout; a number belongs to whichever of them has a field of its name."""
    from qt_ray.adapters.models.torch_training import TrainingPlan

    rest, shape = dict(numbers), _shape_of(kind)
    dropout = float(rest.pop("dropout", DROPOUT))
    if not 0.0 <= dropout < 1.0:
        raise InvalidConfig(f"train.{kind}.dropout: from 0 and below 1, was {dropout}")
    sizes = {each.name for each in fields(shape)} - {"lookback", "channels", "horizon"}
    _require_known(kind, numbers, {"dropout", *sizes, *(each.name for each in fields(TrainingPlan))})
    given = {name: rest.pop(name) for name in sorted(sizes & set(rest))}
    restore(shape, given, f"train.{kind}")
    training = restore(TrainingPlan, rest, f"train.{kind}")
    return {"shape": given, "training": _plain(training), "dropout": dropout}


def _require_known(kind: str, numbers: Numbers, known: set[str]) -> None:
    """Raise unless a number belongs to shape, training or dropout; the nearest name may be in any of them."""
    for name in numbers:
        if name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            raise InvalidConfig(f"train.{kind}.{name}: unknown{f', nearest is {near[0]}' if near else ''}")


def _network(kind: str, plan: "TrainingPlan", numbers: Numbers) -> Learner:
    from qt_ray.adapters.models.torch_training import NetworkLearner, TrainingPlan

    shape = restore(
        _shape_of(kind),
        {
            **numbers["shape"],
            "lookback": plan.lookback_bars,
            "channels": len(CHANNELS),
            "horizon": plan.label.horizon_bars,
        },
    )
    build = partial(_build, kind, shape, numbers["dropout"])
    training = restore(TrainingPlan, numbers["training"])
    return NetworkLearner(
        kind=kind,
        lookback=plan.lookback_bars,
        horizon=plan.label.horizon_bars,
        build=build,
        export=partial(_export, kind, shape),
        plan=training,
        symmetric=plan.label.symmetric,
        paths=kind == "nhits",
    )


def _shape_of(kind: str) -> Any:
    from qt_ray.ai.members.nhits import NHITSShape
    from qt_ray.ai.members.patchtst import PatchTSTShape

    return {"patchtst": PatchTSTShape, "nhits": NHITSShape}[kind]


def _build(kind: str, shape: Any, dropout: float) -> "nn.Module":
    from qt_ray.adapters.models.torch_nhits import NHITS
    from qt_ray.adapters.models.torch_patchtst import PatchTST

    return PatchTST(shape, dropout) if kind == "patchtst" else NHITS(shape, dropout)


def _export(kind: str, shape: Any, network: Any) -> bytes:
    from qt_ray.adapters.models import torch_nhits, torch_patchtst
    from qt_ray.adapters.models.weights import pack

    tensors = (torch_patchtst if kind == "patchtst" else torch_nhits).tensors(network)
    return pack(kind, asdict(shape), tensors)


def _plain(value: object) -> Numbers:
    found: Numbers = decode(canonical(value))
    return found


LEARNERS: Mapping[str, Kind] = MappingProxyType(
    {
        **{kind: Kind(partial(_tree_plan, kind), partial(_trees, kind)) for kind in TREES},
        "patchtst": Kind(partial(_network_plan, "patchtst"), partial(_network, "patchtst")),
        "nhits": Kind(partial(_network_plan, "nhits"), partial(_network, "nhits")),
    }
)


def learner_plan(kind: str, numbers: Mapping[str, Decimal]) -> Numbers:
    """Return every number of a kind: those told, and the defaults of the others."""
    try:
        return LEARNERS[kind].plan({name: number(value) for name, value in numbers.items()})
    except Invalid as error:
        raise InvalidConfig(str(error)) from error


def learners(plan: "TrainingPlan") -> dict[str, Learner]:
    """Return the plan's learners."""
    return {kind: LEARNERS[kind].learner(plan, plan.learners[kind]) for kind in plan.members}


def number(value: Decimal) -> int | float:
    """Return a setting as a learner's plan takes it: whole where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)


def need_mb(kind: str, sample: Sample) -> int:
    """Return the memory that training one kind on a sample takes, in megabytes."""
    return PROCESS_MB + int(COPIES[kind] * sample.nbytes / MEGABYTE)
