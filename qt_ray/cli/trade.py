"""`qt trade`: whether new positions are opened, and what is held closed by hand.

What lessens risk never asks; to resume is to let risk in, and is confirmed.
"""

from typing import Annotated

import typer

from qt_ray.cli.calling import Because, Console, Yes, confirm, desk_of
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.screen import emit, note, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

SCHEMA = "qt.trade/1"
NOT_CONFIRMED = 7


@app.command()
def pause(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the policy.")] = "by hand",
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Open nothing new from now on; what is held stays guarded, and is closed as it would have been."""
    found = desk_of(profile, assignments, console).ask("POST", "/api/trade/pause", {"reason": reason}).data
    emit(SCHEMA, found) if json else say(f"paused, version {found['policy']['version']}")


@app.command()
def resume(
    reason: Because,
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Let new positions in again; an emergency is not ended by it."""
    desk = desk_of(profile, assignments, console)
    policy = desk.ask("GET", "/api/policy").data["policy"]
    confirm(f"positions may be opened again, in mode {policy['active_mode']}", desk.account, yes)
    found = desk.ask("POST", "/api/trade/resume", {"reason": reason}, policy["version"]).data
    shut = "" if found["allow_new_trades"] else "; an emergency still shuts entries out"
    emit(SCHEMA, found) if json else say(f"resumed, version {found['policy']['version']}{shut}")


@app.command()
def close(
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Positions to close; all of them if none is named.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the trade.")] = "by hand",
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Close positions at the market, now. The fund may open them again; a pause keeps it from that."""
    body = {"symbols": [symbol.upper() for symbol in symbols or ()], "reason": reason}
    found = desk_of(profile, assignments, console).ask("POST", "/api/trade/close", body).data
    if json:
        emit(SCHEMA, found)
    for one in () if json else found["closings"]:
        say(f"{one['symbol']}: {one['closed']} of {one['quantity']} closed")
    if not found["all_closed"]:
        note("not all is confirmed, it may still be carried out: qt positions")
        raise typer.Exit(NOT_CONFIRMED)
