"""`qt ess`: the emergency stop: a trip never asks and always shuts entries out, a reset is dear."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from qt_ray.cli.calling import Because, Console, Desk, Yes, confirm, desk_of, who
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.screen import emit, note, say
from qt_ray.cli.session import places
from qt_ray.core.errors import QtError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

SCHEMA = "qt.ess/1"
NOT_FLAT = 7
# The console itself gives up on a silent part after a second, and on the next one after another.
TRIP_S = 4.0


@app.command()
def status(
    profile: Profile = "paper", assignments: Assignments = None, console: Console = None, json: Json = False
) -> None:
    """Show the three memories of an emergency; any one of them set means that nothing new is opened."""
    found = desk_of(profile, assignments, console).ask("GET", "/api/emergency/status").data
    if json:
        emit(SCHEMA, found)
        return
    say(f"entries: {'shut out' if found['entries_shut'] else 'let in'}")
    for name in ("ess", "latch", "policy"):
        say(f"{name}: {found['unknown'].get(name) or _line(found[name])}")


@app.command()
def trip(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the emergency.")] = "by hand",
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Stop now: entries shut out, orders cancelled, positions closed. Without a running fund, close the latch."""
    try:
        desk = desk_of(profile, assignments, console)
        found = desk.ask("POST", "/api/emergency/trigger", {"reason": reason}, within_s=TRIP_S).data
    except QtError as silent:
        if console is not None:
            raise
        # Whatever stands between this person and the fund on this machine, the latch's file is within reach.
        note(str(silent))
        found = _shut(profile, assignments, reason)
    if json:
        emit(SCHEMA, found)
    else:
        say(f"acted: {found['acted']}; latch {'closed' if found['latch']['closed'] else 'open'}")
    if not found["is_flattening"]:
        note(found["detail"])
        raise typer.Exit(NOT_FLAT)


@app.command()
def reset(
    cause: Annotated[str, typer.Argument(help="The cause that is none any more, as `qt ess status` says.")],
    reason: Because,
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Clear one cause; with the last one, and after the cool-down, entries are let in again."""
    desk = desk_of(profile, assignments, console)
    _show(desk)
    confirm("once the last cause is cleared, positions may be opened again", desk.account, yes)
    found = desk.ask("POST", "/api/emergency/reset", {"cause": cause, "reason": reason}).data
    emit(SCHEMA, found) if json else say(_line(found["emergency"]))


@app.command()
def history(
    profile: Profile = "paper", assignments: Assignments = None, console: Console = None, json: Json = False
) -> None:
    """Show trips and resets."""
    found = desk_of(profile, assignments, console).ask("GET", "/api/emergency/history").data
    if json:
        emit(SCHEMA, found)
        return
    for one in found["emergencies"]:
        say(_line(one))


def _show(desk: Desk) -> None:
    found = desk.ask("GET", "/api/emergency/status").data
    for name in ("ess", "latch", "policy"):
        note(f"{name}: {found['unknown'].get(name) or _line(found[name])}")


def _shut(profile: str, assignments: list[str] | None, reason: str) -> dict[str, Any]:
    from dataclasses import asdict

    from qt_ray.adapters.clock import now_ms
    from qt_ray.adapters.latch import Latch

    latch = Latch(places(profile, assignments).latch)
    state = latch.state()
    if not state.closed:
        state = latch.close(state.epoch + 1, reason, who(), now_ms())
    detail = "entries are shut out, nothing is closed yet; run `qt flatten`"
    return {"acted": "latch", "is_flattening": False, "latch": asdict(state), "detail": detail}


def _line(found: Any) -> str:
    if not isinstance(found, Mapping):
        return "-" if found is None else str(found)
    return ", ".join(f"{name} {value}" for name, value in found.items() if value not in (None, "", [], {}))
