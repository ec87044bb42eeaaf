"""Champion: an ensemble of the sizes that are served, made in a minute by the steps that make any other.

How good it is does not matter here. How large it is does: trees that grow to their last round and networks of the
default shape cost what the real ones cost, and a batch norm that has learned a little is as dear as one that is wise.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.market import MINUTE_MS, SEED, names
from qt_ray.adapters.models.learner import Learned
from qt_ray.adapters.models.registry import Registry
from qt_ray.adapters.settings_training import Training
from qt_ray.ai.dataset import dataset
from qt_ray.ai.labels import LabelPlan
from qt_ray.ai.members.member import Evidence
from qt_ray.ai.sample import Sample
from qt_ray.ai.splits import HoldoutPlan, Parts, holdout
from qt_ray.jobs.training.drive import train_here
from qt_ray.jobs.training.fit import Fitted, fit
from qt_ray.jobs.training.learners import LEARNERS, learners
from qt_ray.jobs.training.plan import TrainingPlan, features_of
from qt_ray.jobs.training.register import register
from qt_ray.jobs.training.work import Work
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import synthetic

Numbers = Mapping[str, Any]

KINDS = ("xgboost", "lightgbm", "patchtst", "nhits")
ROUNDS = 300
BARS = 12_000
# A slow rate and much to learn, so that the last round is the best one and none is cut away.
TREES: Numbers = {"depth": 6, "eta": 0.01}
BRIEFLY: Numbers = {"epochs_max": 1, "steps_per_epoch_max": 20}
STRENGTH = 0.9
LOOKBACK_BARS = 96


@dataclass(frozen=True, slots=True, eq=False)
class Champion:
    """An ensemble with everything it was made of."""

    plan: TrainingPlan
    bars: Bars
    sample: Sample
    parts: Parts
    learned: Mapping[str, Learned]
    fitted: Fitted

    @property
    def names(self) -> tuple[str, ...]:
        """Return the features that are read."""
        return self.plan.features

    def evidence(self, rows: int) -> Evidence:
        """Return the newest rows as a desk with so many symbols would show them: every row has its own window."""
        seen = self.sample.take(slice(len(self.sample) - rows, None)).evidence
        windows = [seen.tape[end - LOOKBACK_BARS + 1 : end + 1] for end in seen.ends]
        ends = np.arange(1, rows + 1, dtype=np.int64) * LOOKBACK_BARS - 1
        return Evidence(np.ascontiguousarray(seen.features), np.concatenate(windows), ends)


def plan_for(bars: Bars, numbers: Mapping[str, Numbers], seed: int = 7) -> TrainingPlan:
    """Return the training of all members on `bars`, one bar ahead, judged on the last fifth."""
    return TrainingPlan(
        members=KINDS,
        features=features_of(Training()),
        label=LabelPlan(horizon_bars=1),
        parts=HoldoutPlan(int(bars.ts[len(bars) * 4 // 5]), embargo_ms=24 * bars.interval_ms),
        lookback_bars=LOOKBACK_BARS,
        interval_ms=bars.interval_ms,
        learners={kind: LEARNERS[kind].plan(numbers[kind]) for kind in KINDS},
        seed=seed,
    )


def champion(rounds: int = ROUNDS, count: int = BARS) -> Champion:
    """Return an ensemble with trees of `rounds` rounds and networks of the default shape."""
    bars = synthetic(names(1), MINUTE_MS, SEED, STRENGTH).bars(count)
    trees = {**TREES, "rounds": rounds, "patience": rounds}
    numbers: dict[str, Numbers] = {
        "xgboost": trees,
        "lightgbm": {**trees, "leaves": 63},
        "patchtst": BRIEFLY,
        "nhits": BRIEFLY,
    }
    plan = plan_for(bars, numbers)
    sample = dataset(bars, plan.features, plan.label, plan.lookback_bars)
    parts = holdout(sample.ts, sample.until, plan.parts)
    with TemporaryDirectory() as folder:
        teaching, checking = sample.take(parts.train), sample.take(parts.valid)
        learned = train_here(learners(plan), teaching, checking, plan.seed, Work(Path(folder)), lambda *_: None)
    return Champion(plan, bars, sample, parts, learned, fit(plan, sample, parts, learned))


@contextmanager
def registered(made: Champion) -> Iterator[tuple[Path, str]]:
    """Give a registry that holds the ensemble, and its version; the registry goes when the work is done."""
    with TemporaryDirectory() as folder:
        version = register(Registry(Path(folder)), made.plan, made.bars, made.fitted, made.learned, {}, "benchmark")
        yield Path(folder), version
