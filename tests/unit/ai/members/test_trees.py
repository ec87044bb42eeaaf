import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.trees import (
    DEPTH_MAX,
    LEAF_MAX,
    TILE_ROWS,
    TILE_ROWS_MIN,
    TREES_MAX,
    Nodes,
    TreeMember,
    complete,
    probabilities,
)
from qt_ray.core.errors import Invalid
from tests.unit.ai.members.groves import grove, rows_of, walked

pytestmark = pytest.mark.unit

WIDTH = 4
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(0, DEPTH_MAX), st.integers(1, 2 * TILE_ROWS + 3), st.floats(-3, 3))
def test_every_row_ends_where_a_plain_walk_ends(seed: int, trees: int, depth: int, count: int, margin: float) -> None:
    drawn, rows = grove(seed, trees, depth, WIDTH), rows_of(seed, count, WIDTH)
    up = probabilities(complete(drawn, margin, WIDTH), rows)
    assert up.tolist() == [walked(drawn, margin, row) for row in rows]


@pytest.mark.parametrize("count", [0, 1, TILE_ROWS_MIN - 1, TILE_ROWS_MIN, TILE_ROWS, TILE_ROWS + 1])
def test_a_row_has_the_same_bits_in_a_tile_of_any_size(count: int) -> None:
    arrays, rows = complete(grove(3, 40, 6, WIDTH), 0.1, WIDTH), rows_of(4, 200, WIDTH)
    whole = probabilities(arrays, rows)
    assert probabilities(arrays, rows[:count]).tobytes() == whole[:count].tobytes()


def test_short_branches_end_in_copies_of_their_leaf() -> None:
    stump = Nodes(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.array([3, 0, 0]),
        threshold=np.array([0.5, 0, 0], np.float32),
        value=np.array([0.0, -1.0, 1.0]),
    )
    deep = next(each for each in grove(1, 50, 2, WIDTH) if len(each.value) == 7)
    arrays = complete([stump, deep], 0.0, WIDTH)
    assert arrays.leaf[0].tolist() == [-1.0, -1.0, 1.0, 1.0]
    assert arrays.feature.shape == arrays.threshold.shape == (2, 3)


@pytest.mark.parametrize("value", [-LEAF_MAX, LEAF_MAX])
def test_an_opinion_is_never_certain(value: float) -> None:
    only = Nodes(-np.ones(1, int), -np.ones(1, int), np.zeros(1, int), np.zeros(1, np.float32), np.array([value]))
    up = probabilities(complete([only] * 3, 0.0, WIDTH), rows_of(1, 5, WIDTH))
    assert ((up > 0.0) & (up < 1.0)).all()


ROOT = Nodes(
    left=np.array([1, -1, -1]),
    right=np.array([2, -1, -1]),
    feature=np.array([0, 0, 0]),
    threshold=np.array([0.5, 0, 0], np.float32),
    value=np.array([0.0, -1.0, 1.0]),
)
CHAIN = Nodes(
    left=np.array([*range(1, DEPTH_MAX + 2), -1]),
    right=np.array([*range(1, DEPTH_MAX + 2), -1]),
    feature=np.zeros(DEPTH_MAX + 2, int),
    threshold=np.zeros(DEPTH_MAX + 2, np.float32),
    value=np.zeros(DEPTH_MAX + 2),
)


@pytest.mark.parametrize(
    ("nodes", "complaint"),
    [
        ([], "trees: from 1 to 5000, was 0"),
        ([ROOT] * (TREES_MAX + 1), "trees: from 1 to 5000, was 5001"),
        ([ROOT, ROOT._replace(value=np.zeros(0))], "tree 1: columns of one length from 1"),
        ([ROOT._replace(left=np.array([1, -1]))], "tree 0: columns of one length from 1"),
        ([ROOT._replace(left=np.array([-1, -1, -1]))], "tree 0: left is from 0 to 2, was -1"),
        ([ROOT._replace(right=np.array([2, -1, 0]))], "tree 0: left is from 0 to 2, was -1"),
        ([ROOT._replace(right=np.array([3, -1, -1]))], "tree 0: right is from 0 to 2, was 3"),
        ([ROOT._replace(feature=np.array([WIDTH, 0, 0]))], "tree 0: feature is from 0 to 3, was 4"),
        ([ROOT._replace(threshold=np.full(3, np.nan, np.float32))], "tree 0: a threshold is a number"),
        ([ROOT._replace(value=np.array([0, np.nan, 0]))], r"tree 0: a leaf is within 1e\+06"),
        ([ROOT._replace(value=np.array([0, 2e6, 0]))], r"tree 0: a leaf is within 1e\+06"),
        ([ROOT, ROOT._replace(left=np.array([0, -1, -1]))], "tree 1: a tree is at most 8 splits deep"),
        ([ROOT, ROOT._replace(left=np.zeros(3, int), right=np.zeros(3, int))], "tree 1: a tree is at most 8"),
        ([CHAIN], "tree 0: a tree is at most 8 splits deep"),
    ],
)
def test_what_is_no_tree_is_refused(nodes: list[Nodes], complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        complete(nodes, 0.0, WIDTH)


@pytest.mark.parametrize("margin", [np.nan, np.inf, 2e6])
def test_a_base_margin_is_a_number_of_reason(margin: float) -> None:
    with pytest.raises(Invalid, match="the base margin is within"):
        complete([ROOT], margin, WIDTH)


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ([0, 1, 2], "reads 4 of 9 columns"),
        ([0, 1, 2, 9], "reads 4 of 9 columns"),
        ([-1, 1, 2, 3], "reads 4 of 9 columns"),
    ],
)
def test_a_member_reads_columns_that_are_there(columns: list[int], complaint: str) -> None:
    rows = rows_of(1, 50, WIDTH) / np.float32(2)
    with pytest.raises(Invalid, match=complaint):
        TreeMember("xgboost", complete([ROOT], 0.0, WIDTH), Envelope.learn(rows, rows), np.array(columns), 9)


def test_a_tree_asks_no_more_columns_than_its_member_has() -> None:
    rows = rows_of(1, 50, 2) / np.float32(2)
    wide = complete([ROOT._replace(feature=np.array([3, 0, 0]))], 0.0, WIDTH)
    with pytest.raises(Invalid, match="a tree asks the 2 columns, was 3"):
        TreeMember("xgboost", wide, Envelope.learn(rows, rows), np.array([0, 1]), 9)
