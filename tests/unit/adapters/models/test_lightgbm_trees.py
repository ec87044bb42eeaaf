import numpy as np
import pytest

from qt_ray.adapters.models.lightgbm_trees import read
from qt_ray.adapters.models.native import ARTEFACT_BYTES_MAX
from qt_ray.ai.members.trees import probabilities
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

NAMES = ("gap", "pull")
# A double between two floats, so that a row at the float below goes left and one at the float above goes right.
BETWEEN = 0.10000000000000001
MODEL = f"""tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=gap pull
feature_infos=[0:1] [0:1]
tree_sizes=300

Tree=0
num_leaves=3
num_cat=0
split_feature=1 0
threshold={BETWEEN!r} -2.5
decision_type=2 10
left_child=-1 -2
right_child=1 -3
leaf_value=-1 0.5 2
is_linear=0
shrinkage=1


end of trees

feature_importances:
"""


def test_a_row_goes_left_up_to_the_threshold_and_children_below_zero_are_leaves() -> None:
    above = np.float32(BETWEEN)
    below = np.nextafter(above, np.float32(0))
    assert float(below) < BETWEEN < float(above)
    rows = np.array([[0, below], [-2.5, above], [-2.4, above]], np.float32)
    up = probabilities(read(MODEL.encode(), NAMES), rows)
    assert up == pytest.approx(1 / (1 + np.exp([1.0, -0.5, -2.0])), rel=1e-15)


def test_a_tree_may_be_a_single_leaf() -> None:
    lines = [line.partition("=")[0] + "=" for line in MODEL.splitlines() if line.startswith(("split", "thr", "dec"))]
    head, tail = MODEL.partition("Tree=0\n")[::2]
    rest = (
        "num_leaves=1\nnum_cat=0\n" + "\n".join(lines) + "\nleft_child=\nright_child=\nleaf_value=0.25\nis_linear=0\n"
    )
    text = head + "Tree=0\n" + rest + "\n\n" + tail[tail.index("end of trees") :]
    assert read(text.encode(), NAMES).leaf.tolist() == [[0.25]]


@pytest.mark.parametrize(
    ("artefact", "complaint"),
    [
        (b"", "goes from 'tree' to 'end of trees'"),
        (b"\xff\xfe", "is text in ASCII"),
        (MODEL.encode() + "ø".encode(), "is text in ASCII"),
        (MODEL.encode()[5:], "goes from 'tree' to 'end of trees'"),
        (MODEL.encode()[: MODEL.index("end of trees")], "goes from 'tree' to 'end of trees'"),
        (b" " * (ARTEFACT_BYTES_MAX + 1), "an artefact has at most"),
        (b"tree\nnum_class=1\n\n\nend of trees\n", "version is 'v4', was None"),
    ],
)
def test_what_is_no_model_is_refused(artefact: bytes, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        read(artefact, NAMES)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("version=v4", "version=v3", "version is 'v4', was 'v3'"),
        ("num_class=1", "num_class=3", "num_class is '1', was '3'"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=3", "num_tree_per_iteration is '1'"),
        ("sigmoid:1", "sigmoid:2", "objective is 'binary sigmoid:1', was 'binary sigmoid:2'"),
        ("objective=binary sigmoid:1", "objective=regression", "objective is"),
        ("label_index=0", "average_output", "trees are added, was average_output"),
        ("gap pull", "pull gap", "feature_names is 'gap pull', was 'pull gap'"),
        ("max_feature_idx=1", "max_feature_idx=7", "max_feature_idx is '1', was '7'"),
        ("tree_sizes=300", "tree_sizes=300 300", "trees is 2, was 1"),
        ("Tree=0", "Tree=1", "Tree is '0', was '1'"),
        ("num_cat=0", "num_cat=1", "num_cat is '0', was '1'"),
        ("is_linear=0", "is_linear=1", "is_linear is '0', was '1'"),
        ("num_leaves=3", "num_leaves=4", "a list of 3 numbers, was 2"),
        ("num_leaves=3", "num_leaves=0", "a list of -1 numbers, was 2"),
        ("num_leaves=3", "num_leaves=", "num_leaves: numbers"),
        ("num_leaves=3", "num_leaves=99999999999999999999", "num_leaves: numbers"),
        ("decision_type=2 10", "decision_type=2 1", "splits are by number, was by category"),
        ("decision_type=2 10", "decision_type=2 6", "a zero is a number, was missing"),
        ("decision_type=2 10", "decision_type=2 x", "decision_type: numbers"),
        ("left_child=-1 -2", "left_child=0 -2", "at most 8 splits deep"),
        ("left_child=-1 -2", "left_child=-1 -9", "left is from 0 to 4, was 10"),
        ("left_child=-1 -2", "left_child=-9223372036854775808 -2", "left is from 0 to 4"),
        ("right_child=1 -3", "right_child=5 -3", "right is from 0 to 4, was 5"),
        ("split_feature=1 0", "split_feature=2 0", "feature is from 0 to 1, was 2"),
        (" -2.5", " nan", "threshold: finite numbers, had nan"),
        (" -2.5", " inf", "threshold: finite numbers, had inf"),
        (" -2.5", "", "threshold: a list of 2 numbers, was 1"),
        ("leaf_value=-1", "leaf_value=-1e9", r"a leaf is within 1e\+06"),
        ("leaf_value=-1", "leaf_value=nan", "leaf_value: finite numbers, had nan"),
        ("leaf_value=-1", "leaves=-1", "leaf_value: a list of 3 numbers, was 0"),
    ],
)
def test_what_would_walk_otherwise_is_refused(old: str, new: str, complaint: str) -> None:
    assert MODEL.count(old) == 1
    with pytest.raises(Invalid, match=complaint) as refused:
        read(MODEL.replace(old, new).encode(), NAMES)
    assert "\n" not in str(refused.value)
