"""XGBoost: trained by its library, kept in its JSON, served without it.

The file is the library's own, so anyone can check what we serve. It is also somebody's input, so whatever in it would
make our walk another than the library's is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from qt_ray.adapters.models.boosting import Grow, require_plan, training_of
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.native import floats, integers, require_equal, require_size, singles_below
from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.ai.members.trees import Nodes, TreeArrays, complete
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid

KIND = "xgboost"
MODEL = ("learner", "gradient_booster", "model")


@dataclass(frozen=True, slots=True)
class XGBoostPlan:
    """How trees are grown: many small ones, each from a part of the rows and columns."""

    rounds: int = 300
    patience: int = 50
    depth: int = 5
    eta: float = 0.05
    subsample: float = 0.8
    colsample: float = 0.8
    l2: float = 1.0

    def parameters(self) -> dict[str, Any]:
        """Return the plan as the library takes it; one thread, because sums depend on who adds."""
        return {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "device": "cpu",
            "nthread": 1,
            "verbosity": 0,
            "max_depth": self.depth,
            "eta": self.eta,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "lambda": self.l2,
        }


class XGBoostLearner:
    """Learns P(up) from features of these names; the artefact is the library's JSON."""

    kind = KIND

    def __init__(self, plan: XGBoostPlan, names: Sequence[str]) -> None:
        require_plan(KIND, plan, names)
        self._plan, self._names = plan, tuple(names)

    def learn(self, train: Sample, valid: Sample, seed: int, work: Path | None = None) -> Iterator[Progress | Learned]:
        """Grow until the valid rows gain nothing more, and keep the rounds up to the best one."""
        import xgboost

        library = f"xgboost {xgboost.__version__}"
        training = training_of(KIND, library, self._plan, self._names, (train, valid), seed)
        grown = yield from training.grow(self._grow(train, valid), work)
        kept = xgboost.Booster(model_file=bytearray(grown.model))[: grown.best]
        yield Learned(bytes(kept.save_raw("json")), training.told(grown))

    def _grow(self, *samples: Sample) -> Grow:
        import xgboost

        train, valid = (
            xgboost.DMatrix(sample.evidence.features, sample.up, feature_names=list(self._names), nthread=1)
            for sample in samples
        )

        def grow(model: bytes | None, rounds: int, seed: int) -> tuple[bytes, list[float]]:
            losses: dict[str, dict[str, list[float]]] = {}
            booster = xgboost.train(
                {**self._plan.parameters(), "seed": seed},
                train,
                rounds,
                evals=[(valid, "valid")],
                evals_result=losses,
                verbose_eval=False,
                xgb_model=None if model is None else bytearray(model),
            )
            return bytes(booster.save_raw("json")), losses["valid"]["logloss"]

        return grow


def read(artefact: bytes, names: Sequence[str]) -> TreeArrays:
    """Return the trees of a model that was learned from features of these names, in this order."""
    require_size(KIND, artefact)
    try:
        document = orjson.loads(artefact)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{KIND}: an artefact is JSON, {error}") from error
    for wanted, *path in (
        ("binary:logistic", "learner", "objective", "name"),
        ("gbtree", "learner", "gradient_booster", "name"),
        (list(names), "learner", "feature_names"),
        (str(len(names)), "learner", "learner_model_param", "num_feature"),
        ("0", "learner", "learner_model_param", "num_class"),
        ("1", "learner", "learner_model_param", "num_target"),
    ):
        require_equal(KIND, ".".join(path), wanted, _inside(document, *path))
    trees = _inside(document, *MODEL, "trees")
    if not isinstance(trees, list):
        raise Invalid(f"{KIND}: trees are a list, was {type(trees).__name__}")
    require_equal(KIND, "num_trees", str(len(trees)), _inside(document, *MODEL, "gbtree_model_param", "num_trees"))
    margin = _margin(_inside(document, "learner", "learner_model_param", "base_score"))
    return complete([_nodes(tree, f"{KIND}: tree {number}") for number, tree in enumerate(trees)], margin, len(names))


def contributions(artefact: bytes, names: Sequence[str], rows: Singles) -> Floats:
    """Return what each feature adds to the margin of each row, and in the last column the base."""
    read(artefact, names)
    import xgboost

    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(artefact))
    matrix = xgboost.DMatrix(rows, feature_names=list(names), nthread=1)
    return np.asarray(booster.predict(matrix, pred_contribs=True), np.float64)


def _inside(document: object, *path: str) -> Any:
    """Return what lies under a path of keys."""
    for depth, key in enumerate(path, 1):
        if not isinstance(document, dict) or key not in document:
            raise Invalid(f"{KIND}: an artefact has {'.'.join(path)}, lacked {'.'.join(path[:depth])}")
        document = document[key]
    return document


def _margin(written: object) -> float:
    """Return the base score as a margin; it is written as a probability, by newer versions in brackets."""
    text = str(written).removeprefix("[").removesuffix("]")
    base = float(np.float32(floats(f"{KIND}: base_score", [text], 1)[0]))
    if not 0.0 < base < 1.0:
        raise Invalid(f"{KIND}: base_score is inside (0, 1), was {text:.60}")
    return log(base / (1.0 - base))


def _nodes(tree: object, where: str) -> Nodes:
    """Return one tree; the library sends left what is less than its condition, we what is at most the float below."""
    conditions = _inside(tree, "split_conditions")
    if not isinstance(conditions, list):
        raise Invalid(f"{where}: split_conditions are a list, was {type(conditions).__name__}")
    count = len(conditions)

    def whole(key: str) -> Ints:
        return integers(f"{where}: {key}", _inside(tree, key), count)

    if whole("split_type").any():
        raise Invalid(f"{where}: splits are by number, was by category")
    left = whole("left_children")
    numbers = floats(f"{where}: split_conditions", conditions, count)
    if (np.abs(numbers) > np.finfo(np.float32).max).any():
        raise Invalid(f"{where}: split_conditions are of float32, was {numbers[np.abs(numbers).argmax()]}")
    return Nodes(
        left=left,
        right=whole("right_children"),
        feature=whole("split_indices"),
        threshold=singles_below(numbers.astype(np.float32)),
        value=np.where(left < 0, numbers, 0.0),
    )
