"""Planted: whether the whole machinery learns what there is to be learned, where that is a known number.

In the synthetic market an oracle knows how much the past gives away: on bars nobody learned from, a leak would exceed
it and a broken step fall short. Symbols move together, so outcomes are fewer witnesses than rows; the oracle's
probabilities are not, and a calibration is held against both.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.champion import LOOKBACK_BARS, Numbers, plan_for
from benchmarks.form import Row, Sample, at_least, at_most, less_is_better, main
from benchmarks.market import MINUTE_MS, SEED, names
from qt_ray.adapters.models.learner import Learned
from qt_ray.ai import sample as rows
from qt_ray.ai.dataset import dataset
from qt_ray.ai.ensemble.ensemble import Conduct
from qt_ray.ai.ensemble.fitting import COVERAGE
from qt_ray.ai.members.member import Floats, Singles
from qt_ray.ai.scores import accuracy, ece, log_loss
from qt_ray.ai.splits import Parts, holdout
from qt_ray.jobs.cluster import cluster
from qt_ray.jobs.training.drive import train_on_ray
from qt_ray.jobs.training.fit import Fitted, fit
from qt_ray.jobs.training.learners import learners, need_mb
from qt_ray.jobs.training.plan import TrainingPlan
from qt_ray.jobs.training.work import Work
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import SyntheticMarket, synthetic

SHARE_MIN = 0.9
MEMBER_SHARE_MIN = 0.5
ECE_MAX = 0.02
COVERAGE_MISS_MAX = 0.02
SECONDS_MAX = 720.0
MEMORY_MB = 6_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """How much there is to learn, from how many bars, and how long each member may take over it."""

    symbols: int
    bars: int
    strength: float
    numbers: Mapping[str, Numbers]


TREES: Numbers = {"rounds": 300, "patience": 40, "depth": 5, "eta": 0.05}
WHOLE = Lesson(
    symbols=20,
    bars=20_000,
    strength=0.12,
    numbers={
        "xgboost": TREES,
        "lightgbm": {**TREES, "leaf_rows_min": 200},
        "patchtst": {"epochs_max": 8, "steps_per_epoch_max": 250, "patience": 3},
        "nhits": {"epochs_max": 16, "steps_per_epoch_max": 450, "patience": 4},
    },
)
QUICK = Lesson(
    symbols=4,
    bars=6_000,
    strength=0.5,
    numbers={
        "xgboost": {**TREES, "rounds": 80},
        "lightgbm": {**TREES, "rounds": 80},
        "patchtst": {"epochs_max": 2, "steps_per_epoch_max": 20},
        "nhits": {"epochs_max": 4, "steps_per_epoch_max": 25},
    },
)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was foretold of rows that taught nothing, and what could have been."""

    up: Singles
    ret: Floats
    oracle: Floats
    blend: Floats
    members: Mapping[str, Floats]
    low: Floats
    high: Floats

    def share(self, said: Floats) -> float:
        """Return the accuracy above chance as a share of the oracle's on the same rows."""
        spoke = np.isfinite(said)
        best = accuracy(self.oracle[spoke], self.up[spoke])
        return (accuracy(said, self.up) - 0.5) / (best - 0.5)


def trained(plan: TrainingPlan, sample: rows.Sample, parts: Parts) -> dict[str, Learned]:
    """Train all members side by side, as many as there are cores."""
    train, valid, wanted = sample.take(parts.train), sample.take(parts.valid), learners(plan)
    needs = {kind: need_mb(kind, train) for kind in wanted}
    with TemporaryDirectory() as folder, cluster(MEMORY_MB, 2 * (train.nbytes + valid.nbytes)):
        return train_on_ray(wanted, needs, train, valid, plan.seed, Work(Path(folder)), lambda *_: None)


def judged(market: SyntheticMarket, bars: Bars, fitted: Fitted, test: rows.Sample) -> Judged:
    """Return the opinions of the blend, of every member and of the oracle about the judged rows."""
    ensemble = fitted.ensemble(bars.symbols, Conduct(edge_min_bps=0.0))
    counted = ensemble.weigh(test.evidence, test.regime, test.ts)
    votes, outlook = counted.votes["calibrated"].astype(np.float64), counted.outlook
    at = (test.ts - bars.interval_ms - bars.ts[0]) // bars.interval_ms
    return Judged(
        up=test.up,
        ret=test.ret,
        oracle=market.oracle(bars)[at, test.symbol],
        blend=outlook["up"].astype(np.float64),
        members={seat.kind: votes[:, place] for place, seat in enumerate(ensemble.placed)},
        low=outlook["low"],
        high=outlook["high"],
    )


def learned(lesson: Lesson) -> Judged:
    """Make the market, learn from its past and foretell the rest."""
    market = synthetic(names(lesson.symbols), MINUTE_MS, SEED, lesson.strength)
    bars = market.bars(lesson.bars)
    plan = plan_for(bars, lesson.numbers)
    sample = dataset(bars, plan.features, plan.label, LOOKBACK_BARS)
    parts = holdout(sample.ts, sample.until, plan.parts)
    fitted = fit(plan, sample, parts, trained(plan, sample, parts))
    return judged(market, bars, fitted, sample.take(parts.test))


def scored(found: Judged) -> list[Row]:
    """Return how much was learned, how honest it is, and whether the blend is worth its members."""
    spoke = np.isfinite(found.blend)
    inside = (found.ret >= found.low) & (found.ret <= found.high)
    held = float(inside[np.isfinite(found.low)].mean())
    losses = {kind: log_loss(said, found.up) for kind, said in found.members.items()}
    best, truth = min(losses, key=losses.__getitem__), found.oracle.astype(np.float32)
    blend = once(log_loss(found.blend, found.up))
    name = f"accuracy above chance, share of the oracle's, {int(spoke.sum())} rows"
    return [
        at_least(f"blend: {name}", "share", once(found.share(found.blend)), SHARE_MIN),
        *(
            at_least(f"{kind}: the same", "share", once(found.share(said)), MEMBER_SHARE_MIN)
            for kind, said in found.members.items()
        ),
        less_is_better(f"blend: log loss, peer the best member, {best}", "nats", blend, losses[best], 1.0),
        at_most("blend: expected calibration error", "P(up)", once(ece(found.blend, found.up)), ECE_MAX),
        at_most("blend: the same against the oracle", "P(up)", once(ece(found.blend, truth)), ECE_MAX),
        at_most(
            f"interval: distance of what it held from {COVERAGE}",
            "share",
            once(abs(held - COVERAGE)),
            COVERAGE_MISS_MAX,
        ),
    ]


def once(value: float) -> Sample:
    """Return a number that another run would find again."""
    return Sample(value, 1, (value, value))


def measure(quick: bool) -> list[Row]:
    """Learn, judge, and say how long that took."""
    lesson, started = (QUICK if quick else WHOLE), time.perf_counter()
    found = scored(learned(lesson))
    taken = once(time.perf_counter() - started)
    name = f"the whole lesson, {lesson.symbols} × {lesson.bars}, strength {lesson.strength}"
    return [*found, at_most(name, "s", taken, SECONDS_MAX)]


if __name__ == "__main__":
    main(measure)
