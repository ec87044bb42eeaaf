"""`qt predict`: what the models think of the last bar, and why."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.config import Assignments, Json, Models, Profile, assigned, of_models
from qt_ray.cli.screen import emit, note, say
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.models.outlook import Outlook

At = Annotated[str | None, typer.Option("--at", help="Moment whose last closed bar is meant, UTC; default the last.")]


def predict(
    profile: Profile = "backtest",
    assignments: Assignments = None,
    models: Models = None,
    symbol: Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be repeated.")] = None,
    at: At = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say what moved each member most.")] = False,
    json: Json = False,
) -> None:
    """Forecast from the bars of the catalogue: every member's vote, what came of it, and on demand why."""
    from qt_ray.adapters.config import load
    from qt_ray.adapters.fund_setup import recipe_of
    from qt_ray.adapters.models.model_set import load as load_models
    from qt_ray.adapters.models.outlook import closed_by, outlook
    from qt_ray.adapters.settings_values import milliseconds, moment
    from qt_ray.jobs.fund import market_of

    flags = {**assigned(assignments), "predictor.kind": "ensemble", **of_models(models)}
    settings = load(profile, flags, os.environ).settings
    note("reading bars")
    bars, _ = market_of(settings)
    last = closed_by(bars, None if at is None else milliseconds(moment(at)))
    symbols = tuple(dict.fromkeys(word.upper() for word in symbol)) if symbol else bars.symbols
    recipe = recipe_of(settings.predictor)
    found = outlook(bars, load_models(recipe), last, symbols, explain)
    if json:
        emit("qt.predict/1", {"version": recipe.parameters["version"], "forecasts": found})
        return
    for one in found:
        _show(one)


def _show(found: "Outlook") -> None:
    say(f"{found.symbol} at {rfc3339(found.known_ms)}")
    if found.up != found.up:
        say("  nobody speaks")
    else:
        side = "no wish" if found.score != found.score else "up" if found.score > 0 else "down"
        votes = f"{found.agreement} of {found.members} agree, apart {found.disagreement:.4f}"
        say(f"  {side}: P(up) {found.up:.4f}, {votes}")
        say(f"  return to the horizon {_bps(found.low)} to {_bps(found.high)}, a usual move is {_bps(found.move)}")
    for voice in found.voices:
        if voice.silence != "spoke":
            say(f"  {voice.kind:<9} {voice.version[:12]}  silent: {voice.silence.replace('_', ' ')}")
            continue
        say(
            f"  {voice.kind:<9} {voice.version[:12]}  raw {voice.raw:.4f}  calibrated {voice.calibrated:.4f}"
            f"  weight {voice.weight:.3f}"
        )
        for name, part in voice.reasons.items():
            say(f"      {part:+.4f}  {name}")


def _bps(value: float) -> str:
    return f"{1e4 * value:+.1f} bps"
