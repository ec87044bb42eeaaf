"""Dataset: bars become rows to learn from. A row is whole or it is not there; nothing is filled in.

Features, window and outcome are made by the code that serves them live, so what was learned from is what will be seen.
Features pass through in blocks: in full width only one block is ever held.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.history import History
from qt_ray.ai.labels import LabelPlan, label
from qt_ray.ai.members.member import Evidence, Singles
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema
from qt_ray.market.regime import regimes

BLOCK_CELLS = 16_384


def dataset(bars: Bars, names: Sequence[str], plan: LabelPlan, lookback: int) -> Sample:
    """Return every row of `bars` with all features of `names`, a window and a known direction; by time, then symbol."""
    labels = label(bars, plan)
    tape, ends = History(bars.symbols, lookback).feed(bars)
    wanted = np.isfinite(labels.up) & (ends >= 0).reshape(labels.up.shape)
    features, kept = _features(bars, FeatureSchema().subset(names), wanted)
    t, s = np.nonzero(kept)
    sample = Sample(
        evidence=Evidence(features, tape, ends.reshape(kept.shape)[kept]),
        up=labels.up[kept],
        ret=labels.ret[kept],
        ts=bars.ts[t] + bars.interval_ms,
        until=labels.until[kept],
        symbol=s.astype(np.int32),
        regime=regimes(bars)[kept],
    )
    _check(sample, names, int(wanted.sum()))
    return sample


def _features(bars: Bars, schema: FeatureSchema, wanted: NDArray[np.bool_]) -> tuple[Singles, NDArray[np.bool_]]:
    """Return the features of the wanted cells that have them all, and which cells those are."""
    engine = FeatureEngine(schema, bars.symbols, bars.interval_ms)
    size = max(1, BLOCK_CELLS // len(bars.symbols))
    room = np.empty((min(size, len(bars)), len(bars.symbols), len(schema)))
    out, filled = np.empty((int(wanted.sum()), len(schema)), np.float32), 0
    kept, spoke = wanted.copy(), np.zeros(len(schema), np.bool_)
    for start in range(0, len(bars), size):
        block = bars.window(start, start + size)
        with np.errstate(over="ignore"):
            rows = engine.block(block, room[: len(block)]).astype(np.float32)
        finite = np.isfinite(rows)
        spoke |= finite.any(axis=(0, 1))
        here = kept[start : start + size]
        here &= finite.all(axis=2)
        stop = filled + int(here.sum())
        out[filled:stop] = rows[here]
        filled = stop
    if not spoke.all():
        raise Invalid(f"dataset: a feature is a number somewhere, {schema.names[int(np.argmin(spoke))]} never was")
    return out[:filled], kept


def _check(sample: Sample, names: Sequence[str], wanted: int) -> None:
    if not len(sample):
        raise Invalid(f"dataset: a row has window, outcome and every feature, none of {wanted} with the first two had")
    if sample.up.min() == sample.up.max():
        way = "up" if sample.up[0] else "down"
        raise Invalid(f"dataset: some rows go up and some down, all {len(sample)} went {way}")
    constant = sample.evidence.features.min(axis=0) == sample.evidence.features.max(axis=0)
    if constant.any():
        name = names[int(np.argmax(constant))]
        raise Invalid(f"dataset: a feature differs between rows, {name} was one number in all {len(sample)}")
