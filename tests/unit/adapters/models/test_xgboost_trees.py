from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from qt_ray.adapters.models.native import ARTEFACT_BYTES_MAX
from qt_ray.adapters.models.xgboost_trees import read
from qt_ray.ai.members.trees import probabilities
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

NAMES = ("gap", "pull")
Change = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    """Return the least of a model that is one: a stump on the second feature."""
    stump = {
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [1, 0, 0],
        "split_conditions": [0.5, -1.0, 2.0],
        "split_type": [0, 0, 0],
    }
    return {
        "learner": {
            "feature_names": list(NAMES),
            "gradient_booster": {
                "name": "gbtree",
                "model": {"gbtree_model_param": {"num_trees": "1"}, "trees": [stump]},
            },
            "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
            "objective": {"name": "binary:logistic"},
        }
    }


def changed(change: Change) -> bytes:
    whole = document()
    change(whole["learner"])
    return orjson.dumps(whole)


def tree(key: str, value: object) -> Change:
    return lambda learner: learner["gradient_booster"]["model"]["trees"][0].update({key: value})


def model(key: str, value: object) -> Change:
    return lambda learner: learner["gradient_booster"]["model"].update({key: value})


def parameter(key: str, value: object) -> Change:
    return lambda learner: learner["learner_model_param"].update({key: value})


def test_what_is_less_than_a_condition_goes_left_and_the_condition_itself_goes_right() -> None:
    below = np.nextafter(np.float32(0.5), np.float32(0))
    rows = np.array([[9, below], [9, 0.5], [-9, -np.inf]], np.float32)
    left, right = 1 / (1 + np.exp(1.0)), 1 / (1 + np.exp(-2.0))
    up = probabilities(read(orjson.dumps(document()), NAMES), rows)
    assert up == pytest.approx([left, right, left], rel=1e-15)


@pytest.mark.parametrize(("text", "margin"), [("5E-1", 0.0), ("[5E-1]", 0.0), ("[2.5E-1]", -np.log(3.0))])
def test_the_base_score_is_a_probability_and_becomes_a_margin(text: str, margin: float) -> None:
    assert read(changed(parameter("base_score", text)), NAMES).margin == pytest.approx(margin, abs=1e-15)


@pytest.mark.parametrize(
    ("artefact", "complaint"),
    [
        (b"", "an artefact is JSON"),
        (b"\x93NUMPY", "an artefact is JSON"),
        (b'{"learner": NaN}', "an artefact is JSON"),
        (b"[" * 100_000, "an artefact is JSON"),
        (b" " * (ARTEFACT_BYTES_MAX + 1), "an artefact has at most"),
        (b"[]", "lacked learner"),
        (b'{"learner": 1}', "lacked learner.objective"),
    ],
)
def test_what_is_no_document_is_refused(artefact: bytes, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        read(artefact, NAMES)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda learner: learner["objective"].update(name="reg:squarederror"), "objective.name is 'binary:logistic'"),
        (lambda learner: learner["gradient_booster"].update(name="dart"), "gradient_booster.name is 'gbtree'"),
        (lambda learner: learner.update(feature_names=["pull", "gap"]), "feature_names is"),
        (lambda learner: learner.update(feature_names=[]), "feature_names is"),
        (parameter("num_class", "3"), "num_class is '0', was '3'"),
        (parameter("num_target", "2"), "num_target is '1', was '2'"),
        (parameter("num_feature", "3"), "num_feature is '2', was '3'"),
        (parameter("base_score", "[5E-1,5E-1]"), "base_score: numbers"),
        (parameter("base_score", "0"), r"base_score is inside \(0, 1\), was 0"),
        (parameter("base_score", "nan"), "base_score: finite numbers, had nan"),
        (parameter("base_score", None), "base_score: numbers"),
        (model("trees", {}), "trees are a list, was dict"),
        (model("trees", []), "num_trees is '0', was '1'"),
        (model("trees", [None]), "lacked split_conditions"),
        (model("gbtree_model_param", {"num_trees": "2"}), "num_trees is '1', was '2'"),
        (tree("left_children", None), "left_children: a list of 3 numbers, was NoneType"),
        (tree("left_children", [1, -1]), "left_children: a list of 3 numbers, was 2"),
        (tree("left_children", [0, -1, -1]), "at most 8 splits deep"),
        (tree("left_children", [3, -1, -1]), "left is from 0 to 2, was 3"),
        (tree("left_children", [-1, -1, -1]), "left is from 0 to 2, was -1"),
        (tree("right_children", [2, 0, -1]), "left is from 0 to 2, was -1"),
        (tree("right_children", [2**64 - 1, -1, -1]), "right_children: numbers"),
        (tree("right_children", [2.0, -1, -1]), "right_children: numbers"),
        (tree("right_children", [[2], -1, -1]), "right_children: numbers"),
        (tree("split_indices", [2, 0, 0]), "feature is from 0 to 1, was 2"),
        (tree("split_indices", [-1, 0, 0]), "feature is from 0 to 1, was -1"),
        (tree("split_conditions", None), "split_conditions are a list, was NoneType"),
        (tree("split_conditions", []), "a list of 0 numbers, was 3"),
        (tree("split_conditions", [None, 0.0, 0.0]), "split_conditions: numbers"),
        (tree("split_conditions", ["inf", 0.0, 0.0]), "split_conditions: finite numbers, had inf"),
        (tree("split_conditions", [0.0, "nan", 0.0]), "split_conditions: finite numbers, had nan"),
        (tree("split_conditions", [1e39, 0.0, 0.0]), r"split_conditions are of float32, was 1e\+39"),
        (tree("split_conditions", [0.0, 1e7, 0.0]), r"a leaf is within 1e\+06"),
        (tree("split_type", [1, 0, 0]), "splits are by number, was by category"),
        (tree("split_type", [False, 0, 0]), "split_type: numbers"),
    ],
)
def test_what_would_walk_otherwise_is_refused(change: Change, complaint: str) -> None:
    assert len(read(changed(lambda learner: None), NAMES).leaf) == 1
    with pytest.raises(Invalid, match=complaint) as refused:
        read(changed(change), NAMES)
    assert "\n" not in str(refused.value)
