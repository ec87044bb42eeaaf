"""Trees: boosted trees as complete binary trees of one depth, so that a walk is arithmetic without a branch.

A tile of rows goes down one tree together: the lookups of many rows overlap where those of one row wait for each other.
Each row's leaves are added in the order of the trees, so company never changes a bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.member import Evidence, Floats, Ints, Opinions, Silence, Singles
from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invalid

DEPTH_MAX = 8
TREES_MAX = 5_000
# No sum of that many leaves can leave the floats.
LEAF_MAX = 1e6
# Beyond this a probability would round to 0 or 1, and an opinion is never certain.
MARGIN_MAX = 30.0
TILE_ROWS = 64
# Below this a tile has too little to overlap, and rows are quicker one by one.
TILE_ROWS_MIN = 4

# Unsigned, because a signed index costs a test for counting from the end.
Unsigned = NDArray[np.uint32]


class Nodes(NamedTuple):
    """One tree as libraries draw it, from node 0: left if `x[feature] <= threshold`; a leaf leads to -1 twice."""

    left: Ints
    right: Ints
    feature: Ints
    threshold: Singles
    value: Floats


class TreeArrays(NamedTuple):
    """Complete trees: from node n left is 2n + 1 and right 2n + 2, and the last level leads to the leaves."""

    feature: Unsigned
    threshold: Singles
    leaf: Floats
    margin: float


def complete(trees: Sequence[Nodes], margin: float, width: int) -> TreeArrays:
    """Return the trees grown to one depth, every short branch ending in copies of its leaf; refuse what is no tree."""
    if not 1 <= len(trees) <= TREES_MAX:
        raise Invalid(f"trees: from 1 to {TREES_MAX}, was {len(trees)}")
    if not abs(margin) <= LEAF_MAX:
        raise Invalid(f"trees: the base margin is within {LEAF_MAX:g}, was {margin}")
    for number, tree in enumerate(trees):
        _require_sound(tree, number, width)
    return _levelled(trees, margin)


def probabilities(trees: TreeArrays, rows: Singles) -> Floats:
    """Return P(up) for every row of `rows[row, feature]`, inside (0, 1)."""
    up = np.empty(len(rows))
    tile = np.empty(min(TILE_ROWS, len(rows)), np.uint32)
    _walk(rows, trees.feature, trees.threshold, trees.leaf, trees.margin, tile, up)
    return up


@dataclass(frozen=True, slots=True, eq=False)
class TreeMember:
    """Boosted trees as a member: they read `columns` of an evidence that is `width` columns wide, in that order."""

    kind: str
    trees: TreeArrays
    envelope: Envelope
    columns: Ints
    width: int
    lookback: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        inside = (self.columns >= 0) & (self.columns < self.width)
        if len(self.columns) != len(self.envelope) or not inside.all():
            wanted = f"{len(self.envelope)} of {self.width} columns"
            raise Invalid(f"{self.kind}: a member reads {wanted}, was {self.columns.tolist()!s:.60}")
        if self.trees.feature.max(initial=0) >= len(self.columns):
            raise Invalid(f"{self.kind}: a tree asks the {len(self.columns)} columns, was {self.trees.feature.max()}")

    def opine(self, evidence: Evidence) -> Opinions:
        """Return P(up) where a row is finite and like those that were learned from."""
        given = evidence.features
        if given.dtype != np.float32 or given.shape != (len(evidence), self.width):
            wanted = f"float32 {(len(evidence), self.width)}"
            raise Invalid(f"{self.kind}: the evidence's features are {wanted}, was {given.dtype} {given.shape}")
        rows = given.take(self.columns, axis=1)
        silence = self.envelope.judge(rows)
        up = probabilities(self.trees, rows)
        up[silence != Silence.SPOKE.value] = np.nan
        return Opinions(up, silence)


@inlined
def _descend(rows: Singles, feature: Unsigned, threshold: Singles, levels: int, node: Unsigned) -> None:
    """Lead every row of a tile from the root past the last level, all of them level by level."""
    count = np.uint64(rows.shape[0])
    for k in range(count):
        node[k] = 0
    for _ in range(levels):
        for k in range(count):
            at = node[k]
            node[k] = at + at + np.uint32(1) + np.uint32(rows[k, feature[at]] > threshold[at])


@inlined
def _descend_alone(row: Singles, feature: Unsigned, threshold: Singles, levels: int) -> np.uint32:
    """Lead one row as `_descend` does, in a register: the trees of a single row overlap by themselves."""
    at = np.uint32(0)
    for _ in range(levels):
        at = at + at + np.uint32(1) + np.uint32(row[feature[at]] > threshold[at])
    return at


@compiled
def _walk(
    rows: Singles,
    feature: Unsigned,
    threshold: Singles,
    leaf: Floats,
    margin: float,
    node: Unsigned,
    up: Floats,
) -> None:
    """Write P(up) of every row; `node` is room for the places of one tile."""
    inner = np.uint32(feature.shape[1])
    levels = 0
    while 1 << levels < leaf.shape[1]:
        levels += 1
    for start in range(0, rows.shape[0], TILE_ROWS):
        tile, total = rows[start : start + TILE_ROWS], up[start : start + TILE_ROWS]
        count = np.uint64(tile.shape[0])
        for k in range(count):
            total[k] = margin
        for t in range(feature.shape[0]):
            leaves = leaf[t]
            if tile.shape[0] >= TILE_ROWS_MIN:
                _descend(tile, feature[t], threshold[t], levels, node)
                for k in range(count):
                    total[k] += leaves[node[k] - inner]
            else:
                for k in range(count):
                    total[k] += leaves[_descend_alone(tile[k], feature[t], threshold[t], levels) - inner]
        for k in range(count):
            total[k] = 1.0 / (1.0 + exp(-min(max(total[k], -MARGIN_MAX), MARGIN_MAX)))


def _require_sound(tree: Nodes, number: int, width: int) -> None:
    count = len(tree.value)
    if count == 0 or any(len(column) != count for column in tree):
        raise Invalid(f"tree {number}: columns of one length from 1, was {[len(column) for column in tree]}")
    leaf = (tree.left == -1) & (tree.right == -1)
    for name, column, end in (
        ("left", tree.left, count),
        ("right", tree.right, count),
        ("feature", tree.feature, width),
    ):
        wrong = ~leaf & ((column < 0) | (column >= end))
        if wrong.any():
            raise Invalid(f"tree {number}: {name} is from 0 to {end - 1}, was {column[wrong][0]}")
    if np.isnan(tree.threshold).any():
        raise Invalid(f"tree {number}: a threshold is a number, was nan")
    if not (np.abs(tree.value) <= LEAF_MAX).all():
        raise Invalid(f"tree {number}: a leaf is within {LEAF_MAX:g}, was {tree.value.min()} to {tree.value.max()}")


def _levelled(trees: Sequence[Nodes], margin: float) -> TreeArrays:
    """Write all trees out level by level, a leaf leading to itself, until nothing but leaves is left."""
    lengths = [len(tree.value) for tree in trees]
    roots = np.cumsum([0, *lengths[:-1]])
    nodes = Nodes(*(np.concatenate(column) for column in zip(*trees, strict=True)))
    is_leaf, own, shift = nodes.left < 0, np.arange(len(nodes.left)), np.repeat(roots, lengths)
    left, right = (np.where(is_leaf, own, child + shift) for child in (nodes.left, nodes.right))
    feature = np.where(is_leaf, 0, nodes.feature)
    at = roots[:, None]
    features: list[Ints] = []
    thresholds: list[Singles] = []
    while not is_leaf[at].all():
        if len(features) == DEPTH_MAX:
            deep = int(np.flatnonzero(~is_leaf[at].all(axis=1))[0])
            raise Invalid(f"tree {deep}: a tree is at most {DEPTH_MAX} splits deep, was deeper")
        features.append(feature[at])
        thresholds.append(nodes.threshold[at])
        at = np.stack((left[at], right[at]), axis=2).reshape(len(roots), -1)
    none = np.empty((len(roots), 0))
    return TreeArrays(
        feature=np.concatenate([none, *features], axis=1).astype(np.uint32),
        threshold=np.concatenate([none, *thresholds], axis=1).astype(np.float32),
        leaf=nodes.value[at],
        margin=float(margin),
    )
