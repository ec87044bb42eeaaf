"""Samples with something in them to learn: the first feature, and the product of the next two."""

import numpy as np

from qt_ray.adapters.models.learner import Learned, Learner, Progress
from qt_ray.ai.members.member import Evidence, Singles
from qt_ray.ai.sample import Sample

NAMES = ("gap", "pull", "push", "noise_a", "noise_b")


def rows_of(seed: int, count: int) -> Singles:
    return np.random.default_rng(seed).standard_normal((count, len(NAMES))).astype(np.float32)


def evidence_of(features: Singles) -> Evidence:
    return Evidence(features, np.zeros((0, 0), np.float32), np.full(len(features), -1))


def sample_of(features: Singles, up: Singles) -> Sample:
    count, ts = len(up), np.arange(len(up), dtype=np.int64)
    plain = np.zeros(count, np.int32)
    return Sample(evidence_of(features), up, np.zeros(count), ts, ts + 1, plain, plain.astype(np.uint8))


def planted(seed: int, count: int) -> Sample:
    rows = rows_of(seed, count)
    luck = np.random.default_rng(seed + 1_000).standard_normal(count)
    return sample_of(rows, (rows[:, 0] + rows[:, 1] * rows[:, 2] + luck > 0).astype(np.float32))


TRAIN, VALID = planted(1, 400), planted(2, 200)


def learned(learner: Learner, seed: int = 7) -> tuple[list[Progress], Learned]:
    """Return everything that a training on the usual samples yields."""
    *steps, last = learner.learn(TRAIN, VALID, seed)
    assert isinstance(last, Learned)
    return [step for step in steps if isinstance(step, Progress)], last
