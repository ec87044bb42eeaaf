"""Reference: what the libraries that trained the models say of the same rows, and why. Never asked while trading.

Serving is our own arithmetic; this is the other side of every comparison with it, and the source of attributions.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from qt_ray.adapters.models import catboost_trees, lightgbm_trees, xgboost_trees
from qt_ray.adapters.models.assembly import network
from qt_ray.adapters.models.weights import unpack
from qt_ray.ai.members.member import Evidence, Floats, Singles
from qt_ray.ai.members.nhits import NHITSShape
from qt_ray.ai.members.patchtst import PatchTSTShape

if TYPE_CHECKING:
    from torch import nn

Names = tuple[str, ...]

CONTRIBUTIONS: Mapping[str, Callable[[bytes, Names, Singles], Floats]] = MappingProxyType(
    {module.KIND: module.contributions for module in (xgboost_trees, lightgbm_trees, catboost_trees)}
)


def reference(kind: str, model: bytes, evidence: Evidence, names: Names) -> Floats:
    """Return P(up) of every row by the library itself; rows are complete and have their windows."""
    if kind == xgboost_trees.KIND:
        return _xgboost(model, evidence.features, names)
    if kind == lightgbm_trees.KIND:
        return _lightgbm(model, evidence.features)
    if kind == catboost_trees.KIND:
        return catboost_trees.probabilities(model, evidence.features)
    return _eager(kind, model, evidence)


def contributions(kind: str, model: bytes, names: Names, row: Singles) -> Mapping[str, float]:
    """Return what each feature adds to the log-odds of one row of a tree model."""
    added = CONTRIBUTIONS[kind](model, names, row.reshape(1, -1))[0]
    return {name: float(value) for name, value in zip(names, added, strict=False)}


def _xgboost(model: bytes, rows: Singles, names: Names) -> Floats:
    import xgboost

    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
    return np.asarray(booster.predict(xgboost.DMatrix(rows, feature_names=list(names), nthread=1)), np.float64)


def _lightgbm(model: bytes, rows: Singles) -> Floats:
    import lightgbm

    return np.asarray(lightgbm.Booster(model_str=model.decode()).predict(rows, num_threads=1), np.float64)


def _eager(kind: str, model: bytes, evidence: Evidence) -> Floats:
    """Return P(up) by torch, window by window as it was trained."""
    import torch

    net, lookback = eager(kind, model), network(kind, model).lookback
    windows = np.stack([evidence.tape[end - lookback + 1 : end + 1] for end in evidence.ends])
    with torch.no_grad():
        return np.asarray(torch.sigmoid(net(torch.from_numpy(windows))[:, 0].double()).numpy(), np.float64)


def eager(kind: str, model: bytes) -> "nn.Module":
    """Return the network as torch runs it, for comparison."""
    import torch

    from qt_ray.adapters.models.torch_nhits import NHITS
    from qt_ray.adapters.models.torch_patchtst import PatchTST

    if kind == "patchtst":
        stated, tensors = unpack(model, kind, lambda shape: PatchTSTShape.of(shape).tensors())
        net: nn.Module = PatchTST(PatchTSTShape.of(stated))
    else:
        stated, tensors = unpack(model, kind, lambda shape: NHITSShape.of(shape).tensors())
        net = NHITS(NHITSShape.of(stated))
    net.load_state_dict({name: torch.from_numpy(values) for name, values in tensors.items()}, strict=False)
    return net.eval()
