"""Predictors: from a recipe, which is plain values that a record keeps, to something with opinions.

A recipe is what another process, a replay or a cache needs to make the same predictor again: its kind, its parameters,
and for models the version, never a word such as champion that means something else tomorrow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qt_ray.adapters.models.assembly import assemble
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.baselines import baseline
from qt_ray.ai.forecast import Predictor
from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars

ENSEMBLE = "ensemble"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A predictor as plain values; `root` is where its models lie, which changes no opinion and is not recorded."""

    kind: str
    parameters: Mapping[str, Any]
    root: Path | None = None

    def predictor(self, bars: Bars) -> Predictor:
        """Return a fresh predictor for bars like these."""
        if self.kind != ENSEMBLE or self.root is None:
            return baseline(self.kind, len(bars.symbols), self.parameters)
        return assemble(self.root, bars.symbols, bars.interval_ms, **self.parameters)

    def require_whole(self) -> None:
        """Raise unless every byte of the models is what it was; who takes kept forecasts has not read them."""
        if self.kind != ENSEMBLE or self.root is None:
            return
        registry, version = Registry(self.root), str(self.parameters["version"])
        for part in (version, *registry.manifest(version).members.values()):
            for flaw in registry.flaws(part):
                raise Invalid(flaw)

    def learned_until_ms(self) -> int | None:
        """Return the moment up to which the models learned from bars; None of what learns nothing."""
        if self.kind != ENSEMBLE or self.root is None:
            return None
        return Registry(self.root).manifest(str(self.parameters["version"])).trained_to_ms

    def plain(self) -> dict[str, Any]:
        """Return what a run records."""
        return {"kind": self.kind, **self.parameters}
