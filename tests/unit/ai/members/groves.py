"""Random trees as libraries draw them, and the plain walk through them that everything else must agree with."""

from collections.abc import Sequence
from math import exp

import numpy as np

from qt_ray.ai.members.member import Singles
from qt_ray.ai.members.trees import Nodes

# Few values, so that rows meet thresholds exactly; the smallest and the largest floats among them.
TINY, HUGE = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
VALUES = np.array([-HUGE, -1.0, -TINY, -0.0, 0.0, TINY, 0.5, np.nextafter(np.float32(0.5), 1), 1.0, HUGE], np.float32)


def tree(dice: np.random.Generator, depth: int, width: int) -> Nodes:
    """Return a tree whose branches end anywhere, at the latest at `depth`."""
    nodes: list[tuple[int, int, int, np.float32, float]] = []

    def grow(left_over: int) -> int:
        at = len(nodes)
        nodes.append((-1, -1, 0, np.float32(0), float(dice.normal())))
        if left_over and dice.random() < 0.8:
            left, right = grow(left_over - 1), grow(left_over - 1)
            nodes[at] = (left, right, int(dice.integers(width)), dice.choice(VALUES), 0.0)
        return at

    grow(depth)
    left, right, feature, threshold, value = zip(*nodes, strict=True)
    return Nodes(np.array(left), np.array(right), np.array(feature), np.array(threshold), np.array(value))


def grove(seed: int, count: int, depth: int, width: int) -> list[Nodes]:
    dice = np.random.default_rng(seed)
    return [tree(dice, depth, width) for _ in range(count)]


def rows_of(seed: int, count: int, width: int) -> Singles:
    return np.random.default_rng(seed).choice(VALUES, (count, width))


def walked(trees: Sequence[Nodes], margin: float, row: Singles) -> float:
    """Return P(up) by the definition of a tree."""
    total = margin
    for nodes in trees:
        at = 0
        while nodes.left[at] >= 0:
            at = nodes.left[at] if row[nodes.feature[at]] <= nodes.threshold[at] else nodes.right[at]
        total += nodes.value[at]
    return 1.0 / (1.0 + exp(-min(max(total, -30.0), 30.0)))
