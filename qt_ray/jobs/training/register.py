"""Register: a trained ensemble into the registry, its members first, each with all that vouches for it."""

from collections.abc import Mapping
from dataclasses import replace

from qt_ray import SOURCES, __version__
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.models.assembly import ENVELOPE_FILE, MODEL_FILES, SPEC_FILE
from qt_ray.adapters.models.learner import Learned
from qt_ray.adapters.models.manifest import Artefact, Code, Data, Kind, Manifest
from qt_ray.adapters.models.registry import Registry
from qt_ray.core.codec import canonical
from qt_ray.jobs.training.fit import Fitted
from qt_ray.jobs.training.plan import TrainingPlan
from qt_ray.market.bars import Bars

REASON = "trained"


def register(
    registry: Registry,
    plan: TrainingPlan,
    bars: Bars,
    fitted: Fitted,
    learned: Mapping[str, Learned],
    metrics: Mapping[str, float],
    by: str,
) -> str:
    """Enter the members and then the ensemble as candidates; return the ensemble's version."""
    every = _manifest(plan, bars, fitted)
    versions = {}
    for kind in plan.members:
        files = {MODEL_FILES[kind]: learned[kind].artefact, ENVELOPE_FILE: canonical(fitted.envelopes[kind].plain())}
        own = {name: value for name, value in metrics.items() if kind in name.split(".")}
        manifest = replace(
            every,
            name=kind,
            kind=Kind(kind),
            members={},
            artefacts={file: Artefact.of(content) for file, content in files.items()},
            plan={**every.plan, "facts": _short(learned[kind])},
            metrics=_with_headline(own, kind),
        )
        versions[kind] = registry.put(manifest, files, by, REASON, now_ms())
    seats = tuple(replace(seat, version=versions[seat.kind]) for seat in fitted.spec.seats)
    files = {SPEC_FILE: replace(fitted.spec, seats=seats).data()}
    manifest = replace(
        every,
        artefacts={file: Artefact.of(content) for file, content in files.items()},
        members=versions,
        metrics=_with_headline(metrics, "blend"),
    )
    return registry.put(manifest, files, by, REASON, now_ms())


def _manifest(plan: TrainingPlan, bars: Bars, fitted: Fitted) -> Manifest:
    """Return what ensemble and members have in common; `members` and files are filled in by each."""
    return Manifest(
        name="ensemble",
        kind=Kind.ENSEMBLE,
        artefacts={},
        members=dict.fromkeys(plan.members, "0" * 64),
        features=plan.features,
        feature_schema=plan.schema,
        interval_ms=plan.interval_ms,
        horizon_bars=plan.label.horizon_bars,
        data=Data(bars.digest(), bars.symbols, int(bars.ts[0]), int(bars.ts[-1]) + bars.interval_ms),
        code=Code(__version__, SOURCES),
        plan=plan.plain(),
        metrics={},
        trained_to_ms=max(seat.trained_to_ms for seat in fitted.spec.seats),
        parents=(),
        seed=plan.seed,
    )


def _short(learned: Learned) -> dict[str, object]:
    """Return a member's facts without what is kept elsewhere."""
    return {name: value for name, value in learned.facts.items() if name not in ("envelope", "plan", "features")}


def _with_headline(metrics: Mapping[str, float], name: str) -> dict[str, float]:
    """Return metrics with the one that lists show."""
    headline = metrics.get(f"test.{name}.log_loss")
    return dict(metrics) if headline is None else {"oos_log_loss": headline, **metrics}
