"""PatchTST as its paper reads, number by number in double precision; slow, and nothing of ours is in it."""

import math
from collections.abc import Mapping

import numpy as np

from qt_ray.ai.members.patchtst import PatchTSTShape
from tests.unit.ai.members.slow_view import seen

SMALL = PatchTSTShape(
    lookback=21, channels=3, horizon=4, patch=6, stride=4, features=6, heads=2, layers=2, inner=5, hidden=7
)


def drawn(shape: PatchTSTShape, seed: int) -> dict[str, np.ndarray]:
    """Return weights of which none is at a value that hides a mistake."""
    dice = np.random.default_rng(seed)
    found = {}
    for name, sizes in shape.tensors().items():
        values = dice.standard_normal(sizes) * (0.2 if "weight" in name else 0.5)
        positive = name.endswith("running_var") or (len(sizes) == 1 and name.endswith("weight"))
        found[name] = (np.abs(values) + 0.5 if positive else values).astype(np.float32)
    return found


def drawn_tape(seed: int, bars: int, channels: int) -> np.ndarray:
    """Return bars whose channels have the sizes of returns, ranges, places and volumes."""
    dice = np.random.default_rng(seed)
    spread, level = np.array([1e-3, 1.0, 0.3, 2.0]), np.array([0.0, -7.0, 0.5, 10.0])
    return (dice.standard_normal((bars, 4)) * spread + level).astype(np.float32)[:, :channels]


def affine(tensors: Mapping[str, np.ndarray], name: str, x: list[float]) -> list[float]:
    rows, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    return [
        float(b) + sum(float(w) * a for w, a in zip(row, x, strict=True)) for row, b in zip(rows, bias, strict=True)
    ]


def batch_norm(tensors: Mapping[str, np.ndarray], name: str, x: list[float]) -> list[float]:
    mean, var, weight, bias = (tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return [(a - mean[i]) / math.sqrt(var[i] + 1e-5) * weight[i] + bias[i] for i, a in enumerate(x)]


def gelu(x: list[float]) -> list[float]:
    return [0.5 * a * (1 + math.erf(a / math.sqrt(2))) for a in x]


def patches_of(shape: PatchTSTShape, window: np.ndarray, c: int) -> list[list[float]]:
    values = [float(v) for v in seen(window)[c]]
    values += [values[-1]] * shape.stride
    starts = range(0, len(values) - shape.patch + 1, shape.stride)
    return [values[start : start + shape.patch] for start in starts]


def attention(
    shape: PatchTSTShape, rows: list[list[float]], scores: dict[tuple[int, int, int], float]
) -> list[list[float]]:
    wide, width = shape.features, shape.features // shape.heads
    gathered = [[0.0] * wide for _ in rows]
    for head in range(shape.heads):
        part = slice(head * width, (head + 1) * width)
        query, key, value = ([row[i * wide : (i + 1) * wide][part] for row in rows] for i in range(3))
        for i, q in enumerate(query):
            for j, k in enumerate(key):
                product = sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(width)
                scores[head, i, j] = scores.get((head, i, j), 0.0) + product
            shares = [math.exp(scores[head, i, j]) for j in range(len(key))]
            for j, v in enumerate(value):
                for f in range(width):
                    gathered[i][head * width + f] += shares[j] / sum(shares) * v[f]
    return gathered


def encoded(shape: PatchTSTShape, tensors: Mapping[str, np.ndarray], patches: list[list[float]]) -> list[list[float]]:
    tokens = [
        [a + float(p) for a, p in zip(affine(tensors, "embed", patch), tensors["position"][i], strict=True)]
        for i, patch in enumerate(patches)
    ]
    scores: dict[tuple[int, int, int], float] = {}
    for at in (f"layers.{i}." for i in range(shape.layers)):
        gathered = attention(shape, [affine(tensors, f"{at}qkv", token) for token in tokens], scores)
        change = [affine(tensors, f"{at}mix", row) for row in gathered]
        tokens = [batch_norm(tensors, f"{at}mix_norm", list(np.add(t, d))) for t, d in zip(tokens, change, strict=True)]
        change = [affine(tensors, f"{at}outer", gelu(affine(tensors, f"{at}inner", token))) for token in tokens]
        tokens = [
            batch_norm(tensors, f"{at}outer_norm", list(np.add(t, d))) for t, d in zip(tokens, change, strict=True)
        ]
    return tokens


def paper(shape: PatchTSTShape, tensors: Mapping[str, np.ndarray], window: np.ndarray) -> np.ndarray:
    """Return the logit and the quantiles of the return for one window `[bar, channel]`."""
    flat: list[float] = []
    for c in range(shape.channels):
        for token in encoded(shape, tensors, patches_of(shape, window, c)):
            flat += token
    logit, median, *distances = affine(tensors, "head.answer", gelu(affine(tensors, "head.hidden", flat)))
    down, far_down, up, far_up = (math.log1p(math.exp(d)) for d in distances)
    fan = [median - down - far_down, median - down, median, median + up, median + up + far_up]
    unit = float(np.std(window[:, 0].astype(np.float64))) * math.sqrt(shape.horizon)
    return np.array([logit, *(q * unit for q in fan)])
