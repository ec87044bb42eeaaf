"""`qt config`: what is set, by whom, and what each setting means."""

import os
from typing import Annotated, Any

import typer

from qt_ray.cli.screen import emit, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

Profile = Annotated[str, typer.Option("--profile", "-p", envvar="QT_PROFILE", help="File of configs to use.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE", help="Set a key, above all files.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]

Models = Annotated[str | None, typer.Option("--models", "-m", help="Version of an ensemble, or champion.")]


def assigned(assignments: list[str] | None) -> dict[str, Any]:
    """Return KEY=VALUE words as a table."""
    told: dict[str, Any] = {}
    for assignment in assignments or ():
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"a setting is KEY=VALUE, was {assignment!r}", param_hint="--set")
        told[key.strip()] = value.strip()
    return told


def of_models(word: str | None) -> dict[str, str]:
    """Return the settings under which the ensemble of that version predicts; without a word, none."""
    return {} if word is None else {"predictor.kind": "ensemble", "predictor.version": word}


@app.command()
def show(
    profile: Profile = "backtest",
    assignments: Assignments = None,
    sources: Annotated[bool, typer.Option("--sources", help="Say where each value came from.")] = False,
    json: Json = False,
) -> None:
    """Show every setting of a profile as the program sees it; secrets are stars."""
    from qt_ray.adapters.config import load
    from qt_ray.adapters.settings_keys import shown

    loaded = load(profile, assigned(assignments), os.environ)
    if json:
        settings = loaded.settings.model_dump(mode="json")
        origin = {"sources": dict(loaded.sources)} if sources else {}
        emit("qt.config/1", {"profile": profile, "digest": loaded.digest, "settings": settings, **origin})
        return
    width = max(len(key) for key in loaded.plain)
    lines = {key: f"{key:<{width}}  {shown(value)}" for key, value in loaded.plain.items()}
    wide = min(64, max(len(line) for line in lines.values()))
    for key, line in lines.items():
        say(f"{line:<{wide}}  # {loaded.sources[key]}" if sources else line)


@app.command()
def keys(
    section: Annotated[str | None, typer.Argument(help="Only this section.")] = None,
    json: Json = False,
) -> None:
    """Explain every setting: its key, its default, its meaning."""
    from qt_ray.adapters.settings_keys import KEYS, shown

    chosen = [key for key in KEYS if section is None or key.name.split(".")[0] == section]
    if not chosen:
        known = ", ".join(dict.fromkeys(key.name.split(".")[0] for key in KEYS))
        raise typer.BadParameter(f"one of {known}, was {section!r}", param_hint="section")
    if json:
        rows = [{"key": k.name, "kind": k.rule, "default": k.default, "meaning": k.meaning} for k in chosen]
        emit("qt.config.keys/1", {"keys": rows})
        return
    for key in chosen:
        rule = f" [{key.rule}]" if key.rule else ""
        say(f"{key.name}{rule} = {shown(key.default)}")
        if key.meaning:
            say(f"    {key.meaning}")
