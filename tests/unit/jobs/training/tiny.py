"""A training small enough for a test: two trees on a synthetic market in which there is something to find."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qt_ray.adapters.config import Loaded, load
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.ai.dataset import dataset
from qt_ray.ai.sample import Sample
from qt_ray.ai.splits import Parts, holdout
from qt_ray.jobs.fund import market_of
from qt_ray.jobs.training.fit import Fitted, fit
from qt_ray.jobs.training.learners import learners
from qt_ray.jobs.training.plan import TrainingPlan, plan_of
from qt_ray.market.bars import Bars

ROOT = Path(__file__).parents[4]
FLAGS = {
    "data.source": "synthetic",
    "data.synthetic_bars": "3000",
    "data.synthetic_strength": "0.5",
    "market.symbols": "AAAUSDT,BBBUSDT",
    "train.horizon_bars": "1",
    "train.members": "xgboost,lightgbm",
    "train.lookback_bars": "16",
    "train.xgboost.rounds": "20",
    "train.lightgbm.rounds": "20",
    "train.nhits.epochs_max": "1",
    "train.nhits.hidden": "8",
    "train.patchtst.epochs_max": "1",
}


@dataclass(frozen=True, slots=True)
class Tiny:
    """Everything that a training has before it is judged."""

    plan: TrainingPlan
    bars: Bars
    sample: Sample
    parts: Parts
    learned: dict[str, Learned]
    fitted: Fitted


def loaded(flags: dict[str, str] | None = None) -> Loaded:
    return load("backtest", {**FLAGS, **(flags or {})}, {}, ROOT)


def plan_for(flags: dict[str, str] | None = None) -> TrainingPlan:
    return plan_of(loaded(flags).settings, bars())


@cache
def bars() -> Bars:
    return market_of(loaded().settings)[0]


@cache
def sample() -> Sample:
    plan = plan_for()
    return dataset(bars(), plan.features, plan.label, plan.lookback_bars)


@cache
def tiny(members: str = FLAGS["train.members"]) -> Tiny:
    plan, rows = plan_for({"train.members": members}), sample()
    parts = holdout(rows.ts, rows.until, plan.parts)
    train, valid = rows.take(parts.train), rows.take(parts.valid)
    learned = {
        kind: next(said for said in learner.learn(train, valid, plan.seed) if isinstance(said, Learned))
        for kind, learner in learners(plan).items()
    }
    return Tiny(plan, bars(), rows, parts, learned, fit(plan, rows, parts, learned))


def unheard(kind: str, progress: Progress) -> None:
    """Take progress and say nothing."""
