"""Schema: which features, in which order, under which formulas; two ends agree when their hashes do.

A row of numbers means nothing without the list that made it. Whoever holds another list is refused: nothing
is padded, reordered or guessed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Self

import orjson

from qt_ray.core.errors import Invalid
from qt_ray.market.features.carry import BASIS_BARS, FUNDING_MEAN_BARS, FUNDING_PERIOD_MS
from qt_ray.market.features.catalogue import CATALOGUE, Feature, Source, Unit
from qt_ray.market.features.coarse import COARSE_STEPS
from qt_ray.market.features.moments import ILLIQUIDITY_MAX
from qt_ray.market.features.shape import VOLUME_CHANGE_MAX
from qt_ray.market.features.wilder import WILDER_BARS

# Raised whenever a column changes its meaning, even by a rounding; a model of another version is refused.
SCHEMA_VERSION = 1

PARAMETERS: Mapping[str, int | float | tuple[int, ...]] = MappingProxyType(
    {
        "basis_bars": BASIS_BARS,
        "coarse_steps": COARSE_STEPS,
        "funding_mean_settlements": FUNDING_MEAN_BARS,
        "funding_period_ms": FUNDING_PERIOD_MS,
        "illiquidity_max": ILLIQUIDITY_MAX,
        "volume_change_max": VOLUME_CHANGE_MAX,
        "wilder_bars": WILDER_BARS,
        "window_bars": (10, 20, 60),
    }
)

_BY_NAME = {feature.name: feature for feature in CATALOGUE}


@dataclass(frozen=True)
class FeatureSchema:
    """An ordered choice of features; the whole catalogue unless a subset is asked for."""

    features: tuple[Feature, ...] = CATALOGUE
    version: int = field(default=SCHEMA_VERSION, init=False)

    def __post_init__(self) -> None:
        if not self.features:
            raise Invalid("features: a schema names at least one feature, had none")
        if len(set(self.names)) != len(self.features):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise Invalid(f"features: a schema names a feature once, had twice {', '.join(twice)}")

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the columns' names in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def warmup(self) -> int:
        """Return the usable bars after which every column that has its data is a number."""
        return max(feature.warmup for feature in self.features)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of version, parameters, and every column's name, warm-up, unit and source."""
        columns = [[f.name, f.warmup, f.unit.value, f.source.value] for f in self.features]
        identity = {"columns": columns, "parameters": dict(PARAMETERS), "version": self.version}
        return sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def index(self, name: str) -> int:
        """Return the column of `name`."""
        if name not in self._places:
            raise Invalid(f"features: a column is one of the schema's {len(self)}, was {name!r}")
        return self._places[name]

    def subset(self, names: Iterable[str]) -> Self:
        """Return the schema of `names`, in their order."""
        chosen = tuple(names)
        for name in chosen:
            if name not in self._places:
                raise Invalid(f"features: a subset is of the schema's {len(self)} features, had {name!r}")
        return type(self)(tuple(_BY_NAME[name] for name in chosen))

    def scale_free(self) -> Self:
        """Return the columns that do not depend on the unit of price or volume."""
        return type(self)(tuple(f for f in self.features if f.unit is Unit.FREE))

    def without(self, *sources: Source) -> Self:
        """Return the columns that need none of `sources`."""
        return type(self)(tuple(f for f in self.features if f.source not in sources))

    def require(self, digest: str, who: str) -> None:
        """Refuse `who` unless it was made for this very schema."""
        if digest != self.hash:
            raise Invalid(f"features: {who} speaks schema {self.hash[:12]}, spoke {digest[:12] or 'none'}")
