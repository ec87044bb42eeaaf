"""Libraries: what trained the members, asked for the same answers on one thread, each by its fastest call on arrays.

This is the ensemble as it would be served without a line of our own: the peer of every number about serving.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import lightgbm
import numpy as np
import torch
import xgboost

from qt_ray.adapters.models.learner import Learned
from qt_ray.adapters.models.reference import eager
from qt_ray.ai.members.member import Evidence, Floats, Singles

Call = Callable[[Evidence], Floats]


@dataclass(frozen=True, slots=True)
class Libraries:
    """Every member as its own library answers, by kind."""

    calls: Mapping[str, Call]

    def ask(self, evidence: Evidence) -> list[Floats]:
        """Return P(up) of every row by every library."""
        return [call(evidence) for call in self.calls.values()]


def libraries(learned: Mapping[str, Learned], lookback: int) -> Libraries:
    """Load every artefact into what made it."""
    torch.set_num_threads(1)
    made: dict[str, Call] = {"xgboost": _xgboost(learned["xgboost"]), "lightgbm": _lightgbm(learned["lightgbm"])}
    return Libraries(made | {kind: _network(kind, learned[kind], lookback) for kind in learned if kind not in made})


def windows(evidence: Evidence, lookback: int) -> Singles:
    """Return every row's window as `[row, bar, channel]`, copied once."""
    every = np.lib.stride_tricks.sliding_window_view(evidence.tape, lookback, axis=0)
    return np.ascontiguousarray(every[evidence.ends - (lookback - 1)].transpose(0, 2, 1))


def _xgboost(learned: Learned) -> Call:
    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(learned.artefact))
    return lambda evidence: np.asarray(booster.inplace_predict(evidence.features, validate_features=False))


def _lightgbm(learned: Learned) -> Call:
    booster = lightgbm.Booster(model_str=learned.artefact.decode())
    return lambda evidence: np.asarray(booster.predict(evidence.features, num_threads=1))


def _network(kind: str, learned: Learned, lookback: int) -> Call:
    network = eager(kind, learned.artefact)

    def ask(evidence: Evidence) -> Floats:
        with torch.inference_mode():
            said = network(torch.from_numpy(windows(evidence, lookback)))
            return np.asarray(torch.sigmoid(said[:, 0].double()).numpy())

    return ask
