"""CatBoost's JSON, read without the library: small exports by hand, and everything that is none."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.models.catboost_trees import CatBoostLearner, CatBoostPlan, contributions, read
from qt_ray.ai.members.trees import probabilities
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

NAMES = ("slow", "fast")


def split(feature: int, border: float) -> dict[str, Any]:
    return {"border": border, "float_feature_index": feature, "split_index": 0, "split_type": "FloatFeature"}


def export(**changes: Any) -> dict[str, Any]:
    tree = {"leaf_values": [0.1, 0.2, 0.3, 0.4], "splits": [split(0, 0.5), split(1, -1.0)]}
    columns = [{"feature_id": name, "feature_index": at} for at, name in enumerate(NAMES)]
    told = {"features_info": {"float_features": columns}, "oblivious_trees": [tree], "scale_and_bias": [1, [0.25]]}
    return {**told, **changes}


def margin(told: dict[str, Any], *row: float) -> float:
    up = float(probabilities(read(orjson.dumps(told), NAMES), np.array([row], np.float32))[0])
    return float(np.log(up / (1.0 - up)))


@pytest.mark.parametrize(
    ("row", "leaf"),
    [((0.0, -2.0), 0.1), ((1.0, -2.0), 0.2), ((0.0, 0.0), 0.3), ((1.0, 0.0), 0.4), ((0.5, -1.0), 0.1)],
)
def test_the_first_split_is_the_lowest_bit_and_a_border_itself_is_below(row: tuple[float, float], leaf: float) -> None:
    assert margin(export(), *row) == pytest.approx(0.25 + leaf)


def test_scale_is_of_the_leaves_and_not_of_the_bias() -> None:
    assert margin(export(scale_and_bias=[2, [0.25]]), 0.0, -2.0) == pytest.approx(0.45)


@given(
    borders=st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=6),
    row=st.tuples(st.floats(-3, 3, width=32), st.floats(-3, 3, width=32)),
)
def test_any_tree_is_walked_as_its_bits_say(borders: list[float], row: tuple[float, float]) -> None:
    splits = [split(at % 2, border) for at, border in enumerate(borders)]
    leaves = [0.01 * number for number in range(2 ** len(splits))]
    told = export(oblivious_trees=[{"leaf_values": leaves, "splits": splits}], scale_and_bias=[1, [0]])
    place = sum((row[at % 2] > border) << at for at, border in enumerate(borders))
    assert margin(told, *row) == pytest.approx(leaves[place], abs=1e-12)


CULPRITS: list[tuple[dict[str, Any], str]] = [
    ({"oblivious_trees": {}}, "trees are a list"),
    ({"oblivious_trees": []}, "trees: from 1"),
    ({"oblivious_trees": [{"leaf_values": [1.0], "splits": [split(0, 0.5)]}]}, "leaf_values"),
    ({"oblivious_trees": [{"leaf_values": [0.0, 1.0], "splits": [split(7, 0.5)]}]}, "feature is from 0 to 1"),
    ({"oblivious_trees": [{"leaf_values": [0.0, 1e30], "splits": [split(0, 0.5)]}]}, "a leaf is within"),
    ({"oblivious_trees": [{"leaf_values": [0.0], "splits": [split(0, 0.5)] * 9}]}, "at most 8 splits"),
    ({"oblivious_trees": [{"leaf_values": [0, 1], "splits": [{"split_type": "OneHotFeature"}]}]}, "split_type"),
    ({"scale_and_bias": [1]}, "a scale and one bias"),
    ({"scale_and_bias": [1, [0.1, 0.2]]}, "scale_and_bias"),
    ({"scale_and_bias": [1, ["nan"]]}, "finite"),
    ({"features_info": {"float_features": [{"feature_id": "fast"}, {"feature_id": "slow"}]}}, "feature_id"),
    ({"features_info": {**export()["features_info"], "categorical_features": [{}]}}, "categorical"),
]


@pytest.mark.parametrize(("change", "rule"), CULPRITS, ids=[rule for _, rule in CULPRITS])
def test_what_our_walk_could_not_serve_is_refused_in_one_line(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(Invalid, match=rule) as error:
        read(orjson.dumps(export(**change)), NAMES)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("artefact", [b"", b"[]", b"{}", b"\x80\x04N.", orjson.dumps(export())[:-9]])
def test_what_is_no_export_is_refused(artefact: bytes) -> None:
    with pytest.raises(Invalid, match="catboost"):
        read(artefact, NAMES)


def test_a_plan_out_of_bounds_is_refused_before_anything_is_imported() -> None:
    with pytest.raises(Invalid, match="depth is from 1 to 8, was 9"):
        CatBoostLearner(CatBoostPlan(depth=9), NAMES)


def test_reasons_are_of_a_file_that_was_checked_first() -> None:
    with pytest.raises(Invalid, match="an artefact has features_info"):
        contributions(b"{}", NAMES, np.zeros((1, 2), np.float32))
