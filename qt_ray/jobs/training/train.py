"""Train: the whole way from settings to a candidate in the registry, resumable until its last write.

The registry hears of a training once, when everything that it vouches for exists; killed before that, a training leaves
its own folder and nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qt_ray import SOURCES, __version__
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.registry import Registry
from qt_ray.adapters.policy_files import load_policy
from qt_ray.adapters.settings import Settings
from qt_ray.ai.dataset import dataset
from qt_ray.ai.sample import Sample
from qt_ray.ai.splits import Parts, holdout
from qt_ray.core.errors import Invalid
from qt_ray.jobs.cluster import cluster
from qt_ray.jobs.fund import market_of, setup_of
from qt_ray.jobs.training.drive import train_here, train_on_ray
from qt_ray.jobs.training.fit import Fitted, fit
from qt_ray.jobs.training.judge import money, scores
from qt_ray.jobs.training.learners import learners, need_mb
from qt_ray.jobs.training.parity import parity
from qt_ray.jobs.training.plan import TrainingPlan, plan_of
from qt_ray.jobs.training.work import Work
from qt_ray.market.bars import Bars

Told = Callable[[str, int, int, float], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training ended with."""

    root: Path
    version: str
    members: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def status(self) -> str:
        """Return how far the version has come."""
        return str(Registry(self.root).entry(self.version).status)

    def plain(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"version": self.version, "status": self.status, "members": self.members, "metrics": self.metrics}


def train(settings: Settings, root: Path, on_ray: bool, by: str, told: Told, say: Say) -> Trained:
    """Train, fit, judge and register what the settings ask for."""
    bars, instruments = market_of(settings)
    plan = plan_of(settings, bars)
    work = Work(Path(settings.train.work) / plan.name(bars)[:16])
    say(f"rows of {', '.join(bars.symbols)} in {work.folder}")
    sample = dataset(bars, plan.features, plan.label, plan.lookback_bars)
    parts = holdout(sample.ts, sample.until, plan.parts)
    say(f"{len(sample)} rows: " + ", ".join(f"{len(rows)} {name}" for name, rows in parts._asdict().items()))
    learned = _learned(settings, plan, sample, parts, work, on_ray, told)
    say("calibrating")
    fitted = fit(plan, sample, parts, learned)
    test = sample.take(parts.test)
    metrics = {**parity(fitted, learned, test), **scores(fitted, test, bars.symbols, plan.seed)}
    if settings.train.judge:
        say("judging")
        policy = load_policy(None, settings.policy.mode)
        metrics |= money(fitted, setup_of(settings, policy, instruments, bars), bars, plan.parts.test_start_ms)
    trained = register(root, plan, bars, parts, sample, fitted, learned, metrics, by)
    work.clear()
    return trained


def _learned(
    settings: Settings, plan: TrainingPlan, sample: Sample, parts: Parts, work: Work, on_ray: bool, told: Told
) -> dict[str, Learned]:
    """Train every member, side by side where that was asked for and there is more than one."""
    train, valid = sample.take(parts.train), sample.take(parts.valid)
    memory, wanted = settings.train.memory_mb, learners(plan)
    most = max(need_mb(kind, train) for kind in wanted)
    if most > memory:
        raise Invalid(f"train.memory_mb: {len(train)} rows need {most} for one member, was {memory}")

    def report(kind: str, progress: Progress) -> None:
        told(kind, progress.done, progress.total, progress.loss)

    if not on_ray or len(wanted) == 1:
        return train_here(wanted, train, valid, plan.seed, work, report)
    with cluster(memory, 2 * train.bytes):
        return train_on_ray(wanted, train, valid, plan.seed, work, report)
