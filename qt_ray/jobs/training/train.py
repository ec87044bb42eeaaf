"""Train: the whole way from settings to a candidate in the registry, resumable until its last write.

The registry hears of a training once, when everything that it vouches for exists; killed before that, a training leaves
its own folder and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.config import Loaded
from qt_ray.adapters.fund_setup import setup_of
from qt_ray.adapters.models.assembly import prove
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.adapters.models.registry import Registry
from qt_ray.adapters.policy_files import load_policy
from qt_ray.ai.dataset import dataset
from qt_ray.ai.model_status import ModelSignal, ModelStatus
from qt_ray.ai.sample import Sample
from qt_ray.ai.splits import holdout
from qt_ray.core.errors import InvalidConfig
from qt_ray.jobs.cluster import cluster
from qt_ray.jobs.fund import market_of
from qt_ray.jobs.training.drive import train_here, train_on_ray
from qt_ray.jobs.training.fit import fit
from qt_ray.jobs.training.judge import money, scores
from qt_ray.jobs.training.learners import learners, need_mb
from qt_ray.jobs.training.parity import parity
from qt_ray.jobs.training.plan import TrainingPlan, plan_of
from qt_ray.jobs.training.register import register
from qt_ray.jobs.training.work import Work

Told = Callable[[str, Progress], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A version that a training ended with, in its registry."""

    registry: Registry
    version: str

    @property
    def status(self) -> ModelStatus:
        """Return how far the version has come."""
        return self.registry.entry(self.version).status

    def plain(self) -> dict[str, Any]:
        """Return it for programs."""
        manifest = self.registry.manifest(self.version)
        return {
            "version": self.version,
            "status": self.status,
            "members": manifest.members,
            "metrics": manifest.metrics,
        }

    def activate(self, by: str, reason: str) -> None:
        """Make the ensemble and its members serve, once all of it is proven; what served before is retired."""
        prove(self.registry, self.version)
        for version in (*self.registry.manifest(self.version).members.values(), self.version):
            entry = self.registry.entry(version)
            if entry.status is ModelStatus.ACTIVE:
                continue
            if entry.status is ModelStatus.CANDIDATE and self.registry.active(entry.name):
                self.registry.advance(version, ModelSignal.SHADOW, by, reason, now_ms())
            served = entry.status is ModelStatus.RETIRED
            self.registry.advance(version, ModelSignal.RESTORE if served else ModelSignal.PROMOTE, by, reason, now_ms())


def train(loaded: Loaded, registry: Registry, on_ray: bool, by: str, told: Told, say: Say) -> Trained:
    """Train, fit, judge and register what the settings ask for."""
    settings = loaded.settings
    bars, instruments = market_of(settings)
    plan = plan_of(settings, bars)
    work = Work(Path(settings.train.work) / plan.name(bars)[:16])
    say(f"reading rows of {', '.join(bars.symbols)}")
    sample = dataset(bars, plan.features, plan.label, plan.lookback_bars)
    parts = holdout(sample.ts, sample.until, plan.parts)
    say(f"{len(sample)} rows: " + ", ".join(f"{len(rows)} to {name}" for name, rows in parts._asdict().items()))
    teaching = sample.take(parts.train)
    learned = _learned(plan, teaching, sample.take(parts.valid), work, settings.train.memory_mb, on_ray, told)
    say("calibrating and judging")
    fitted = fit(plan, sample, parts, learned)
    test = sample.take(parts.test)
    metrics = {**parity(fitted, learned, test), **scores(fitted, test, bars.symbols, plan.seed)}
    if settings.train.judge:
        policy = load_policy(loaded.policy_path, settings.policy.mode)
        metrics |= money(fitted, setup_of(settings, policy, instruments, bars), bars, plan.parts.test_start_ms)
    version = register(registry, plan, bars, fitted, learned, metrics, by)
    work.clear()
    return Trained(registry, version)


def _learned(
    plan: TrainingPlan, train: Sample, valid: Sample, work: Work, memory_mb: int, on_ray: bool, told: Told
) -> dict[str, Learned]:
    """Train every member, side by side where that was asked for and there is more than one."""
    wanted = learners(plan)
    needs = {kind: need_mb(kind, train) for kind in wanted}
    if (most := max(needs.values())) > memory_mb:
        raise InvalidConfig(f"train.memory_mb: {len(train)} rows take {most} for one member, was {memory_mb}")
    if not on_ray or len(wanted) == 1:
        return train_here(wanted, train, valid, plan.seed, work, told)
    with cluster(memory_mb, 2 * (train.nbytes + valid.nbytes)):
        return train_on_ray(wanted, needs, train, valid, plan.seed, work, told)
