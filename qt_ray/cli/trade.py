"""`qt trade`: whether new positions are opened, and what is held closed by hand.

What lessens risk never asks; to resume is to let risk in, and is confirmed.
"""

from typing import Annotated

import typer

from qt_ray.cli.caller import Because, ByHand, Caller, Yes, by_caller, group
from qt_ray.cli.calling import confirm
from qt_ray.cli.screen import note

app = group()

SCHEMA = "qt.trade/1"
NOT_CONFIRMED = 7


@app.command()
@by_caller
def pause(caller: Caller, reason: ByHand = "by hand") -> None:
    """Open nothing new from now on; what is held stays guarded, and is closed as it would have been."""
    found = caller.desk().ask("POST", "/api/trade/pause", {"reason": reason}).data
    again = caller.qt('trade resume --reason "..."')
    caller.answer(SCHEMA, found, [f"paused, version {found['policy']['version']}; it ends with: {again}"])


@app.command()
@by_caller
def resume(caller: Caller, reason: Because, yes: Yes = None) -> None:
    """Let new positions in again; an emergency is not ended by it."""
    desk = caller.desk()
    policy = desk.ask("GET", "/api/policy").data["policy"]
    confirm(f"positions may be opened again, in mode {policy['active_mode']}", desk.account, yes)
    found = desk.ask("POST", "/api/trade/resume", {"reason": reason}, policy["version"]).data
    shut = "" if found["allow_new_trades"] else f"; an emergency still shuts entries out: {caller.qt('ess status')}"
    caller.answer(SCHEMA, found, [f"resumed, version {found['policy']['version']}{shut}"])


@app.command()
@by_caller
def close(
    caller: Caller,
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Positions to close; all of them if none is named.")
    ] = None,
    reason: ByHand = "by hand",
) -> None:
    """Close positions at the market, now. The fund may open them again; a pause keeps it from that."""
    body = {"symbols": [symbol.upper() for symbol in symbols or ()], "reason": reason}
    found = caller.desk().ask("POST", "/api/trade/close", body).data
    lines = (f"{one['symbol']}: {one['closed']} of {one['quantity']} closed" for one in found["closings"])
    caller.answer(SCHEMA, found, lines)
    if not found["closings"]:
        note("nothing is held")
    if not found["all_closed"]:
        note(f"not all is confirmed, it may still be carried out: {caller.qt('positions')}")
        raise typer.Exit(NOT_CONFIRMED)
