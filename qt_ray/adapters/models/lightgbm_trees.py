"""LightGBM: trained by its library, kept in its text, served without it.

Its thresholds are doubles and ours are singles, which loses nothing because the rows are singles too. What would send
a finite row another way than our walk does, a zero that counts as missing above all, is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qt_ray.adapters.models.boosting import Grow, require_plan, training_of
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.native import floats, integers, require_equal, require_size, singles_at_most
from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.ai.members.trees import Nodes, TreeArrays, complete
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid

KIND = "lightgbm"
BY_CATEGORY = 1
ZERO_IS_MISSING = 1
END = "\n\n\nend of trees\n"

Block = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LightGBMPlan:
    """How trees are grown: leaf by leaf where it gains most, each from a part of the rows and columns."""

    rounds: int = 300
    patience: int = 50
    depth: int = 6
    leaves: int = 31
    leaf_rows_min: int = 20
    eta: float = 0.05
    subsample: float = 0.8
    colsample: float = 0.8
    l2: float = 1.0

    def parameters(self) -> dict[str, Any]:
        """Return the plan as the library takes it; one thread, because sums depend on who adds."""
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
            "max_depth": self.depth,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.leaf_rows_min,
            "learning_rate": self.eta,
            "bagging_fraction": self.subsample,
            "bagging_freq": 1,
            "feature_fraction": self.colsample,
            "lambda_l2": self.l2,
        }


class LightGBMLearner:
    """Learns P(up) from features of these names; the artefact is the library's text."""

    kind = KIND

    def __init__(self, plan: LightGBMPlan, names: Sequence[str]) -> None:
        require_plan(KIND, plan, names)
        self._plan, self._names = plan, tuple(names)

    def learn(self, train: Sample, valid: Sample, seed: int, work: Path | None = None) -> Iterator[Progress | Learned]:
        """Grow until the valid rows gain nothing more, and keep the rounds up to the best one."""
        import lightgbm

        library = f"lightgbm {lightgbm.__version__}"
        training = training_of(KIND, library, self._plan, self._names, (train, valid), seed)
        grown = yield from training.grow(self._grow(train, valid), work)
        kept = lightgbm.Booster(model_str=grown.model.decode())
        yield Learned(kept.model_to_string(num_iteration=grown.best).encode(), training.told(grown))

    def _grow(self, train: Sample, valid: Sample) -> Grow:
        import lightgbm

        shared: dict[str, Any] = {
            "params": self._plan.parameters(),
            "feature_name": list(self._names),
            "free_raw_data": False,
        }
        data = lightgbm.Dataset(train.evidence.features, train.up, **shared)
        held_out = lightgbm.Dataset(valid.evidence.features, valid.up, reference=data, **shared)

        def grow(model: bytes | None, rounds: int, seed: int) -> tuple[bytes, list[float]]:
            losses: dict[str, dict[str, list[float]]] = {}
            booster = lightgbm.train(
                {**self._plan.parameters(), "seed": seed},
                data,
                rounds,
                valid_sets=[held_out],
                valid_names=["valid"],
                init_model=None if model is None else lightgbm.Booster(model_str=model.decode()),
                callbacks=[lightgbm.record_evaluation(losses)],
            )
            # All rounds are asked for, because the library alone would keep those up to a best of its own.
            text = booster.model_to_string(num_iteration=-1)
            return text.encode(), [float(loss) for loss in losses["valid"]["binary_logloss"]]

        return grow


def read(artefact: bytes, names: Sequence[str]) -> TreeArrays:
    """Return the trees of a model that was learned from features of these names, in this order."""
    require_size(KIND, artefact)
    try:
        text = artefact.decode("ascii")
    except UnicodeDecodeError as error:
        raise Invalid(f"{KIND}: an artefact is text in ASCII, {error}") from error
    body, end, _ = text.partition(END)
    if not body.startswith("tree\n") or not end:
        raise Invalid(f"{KIND}: an artefact goes from 'tree' to 'end of trees', was {text[:20]!r} to {text[-20:]!r}")
    first, *rest = body.split("\nTree=")
    head, trees = _block(first), [_block(f"Tree={tree}") for tree in rest]
    for wanted, key in (
        ("v4", "version"),
        ("1", "num_class"),
        ("1", "num_tree_per_iteration"),
        ("binary sigmoid:1", "objective"),
        (" ".join(names), "feature_names"),
        (str(len(names) - 1), "max_feature_idx"),
    ):
        require_equal(KIND, key, wanted, head.get(key))
    if "average_output" in first:
        raise Invalid(f"{KIND}: trees are added, was average_output")
    require_equal(KIND, "trees", len(head.get("tree_sizes", "").split()), len(trees))
    return complete([_nodes(tree, number) for number, tree in enumerate(trees)], 0.0, len(names))


def contributions(artefact: bytes, names: Sequence[str], rows: Singles) -> Floats:
    """Return what each feature adds to the margin of each row, and in the last column the base."""
    read(artefact, names)
    import lightgbm

    booster = lightgbm.Booster(model_str=artefact.decode())
    return np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1), np.float64)


def _block(text: str) -> Block:
    """Return the lines `key=value` of a part."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, _, value in pairs}


def _nodes(tree: Block, number: int) -> Nodes:
    """Return one tree: its splits come first, then its leaves, which children name as -1, -2 and so on."""
    where = f"{KIND}: tree {number}"
    for wanted, key in ((str(number), "Tree"), ("0", "num_cat"), ("0", "is_linear")):
        require_equal(where, key, wanted, tree.get(key))
    leaves = int(integers(f"{where}: num_leaves", [tree.get("num_leaves", "")], 1)[0])
    splits = leaves - 1

    def whole(key: str) -> Ints:
        return integers(f"{where}: {key}", tree.get(key, "").split(), splits)

    _require_plain(whole("decision_type"), where)
    left, right = (
        np.concatenate((np.where(child < 0, splits + ~child, child), np.full(leaves, -1)))
        for child in (whole("left_child"), whole("right_child"))
    )
    thresholds = floats(f"{where}: threshold", tree.get("threshold", "").split(), splits)
    values = floats(f"{where}: leaf_value", tree.get("leaf_value", "").split(), leaves)
    return Nodes(
        left=left,
        right=right,
        feature=np.concatenate((whole("split_feature"), np.zeros(leaves, np.int64))),
        threshold=np.concatenate((singles_at_most(thresholds), np.zeros(leaves, np.float32))),
        value=np.concatenate((np.zeros(splits), values)),
    )


def _require_plain(decisions: Ints, where: str) -> None:
    if (decisions & BY_CATEGORY).any():
        raise Invalid(f"{where}: splits are by number, was by category")
    if ((decisions >> 2) & 3 == ZERO_IS_MISSING).any():
        raise Invalid(f"{where}: a zero is a number, was missing")
