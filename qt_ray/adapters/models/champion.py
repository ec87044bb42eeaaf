"""Champion: what the registry says of the model that a fund trades with, for whoever asks how old it is and how good.

A fund that trades by rules has none, and a registry that cannot be read is a reason and not a silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.models.registry import find_registry
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_strategy import Ensemble
from qt_ray.ai.retraining import Champion

BRIER: Final[Mapping[str, str]] = {"all": "test.blend.brier", "trees": "test.blend_trees.brier"}


@dataclass(frozen=True, slots=True)
class Served:
    """The model that trades, and how many bars ahead it foretells."""

    champion: Champion
    horizon_bars: int


def champion_of(settings: Settings) -> Served | None:
    """Return the model that trades under these settings; nothing for a fund without one, Invalid for a broken one."""
    told = settings.predictor
    if not isinstance(told, Ensemble):
        return None
    registry = find_registry(None if told.models is None else Path(told.models))
    version = registry.resolve(told.version)
    manifest = registry.manifest(version)
    brier = manifest.metrics.get(BRIER[told.members])
    champion = Champion(manifest.name, version, manifest.trained_to_ms, manifest.interval_ms, brier)
    return Served(champion, manifest.horizon_bars)
