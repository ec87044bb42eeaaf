"""CatBoost: an optional member; its trees ask one question a level, which is our tree with equal columns.

Installed by the extra `catboost` and never needed to serve. Who made a file and when is taken out of it, so the same
training is the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson

from qt_ray.adapters.models.boosting import Grown, require_plan, training_of
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.native import floats, integers, require_equal, require_size, singles_at_most
from qt_ray.ai.members.member import Floats, Singles
from qt_ray.ai.members.trees import DEPTH_MAX, Nodes, TreeArrays, complete
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid, InvalidConfig

KIND = "catboost"


@dataclass(frozen=True, slots=True)
class CatBoostPlan:
    """How trees are grown."""

    rounds: int = 300
    patience: int = 50
    depth: int = 5
    eta: float = 0.05
    l2: float = 3.0


class CatBoostLearner:
    """Learns P(up) from features of these names in one go; an interrupted training begins again."""

    kind = KIND

    def __init__(self, plan: CatBoostPlan, names: Sequence[str]) -> None:
        require_plan(KIND, plan, names)
        self._plan, self._names = plan, tuple(names)

    def learn(self, train: Sample, valid: Sample, seed: int, work: Path | None = None) -> Iterator[Progress | Learned]:
        """Grow until the valid rows gain nothing more, and keep the rounds up to the best one."""
        library = _library()
        training = training_of(KIND, f"catboost {library.__version__}", self._plan, self._names, (train, valid), seed)
        model = library.CatBoostClassifier(
            iterations=self._plan.rounds,
            depth=self._plan.depth,
            learning_rate=self._plan.eta,
            l2_leaf_reg=self._plan.l2,
            random_seed=seed,
            thread_count=1,
            early_stopping_rounds=self._plan.patience,
            use_best_model=True,
            verbose=False,
            allow_writing_files=False,
        )
        names = list(self._names)
        rows = (library.Pool(part.evidence.features, part.up, feature_names=names) for part in (train, valid))
        model.fit(next(rows), eval_set=next(rows))
        losses = model.get_evals_result()["validation"]["Logloss"]
        yield Progress(len(losses), self._plan.rounds, losses[-1])
        yield Learned(_artefact(model), training.told(Grown(b"", losses)))


def read(artefact: bytes, names: Sequence[str]) -> TreeArrays:
    """Return the trees of a model that was learned from features of these names, in this order."""
    require_size(KIND, artefact)
    try:
        document = orjson.loads(artefact)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{KIND}: an artefact is JSON, {error}") from error
    told = document if isinstance(document, dict) else {}
    for key in ("features_info", "oblivious_trees", "scale_and_bias"):
        if key not in told:
            raise Invalid(f"{KIND}: an artefact has {key}, lacked it")
    info = told["features_info"] if isinstance(told["features_info"], dict) else {}
    columns = info.get("float_features")
    found = [column.get("feature_id") for column in columns] if isinstance(columns, list) else None
    require_equal(KIND, "feature_id", list(names), found)
    require_equal(KIND, "categorical features", None, info.get("categorical_features"))
    scale, bias = _scaled(told["scale_and_bias"])
    trees = told["oblivious_trees"]
    if not isinstance(trees, list):
        raise Invalid(f"{KIND}: trees are a list, was {type(trees).__name__}")
    return complete([_nodes(tree, f"{KIND}: tree {at}", scale) for at, tree in enumerate(trees)], bias, len(names))


def contributions(artefact: bytes, names: Sequence[str], rows: Singles) -> Floats:
    """Return what each feature adds to the margin of each row, and in the last column the base."""
    read(artefact, names)
    library = _library()
    pool = library.Pool(rows, feature_names=list(names))
    return np.asarray(_loaded(artefact).get_feature_importance(pool, type="ShapValues"), np.float64)


def probabilities(artefact: bytes, rows: Singles) -> Floats:
    """Return P(up) as the library says it."""
    return np.asarray(_loaded(artefact).predict_proba(rows, thread_count=1)[:, 1], np.float64)


def _library() -> Any:
    try:
        import catboost
    except ImportError as error:
        raise InvalidConfig(f"{KIND}: installed (pip install 'qt-ray[catboost]'), was not") from error
    return catboost


def _artefact(model: Any) -> bytes:
    """Return a model in its own JSON, without who made it and when."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        told = orjson.loads(path.read_bytes())
    told["model_info"] = {"class_params": told["model_info"].get("class_params")}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _loaded(artefact: bytes) -> Any:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_bytes(artefact)
        model = _library().CatBoostClassifier()
        model.load_model(str(path), format="json")
    return model


def _scaled(given: object) -> tuple[float, float]:
    if not isinstance(given, list) or len(given) != 2:
        raise Invalid(f"{KIND}: scale_and_bias are a scale and one bias, was {given!s:.60}")
    bias = given[1] if isinstance(given[1], list) else [given[1]]
    scale = floats(f"{KIND}: scale_and_bias", [given[0], *bias], 2)
    return float(scale[0]), float(scale[1])


def _nodes(tree: object, where: str, scale: float) -> Nodes:
    """Return one tree: the library's first split is the lowest bit of a leaf's number, and ours is the highest."""
    told = tree if isinstance(tree, dict) else {}
    splits = told.get("splits")
    splits = splits if isinstance(splits, list) else []
    if len(splits) > DEPTH_MAX or not all(isinstance(split, dict) for split in splits):
        raise Invalid(f"{where}: at most {DEPTH_MAX} splits, was {splits!s:.60}")
    for split in splits:
        require_equal(where, "split_type", "FloatFeature", split.get("split_type"))
    depth, inner = len(splits), 2 ** len(splits) - 1
    asked = integers(f"{where}: float_feature_index", [s.get("float_feature_index") for s in splits], depth)[::-1]
    border = singles_at_most(floats(f"{where}: border", [s.get("border") for s in splits], depth))[::-1]
    level = np.floor(np.log2(np.arange(1, inner + 1))).astype(np.int64)
    values = floats(f"{where}: leaf_values", told.get("leaf_values", []), inner + 1)
    own, end = np.arange(inner), np.full(inner + 1, -1)
    return Nodes(
        left=np.concatenate((2 * own + 1, end)),
        right=np.concatenate((2 * own + 2, end)),
        feature=np.concatenate((asked[level], np.zeros(inner + 1, np.int64))),
        threshold=np.concatenate((border[level], np.zeros(inner + 1, np.float32))).astype(np.float32),
        value=np.concatenate((np.zeros(inner), scale * values)),
    )
