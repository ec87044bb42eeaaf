"""Recorded: from a run's folder back to the material it was made of, for replay and for a fresh page."""

from typing import Any

from pydantic import ValidationError

from qt_ray.adapters.config import Loaded
from qt_ray.adapters.run_files import Recorded
from qt_ray.adapters.settings import Settings
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.engine.run import Run
from qt_ray.jobs.fund import Material, market_of, predictor_of, setup_of

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


def recorded_material(recorded: Recorded) -> Material:
    """Return the material of a recorded run; bars that have changed since are an error."""
    settings = recorded_settings(recorded)
    bars, instruments = market_of(settings)
    if bars.digest() != recorded.digests["bars"]:
        raise Invalid(f"{recorded.folder}: the bars are those of the run, they have changed since")
    policy = Policy.from_dict(recorded.manifest["parameters"]["policy"])
    kind, parameters = predictor_of(settings.predictor)
    return Material(setup_of(settings, policy, instruments, bars), bars, kind, parameters)


def recorded_run(recorded: Recorded) -> Run:
    """Return the run as it was written down, its rows checked against their digests."""
    made = recorded_material(recorded)
    return Run(
        bars=made.bars,
        instruments=made.setup.instruments,
        parameters=recorded.manifest["parameters"],
        digests=recorded.digests,
        initial=int(recorded.manifest["initial"]),
        cycles=recorded.rows("cycles"),
        decisions=recorded.rows("decisions"),
        fills=recorded.rows("fills"),
    )
