"""Trees: an opinion of 300 boosted trees on 60 features, against the library that grew them, on one thread.

Ours is the whole answer, envelope and silences included; theirs is its fastest call on an array. LightGBM's call for
single rows is reached through its C interface, because its Python has none.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray

from benchmarks.features import in_turn
from benchmarks.form import Row, Sample, at_most, less_is_better, main
from qt_ray.adapters.models import lightgbm_trees, xgboost_trees
from qt_ray.adapters.models.learner import Learned, Learner
from qt_ray.ai import sample
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.members.member import Evidence, Singles
from qt_ray.ai.members.trees import TreeMember

FEATURES = 60
NAMES = tuple(f"feature_{number}" for number in range(FEATURES))
ONE_ROW_US_MAX = 25.0
ROW_US_MAX = 2.5
ONE_ROW_RATIO_MAX = {"xgboost": 0.2, "lightgbm": 0.5}
BATCH_RATIO_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Rival:
    """A trained member, and its library as a call on rows and, if it has another for those, on single ones."""

    member: TreeMember
    theirs: Callable[[Singles], object]
    alone: Callable[[Singles], object] | None = None

    @property
    def name(self) -> str:
        """Return the kind and how many trees were grown."""
        return f"{self.member.kind}, {len(self.member.trees.leaf)} trees"


def planted(seed: int, rows: int) -> sample.Sample:
    """Return rows that leave something to learn until the last tree."""
    dice = np.random.default_rng(seed)
    features = dice.standard_normal((rows, FEATURES)).astype(np.float32)
    pull = features[:, ::3].sum(axis=1) + (features[:, 1::3] * features[:, 2::3]).sum(axis=1)
    up = (pull + 3.0 * dice.standard_normal(rows) > 0).astype(np.float32)
    ts, none = np.arange(rows), np.zeros(rows, np.int32)
    return sample.Sample(evidence_of(features), up, np.zeros(rows), ts, ts, none, none.astype(np.uint8))


def evidence_of(features: Singles) -> Evidence:
    """Return the features as evidence without bars."""
    return Evidence(features, np.zeros((0, 0), np.float32), np.full(len(features), -1))


def grown(learner: Learner, rows: int) -> Learned:
    """Return what the learner ends with."""
    *_, last = learner.learn(planted(1, rows), planted(2, rows // 4), 7)
    assert isinstance(last, Learned)
    return last


def served(learned: Learned) -> TreeMember:
    """Return the member that serves what was learned."""
    kind: str = learned.facts["kind"]
    read = {"xgboost": xgboost_trees.read, "lightgbm": lightgbm_trees.read}[kind]
    envelope, columns = Envelope.restore(learned.facts["envelope"]), np.arange(FEATURES)
    return TreeMember(kind, read(learned.artefact, NAMES), envelope, columns, FEATURES)


def single_rows(booster: lightgbm.Booster) -> Callable[[Singles], NDArray[np.float64]]:
    """Return LightGBM's own call for one row at a time, set up once as it wants to be."""
    library, config = lightgbm.basic._LIB, ctypes.c_void_p()
    normal, whole, single = ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(0)
    fast = (normal, ctypes.c_int(0), whole, single, ctypes.c_int32(FEATURES), ctypes.c_char_p(b"num_threads=1"))
    library.LGBM_BoosterPredictForMatSingleRowFastInit(booster._handle, *fast, ctypes.byref(config))
    out, length = np.empty(1), ctypes.c_int64()
    answer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double))

    def ask(rows: Singles) -> NDArray[np.float64]:
        where = rows.ctypes.data_as(ctypes.c_void_p)
        library.LGBM_BoosterPredictForMatSingleRowFast(config, where, ctypes.byref(length), answer)
        return out

    return ask


def rivals(rounds: int, rows: int) -> list[Rival]:
    """Train both kinds to trees of depth 6."""
    plan = {"rounds": rounds, "patience": rounds, "depth": 6}
    grove = grown(xgboost_trees.XGBoostLearner(xgboost_trees.XGBoostPlan(**plan), NAMES), rows)
    leafy = grown(lightgbm_trees.LightGBMLearner(lightgbm_trees.LightGBMPlan(**plan, leaves=63), NAMES), rows)
    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(grove.artefact))
    leaves = lightgbm.Booster(model_str=leafy.artefact.decode())
    return [
        Rival(served(grove), booster.inplace_predict),
        Rival(served(leafy), lambda rows: leaves.predict(rows, num_threads=1), single_rows(leaves)),
    ]


def beside(rival: Rival, rows: Singles, theirs: Callable[[Singles], object], runs: int) -> list[Sample]:
    """Return microseconds per row of the member and of a call, by turns, as often as there is something to measure."""
    repeats, evidence = max(1, 2_000 // len(rows)), evidence_of(rows)
    works = (
        lambda: [rival.member.opine(evidence) for _ in range(repeats)],
        lambda: [theirs(rows) for _ in range(repeats)],
    )
    return [each.scaled(1e6 / (repeats * len(rows))) for each in in_turn(runs, *works)]


def of_one(rival: Rival, row: Singles, runs: int) -> list[Row]:
    """Measure a single row, as a desk with one symbol asks."""
    ours, theirs = beside(rival, row, rival.theirs, runs)
    target = ONE_ROW_RATIO_MAX[rival.member.kind]
    rows = [
        at_most(f"{rival.name}, one row", "µs", ours, ONE_ROW_US_MAX),
        less_is_better(f"{rival.name}, one row, peer its Python", "µs", ours, theirs.value, target),
    ]
    if rival.alone:
        ours, theirs = beside(rival, row, rival.alone, runs)
        rows.append(less_is_better(f"{rival.name}, one row, peer its C", "µs", ours, theirs.value, 1.0))
    return rows


def of_batch(rival: Rival, rows: Singles, runs: int) -> list[Row]:
    """Measure many rows at once, as a backtest and a desk with many symbols ask."""
    ours, theirs = beside(rival, rows, rival.theirs, runs)
    name = f"{rival.name}, batch of {len(rows)}"
    return [
        at_most(name, "µs/row", ours, ROW_US_MAX),
        less_is_better(f"{name}, peer its library", "µs/row", ours, theirs.value, BATCH_RATIO_MAX),
    ]


def measure(quick: bool) -> list[Row]:
    """Measure one row, then batches, of either kind."""
    runs, size = (2, 2_000) if quick else (7, 100_000)
    pool = np.random.default_rng(3).standard_normal((size, FEATURES)).astype(np.float32)
    found = []
    for rival in rivals(*((40, 2_000) if quick else (300, 20_000))):
        found += of_one(rival, pool[:1], runs)
        for count in (100, 1_000, size):
            found += of_batch(rival, pool[:count], runs)
    return found


if __name__ == "__main__":
    main(measure)
