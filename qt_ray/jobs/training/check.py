"""Check: a version trained again from the same question, beside what the registry keeps of it.

Trees grow to the same bytes everywhere; networks may differ in their last bits on another processor, so of them only
the scores are compared, within bounds too narrow for another model. Nothing is written where anybody is served from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from qt_ray.adapters.config import Loaded
from qt_ray.adapters.models.assembly import TREES
from qt_ray.adapters.models.manifest import Kind, Manifest
from qt_ray.adapters.models.registry import Registry
from qt_ray.core.errors import Invalid
from qt_ray.jobs.fund import market_of
from qt_ray.jobs.training.plan import TrainingPlan, plan_of
from qt_ray.jobs.training.train import Say, Told, train
from qt_ray.market.bars import Bars

BY = "check"
# How far a score may be from what it was, by its last name.
TOLERANCES: Mapping[str, float] = MappingProxyType(
    {"log_loss": 0.002, "brier": 0.002, "ece": 0.002, "accuracy": 0.002, "ic": 0.01}
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing as it was registered and as it came out again."""

    name: str
    was: str
    now: str
    same: bool


def check(loaded: Loaded, registry: Registry, word: str, on_ray: bool, told: Told, say: Say) -> tuple[Comparison, ...]:
    """Train again what `word` names, from settings that must ask for the same, and compare."""
    version = registry.resolve(word)
    kept = registry.manifest(version)
    if kept.kind is not Kind.ENSEMBLE:
        raise Invalid(f"{kept.name} {version[:12]}: an ensemble is trained again as a whole, was a {kept.kind}")
    bars, _ = market_of(loaded.settings)
    require_same_question(kept, plan_of(loaded.settings, bars), bars)
    with TemporaryDirectory(prefix="qt-check-") as folder:
        again = train(_aside(loaded, Path(folder)), Registry(Path(folder) / "models"), on_ray, BY, told, say)
        return tuple(_comparisons((registry, kept), (again.registry, again.registry.manifest(again.version))))


def require_same_question(kept: Manifest, plan: TrainingPlan, bars: Bars) -> None:
    """Raise unless a manifest tells of these bars and this plan."""
    about = f"{kept.name} {kept.version[:12]}"
    if bars.digest() != kept.data.digest:
        raise Invalid(f"data: {about} learned from bars {kept.data.digest[:12]}, was another, {bars.digest()[:12]}")
    asked = plan.plain()
    for key, value in kept.plan.items():
        if asked.get(key) != value:
            raise Invalid(f"plan.{key}: {value!s:.120} as {about} was trained, was {asked.get(key)!s:.120}")


def _aside(loaded: Loaded, folder: Path) -> Loaded:
    """Return the settings with the work elsewhere, so that nothing finished before is taken for an answer."""
    asked = loaded.settings.train.model_copy(update={"work": str(folder / "work"), "judge": False})
    return replace(loaded, settings=loaded.settings.model_copy(update={"train": asked}))


def _comparisons(one: tuple[Registry, Manifest], other: tuple[Registry, Manifest]) -> Iterator[Comparison]:
    (before, kept), (after, found) = one, other
    for kind in (kind for kind in kept.members if kind in TREES):
        was, now = (before.manifest(kept.members[kind]), after.manifest(found.members[kind]))
        for file, artefact in was.artefacts.items():
            again = now.artefacts[file].sha256
            yield Comparison(f"{kind}.{file}", artefact.sha256, again, artefact.sha256 == again)
    for name, value in kept.metrics.items():
        tolerance = TOLERANCES.get(name.rpartition(".")[2])
        if tolerance is not None:
            score = found.metrics.get(name, float("nan"))
            yield Comparison(name, f"{value:.6f}", f"{score:.6f}", abs(score - value) <= tolerance)
