"""Recorded: from a run's folder back to the material it was made of, for replay and for a fresh page."""

from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from qt_ray.adapters.config import Loaded
from qt_ray.adapters.fund_setup import registry_of, setup_of
from qt_ray.adapters.models.recipe import Recipe
from qt_ray.adapters.run_files import ROWS, Recorded
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_strategy import Ensemble
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import money
from qt_ray.core.policy import Policy
from qt_ray.core.restore import restore
from qt_ray.engine.run import Run
from qt_ray.jobs.fund import Material, market_of
from qt_ray.market.bars import Bars

PRIVATE = {"credentials"}


def settings_of(loaded: Loaded) -> dict[str, Any]:
    """Return what a manifest keeps of the settings: everything but secrets."""
    return loaded.settings.model_dump(mode="json", exclude=PRIVATE)


def recorded_settings(recorded: Recorded) -> Settings:
    """Return the settings a run was made with."""
    try:
        return Settings.model_validate(recorded.settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Invalid(f"{recorded.folder}: settings of another version, {place}: {first['msg']}") from error


def recorded_bars(recorded: Recorded) -> tuple[Bars, tuple[Instrument, ...]]:
    """Return bars and instruments of a recorded run; bars that have changed since are an error."""
    bars, instruments = market_of(recorded_settings(recorded))
    if bars.digest() != recorded.digests["bars"]:
        raise Invalid(f"{recorded.folder}: the bars are those of the run, they have changed since")
    return bars, instruments


def recorded_material(recorded: Recorded) -> Material:
    """Return the material of a recorded run, made again from its settings and its policy."""
    settings = recorded_settings(recorded)
    bars, instruments = recorded_bars(recorded)
    policy = Policy.from_dict(recorded.parameters["policy"])
    return Material(setup_of(settings, policy, instruments, bars), bars, recorded_recipe(recorded, settings))


def recorded_recipe(recorded: Recorded, settings: Settings) -> Recipe:
    """Return the recipe a run was made with: the version it used, whatever a word such as champion means today."""
    parameters = dict(recorded.parameters["predictor"])
    kind = str(parameters.pop("kind"))
    found = settings.predictor
    return Recipe(kind, parameters, registry_of(found).root if isinstance(found, Ensemble) else None)


def recorded_run(recorded: Recorded) -> Run:
    """Return the run as it was written down; its units and balance are those of its setup, not of today's files."""
    rows = {name: recorded.rows(name) for name in ROWS}
    bars = recorded_bars(recorded)[0]
    listed = recorded.parameters["instruments"]
    return Run(
        bars=bars,
        instruments=tuple(restore(Instrument, one, "parameters.instruments") for one in listed),
        parameters=recorded.parameters,
        digests=recorded.digests,
        initial=money(Decimal(recorded.parameters["initial"])),
        ballot=recorded.ballot,
        **rows,
    )
