"""Tune: other numbers for each member, tried on the past in order of time before one of them is trained in earnest.

A trial is judged by purged walk-forward over the rows that a training may learn from, never by the judged part, and the
dice of the search are the plan's seed: the same question gets the same trials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from qt_ray.adapters.config import Loaded
from qt_ray.adapters.models.assembly import TREES, member, network
from qt_ray.adapters.models.learner import Learned, Progress
from qt_ray.ai.dataset import dataset
from qt_ray.ai.members.envelope import Envelope
from qt_ray.ai.sample import Sample
from qt_ray.ai.scores import log_loss
from qt_ray.ai.splits import holdout, walk_forward
from qt_ray.jobs.cluster import cluster
from qt_ray.jobs.fund import market_of
from qt_ray.jobs.training.learners import learner_plan, learners, need_mb
from qt_ray.jobs.training.plan import TrainingPlan, plan_of

Told = Callable[[str, Progress], None]
Say = Callable[[str], None]
Numbers = Mapping[str, Decimal]

FOLDS = 3
# The last part of what a fold may learn from decides when its training stops.
STOP_SHARE = 0.2
SPACE: Mapping[str, Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "xgboost": {
            "depth": ("2", "3", "4", "5", "6"),
            "eta": ("0.02", "0.05", "0.1"),
            "subsample": ("0.5", "0.8"),
            "colsample": ("0.3", "0.5", "0.8"),
            "l2": ("1", "10", "100"),
        },
        "lightgbm": {
            "depth": ("3", "4", "5", "6"),
            "leaves": ("7", "15", "31"),
            "eta": ("0.02", "0.05", "0.1"),
            "leaf_rows_min": ("100", "500", "2000"),
            "colsample": ("0.3", "0.5", "0.8"),
        },
        "catboost": {"depth": ("3", "4", "5", "6"), "eta": ("0.02", "0.05", "0.1"), "l2": ("1", "10", "100")},
        "patchtst": {"rate": ("0.0003", "0.001"), "weight_decay": ("0.01", "0.1"), "dropout": ("0.1", "0.3")},
        "nhits": {"rate": ("0.0003", "0.001"), "weight_decay": ("0.01", "0.1"), "dropout": ("0.1", "0.3")},
    }
)


def tuned(loaded: Loaded, trials: int, on_ray: bool, told: Told, say: Say) -> Loaded:
    """Return the settings with the best numbers found for every member."""
    bars, _ = market_of(loaded.settings)
    plan = plan_of(loaded.settings, bars)
    sample = dataset(bars, plan.features, plan.label, plan.lookback_bars)
    parts = holdout(sample.ts, sample.until, plan.parts)
    past = sample.take(np.concatenate((parts.train, parts.valid)))
    best = {}
    for kind in plan.members:
        tries = drawn(kind, trials, plan.seed)
        losses = _searched(plan, kind, tries, past, on_ray, loaded.settings.train.memory_mb, told)
        at = int(np.argmin(losses))
        best[kind] = tries[at]
        shown = ", ".join(f"{name} {value}" for name, value in tries[at].items()) or "the defaults"
        say(f"{kind}: {losses[at]:.6f} with {shown} (defaults {losses[0]:.6f})")
    asked = loaded.settings.train
    changed = asked.model_copy(update={kind: {**asked.numbers(kind), **numbers} for kind, numbers in best.items()})
    return replace(loaded, settings=loaded.settings.model_copy(update={"train": changed}))


def drawn(kind: str, trials: int, seed: int) -> list[dict[str, Decimal]]:
    """Return the defaults and then `trials` different sets of numbers, or as many as there are."""
    dice = np.random.default_rng(seed)
    found: list[dict[str, Decimal]] = [{}]
    for _ in range(trials * 20):
        tried = {name: Decimal(str(dice.choice(values))) for name, values in SPACE[kind].items()}
        if tried not in found:
            found.append(tried)
        if len(found) > trials:
            break
    return found


def trial(plan: TrainingPlan, kind: str, numbers: Numbers, past: Sample) -> float:
    """Return the mean log loss of one set of numbers over the folds, each judged by what came after it."""
    one = replace(plan, members=(kind,), learners={kind: learner_plan(kind, numbers)})
    folds = walk_forward(past.ts, past.until, FOLDS, plan.parts.embargo_ms)
    return float(np.mean([_fold_loss(one, kind, past.take(f.train), past.take(f.test)) for f in folds]))


def _fold_loss(plan: TrainingPlan, kind: str, past: Sample, test: Sample) -> float:
    stop = int(np.searchsorted(past.ts, past.ts[int(len(past) * (1.0 - STOP_SHARE))]))
    before = past.until[:stop] <= past.ts[stop] - plan.parts.embargo_ms
    train, valid = past.take(np.flatnonzero(before)), past.take(slice(stop, len(past)))
    learned = [said for said in learners(plan)[kind].learn(train, valid, plan.seed) if isinstance(said, Learned)][-1]
    if kind in TREES:
        envelope = Envelope.learn(train.evidence.features, valid.evidence.features)
        said = member(kind, learned.artefact, envelope, plan.features).opine(test.evidence)
    else:
        said = network(kind, learned.artefact).opine(test.evidence)
    return log_loss(said.up, test.up)


def _searched(
    plan: TrainingPlan, kind: str, tries: Sequence[Numbers], past: Sample, on_ray: bool, memory_mb: int, told: Told
) -> list[float]:
    if on_ray:
        with cluster(memory_mb, 2 * past.nbytes):
            return _on_ray(plan, kind, tries, past)
    losses = []
    for numbers in tries:
        losses.append(trial(plan, kind, numbers, past))
        told(f"tune {kind}", Progress(len(losses), len(tries), min(losses)))
    return losses


def _on_ray(plan: TrainingPlan, kind: str, tries: Sequence[Numbers], past: Sample) -> list[float]:
    """Run the trials with Ray Tune, as many at a time as processors and memory allow."""
    from ray import tune

    def tried(config: dict[str, Any], past: Sample) -> None:
        tune.report({"loss": trial(plan, kind, tries[config["at"]], past), "at": config["at"]})

    needs = {"cpu": 1.0, "memory": float(need_mb(kind, past) << 20)}
    with TemporaryDirectory(prefix="qt-tune-") as folder:  # Tune keeps a diary, by its own wish in the home folder
        grid = tune.Tuner(
            tune.with_resources(tune.with_parameters(tried, past=past), needs),
            param_space={"at": tune.grid_search(list(range(len(tries))))},
            tune_config=tune.TuneConfig(metric="loss", mode="min"),
            run_config=tune.RunConfig(verbose=0, storage_path=folder),
        ).fit()
    told = [result.metrics for result in (grid[at] for at in range(len(grid))) if result.metrics and not result.error]
    found = {metrics["at"]: float(metrics["loss"]) for metrics in told if "loss" in metrics}
    return [found.get(at, float("inf")) for at in range(len(tries))]
