"""Stores for tests: small manifests, a registry with a champion, and what one process of several does to it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qt_ray.adapters.models.manifest import Artefact, Code, Data, Kind, Manifest
from qt_ray.adapters.models.registry import REGISTRY, Registry
from qt_ray.ai.model_status import ModelSignal, ModelStatus
from qt_ray.core.errors import Invalid

HOUR_MS = 3_600_000
SAYS = ("ada", "the gate passed", 1_700_000_000_000)
FILE = "trees.json"


def weights(seed: int = 0) -> bytes:
    return b'{"trees": [%d]}' % seed


def manifest(seed: int = 0, name: str = "xgboost", **change: Any) -> Manifest:
    made = Manifest(
        name=name,
        kind=Kind.XGBOOST,
        artefacts={FILE: Artefact.of(weights(seed))},
        members={},
        features=("rsi_14", "atr_14"),
        feature_schema="f" * 64,
        interval_ms=HOUR_MS,
        horizon_bars=4,
        data=Data("d" * 64, ("BTCUSDT", "ETHUSDT"), 1_600_000_000_000, 1_650_000_000_000),
        code=Code("0.1.0", "c" * 64),
        plan={"depth": 4, "rate": 0.1, "rounds": [100, 200]},
        metrics={"oos_log_loss": 0.6875, "rows": 1000},
        trained_to_ms=1_640_000_000_000,
        parents=(),
        seed=seed,
    )
    return replace(made, **change)


def ensemble(seed: int = 0, **members: str) -> Manifest:
    return manifest(seed, "ensemble", kind=Kind.ENSEMBLE, artefacts={}, members=members)


def put(registry: Registry, seed: int = 0, name: str = "xgboost") -> str:
    return registry.put(manifest(seed, name), {FILE: weights(seed)}, *SAYS)


def promoted(registry: Registry, seed: int = 0, name: str = "xgboost") -> str:
    """Put a version and take it all the way to ACTIVE."""
    version = put(registry, seed, name)
    registry.advance(version, ModelSignal.SHADOW, *SAYS)
    registry.advance(version, ModelSignal.PROMOTE, *SAYS)
    return version


def served(root: Path) -> tuple[Registry, str]:
    """Return a registry with an ensemble of one member that serves, and the ensemble's version."""
    registry = Registry(root)
    member = promoted(registry)
    champion = registry.put(ensemble(xgboost=member), {}, *SAYS)
    registry.advance(champion, ModelSignal.PROMOTE, *SAYS)
    return registry, champion


@contextmanager
def unmoved(registry: Registry) -> Iterator[None]:
    """Assert that the block changes neither the registry's bytes nor who serves, and leaves no draft."""
    path = registry.root / REGISTRY
    before, champion = path.read_bytes(), registry.resolve("champion")
    yield
    assert path.read_bytes() == before
    assert registry.resolve("champion") == champion
    assert not list(registry.root.rglob("*.tmp"))


def race(root: Path, versions: list[str]) -> list[int]:
    """Take versions to SHADOW, each under the revision just seen; return the revisions that were won."""
    registry, won = Registry(root), []
    for version in versions:
        while registry.entry(version).status is ModelStatus.CANDIDATE:
            seen = registry.succession().revision
            with suppress(Invalid):
                entry = registry.advance(version, ModelSignal.SHADOW, *SAYS, expected_revision=seen)
                won.append(entry.last.revision)
    return won
