"""Plan: everything a training depends on, as values whose digest names its folder and its result.

The same plan on the same bars is the same training, so an interrupted one is found again by its name, and a changed
setting can never continue from a checkpoint that was made under another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_training import Training
from qt_ray.adapters.settings_values import milliseconds
from qt_ray.ai.labels import Kind, LabelPlan
from qt_ray.ai.splits import HoldoutPlan
from qt_ray.core.codec import canonical, decode, digest
from qt_ray.core.errors import InvalidConfig
from qt_ray.jobs.training.learners import LEARNERS, learner_plan
from qt_ray.market.bars import Bars
from qt_ray.market.features.catalogue import Source
from qt_ray.market.features.schema import FeatureSchema


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Who is trained, on which columns and outcomes, judged from when, and with which numbers."""

    members: tuple[str, ...]
    features: tuple[str, ...]
    label: LabelPlan
    parts: HoldoutPlan
    lookback_bars: int
    interval_ms: int
    learners: Mapping[str, Any]
    seed: int

    def name(self, bars: Bars) -> str:
        """Return the digest of this plan on these bars."""
        return digest([self, bars.digest(), self.schema])

    @property
    def schema(self) -> str:
        """Return the hash of the features' meaning."""
        return FeatureSchema().subset(self.features).hash

    def plain(self) -> dict[str, Any]:
        """Return the plan as a manifest keeps it."""
        values: dict[str, Any] = decode(canonical(self))
        return values


def plan_of(settings: Settings, bars: Bars) -> TrainingPlan:
    """Return the training that the settings ask for on these bars."""
    asked, interval = settings.train, bars.interval_ms
    unknown = [kind for kind in asked.members if kind not in LEARNERS]
    if unknown or not asked.members or len(set(asked.members)) != len(asked.members):
        were = ", ".join(asked.members) or "none"
        raise InvalidConfig(f"train.members: some of {', '.join(LEARNERS)}, each once, were {were}")
    return TrainingPlan(
        members=tuple(asked.members),
        features=features_of(asked),
        label=label_of(asked),
        parts=HoldoutPlan(
            test_start_ms=_test_start(asked, bars),
            valid_share=asked.valid_bps / 10_000,
            calibrate_share=asked.calibrate_bps / 10_000,
            embargo_ms=asked.embargo_bars * interval,
        ),
        lookback_bars=asked.lookback_bars,
        interval_ms=interval,
        learners={kind: learner_plan(kind, asked.numbers(kind)) for kind in asked.members},
        seed=settings.run.seed,
    )


def features_of(asked: Training) -> tuple[str, ...]:
    """Return the columns members read: those that no change of units moves, and that the bars surely have."""
    schema = FeatureSchema().scale_free()
    if asked.features == "bar":
        schema = schema.without(Source.FUNDING, Source.MARK)
    left_out = set(asked.without)
    if strange := left_out - set(schema.names):
        raise InvalidConfig(f"train.without: names of features, had {', '.join(sorted(strange))}")
    return tuple(name for name in schema.names if name not in left_out)


def label_of(asked: Training) -> LabelPlan:
    """Return how outcomes are told."""
    return LabelPlan(
        kind=Kind(asked.label),
        horizon_bars=asked.horizon_bars,
        cost_bps=float(asked.cost_bps),
        stop_atr=float(asked.stop_atr),
        take_atr=float(asked.take_atr),
    )


def _test_start(asked: Training, bars: Bars) -> int:
    """Return when judging begins: where it was asked for, else at the last fifth of the bars."""
    if asked.test_start is not None:
        return milliseconds(asked.test_start)
    return int(bars.ts[len(bars) * 4 // 5])
