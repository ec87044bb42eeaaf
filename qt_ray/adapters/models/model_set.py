"""Model set: everything one version needs to have opinions, read once, checked whole, and shared by all who ask it.

What a fund's history adds to an opinion is in the predictors that a set makes, so a swap exchanges one value and two
askers never disturb each other.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from qt_ray.adapters.models.assembly import conducted, read_spec, seated
from qt_ray.adapters.models.recipe import ENSEMBLE, Recipe
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.baselines import baseline
from qt_ray.ai.ensemble.ensemble import Seat
from qt_ray.ai.ensemble.spec import EnsembleSpec
from qt_ray.ai.forecast import Predictor
from qt_ray.ai.model_status import ModelStatus
from qt_ray.ai.model_sync import Live
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.engine.backtest import SCHEMA
from qt_ray.market.features.schema import FeatureSchema

SCHEMAS_KEPT: Final = 64
MINUTE_MS: Final = 60_000
SERVES: Final = (ModelStatus.ACTIVE, ModelStatus.RETIRED)


@dataclass(frozen=True, slots=True, eq=False)
class ModelSet:
    """One version; of a rule without models the recipe is all there is."""

    recipe: Recipe
    spec: EnsembleSpec | None = None
    seats: tuple[Seat, ...] = ()

    @property
    def version(self) -> str:
        """Return the version, which for a rule is its name."""
        return version_of(self.recipe)

    @property
    def interval_ms(self) -> int | None:
        """Return which bars the models are about; a rule is about any."""
        return None if self.spec is None else self.spec.interval_ms

    @property
    def schema(self) -> FeatureSchema | None:
        """Return the features that the models read, in order, or nothing if they read none."""
        return schema_of(self.spec.features if self.spec else self.predictor(("ANY",), MINUTE_MS).needs)

    @property
    def warmup(self) -> int:
        """Return the bars after which every member has what it reads."""
        return self.lookback + (self.schema.warmup if self.schema else 0)

    @property
    def lookback(self) -> int:
        """Return the bars of history that the hungriest member needs."""
        return max((seat.member.lookback for seat in self.seats if seat.member), default=0)

    def predictor(self, symbols: tuple[str, ...], interval_ms: int) -> Predictor:
        """Return a predictor without a past for these symbols."""
        if self.spec is None:
            return baseline(self.recipe.kind, len(symbols), self.recipe.parameters)
        return conducted(self.spec, self.seats, symbols, interval_ms, **self.recipe.parameters)


@lru_cache(SCHEMAS_KEPT)
def schema_of(names: tuple[str, ...]) -> FeatureSchema | None:
    """Return the schema of these features; of none there is none."""
    return SCHEMA.subset(names) if names else None


def version_of(recipe: Recipe) -> str:
    """Return the version that a recipe names, which for a rule is its name."""
    return str(recipe.parameters.get("version", recipe.kind))


def live_in(policy: Policy, recipe: Recipe) -> Live:
    """Return the version that a policy names for these models, or the recipe's own where it names none."""
    named = {model.name: model.version for model in policy.live_models}
    return Live(named.get(recipe.kind, version_of(recipe)), policy.version)


def load(recipe: Recipe, version: str | None = None) -> ModelSet:
    """Return the models of a recipe, or of another version of them; Invalid unless every byte is what it was."""
    if recipe.kind != ENSEMBLE or recipe.root is None:
        if version not in (None, version_of(recipe)):
            raise Invalid(f"{recipe.kind}: a rule has no versions, was asked for {version!r:.80}")
        return ModelSet(recipe)
    wanted = recipe if version is None else replace(recipe, parameters={**recipe.parameters, "version": version})
    wanted.require_whole()
    registry = Registry(recipe.root)
    spec = read_spec(registry, version_of(wanted))
    return ModelSet(wanted, spec, seated(registry, spec, str(wanted.parameters.get("members", "all"))))


def load_promoted(recipe: Recipe, version: str) -> ModelSet:
    """Return the models of a version that may serve; Invalid of one that was never promoted, or has failed."""
    if recipe.kind == ENSEMBLE and recipe.root is not None:
        status = Registry(recipe.root).entry(version).status
        if status not in SERVES:
            raise Invalid(f"{recipe.kind} {version[:12]}: serves once it was promoted, is {status}")
    return load(recipe, version)
