"""`qt ess`: the emergency stop: a trip never asks and always shuts entries out, a reset is dear."""

from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any

import typer

from qt_ray.cli.caller import Because, ByHand, Caller, Yes, by_caller, group
from qt_ray.cli.calling import Desk, confirm, who
from qt_ray.cli.emergency_views import (
    Standing,
    next_steps,
    outcome_lines,
    past_lines,
    reset_lines,
    standing_lines,
)
from qt_ray.cli.latch import shown
from qt_ray.cli.screen import note
from qt_ray.cli.session import NotRunning, places
from qt_ray.core.errors import QtError, Retryable

app = group()

SCHEMA = "qt.ess/1"
NOT_FLAT = 7
# The emergency stop's own door answers in milliseconds or not at all.
DOOR_S = 1.0
# The console itself gives up on a silent part after a second, and on the next one after another.
TRIP_S = 4.0
LOOK_S = 3.0


@app.command()
@by_caller
def status(caller: Caller) -> None:
    """Show how it stands, since when, why, what is left open, and what to type next."""
    code = 0
    try:
        at = _standing(caller, caller.desk())
    except (NotRunning, Retryable) as silent:
        if caller.console is not None:
            raise
        at, code = _nearby(caller, str(silent)), silent.exit_code
    known = {"account": at.whose, "left_open": at.held, "next": [step.command for step in next_steps(at)]}
    caller.answer(SCHEMA, {**at.found, **known}, standing_lines(at))
    if code:
        raise typer.Exit(code)


@app.command()
@by_caller
def trip(caller: Caller, reason: ByHand = "by hand") -> None:
    """Stop now: entries shut out, orders cancelled, positions closed. Without a running fund, close the latch."""
    whose, found = _stopped(caller, reason)
    caller.answer(SCHEMA, found, outcome_lines(whose, caller.qt, found))
    if not found["is_flattening"]:
        note(found["detail"])
        raise typer.Exit(NOT_FLAT)


@app.command()
@by_caller
def reset(
    caller: Caller,
    cause: Annotated[str, typer.Argument(help="The cause that is none any more, as `qt ess status` says.")],
    reason: Because,
    yes: Yes = None,
) -> None:
    """Clear one cause; with the last one, and after the cool-down, entries are let in again."""
    desk = caller.desk()
    at = _standing(caller, desk)
    for line in standing_lines(at):
        note(line)
    # What is known to be no cause is refused, and put on record, without a question first.
    if cause in at.emergency.get("causes", [cause]):
        confirm("once the last cause is cleared, positions may be opened again", desk.account, yes)
    found = desk.ask("POST", "/api/emergency/reset", {"cause": cause, "reason": reason}).data
    caller.answer(SCHEMA, found, reset_lines(desk.whose, caller.qt, cause, found["emergency"]))


@app.command()
@by_caller
def history(caller: Caller) -> None:
    """Show trips and resets, the newest first."""
    found = caller.desk().ask("GET", "/api/emergency/history").data
    caller.answer(SCHEMA, found, past_lines(found["emergencies"]))
    if not found["emergencies"]:
        note("there was none")


def _standing(caller: Caller, desk: Desk) -> Standing:
    from qt_ray.adapters.clock import now_ms

    found = desk.ask("GET", "/api/emergency/status").data
    told = _perhaps(desk, "/api/portfolio/positions").get("positions")
    held = None if told is None else {name: one["quantity"] for name, one in told.items() if Decimal(one["quantity"])}
    cooldown_ms = _perhaps(desk, "/api/policy").get("policy", {}).get("ess", {}).get("cooldown_ms")
    return Standing(desk.whose, caller.qt, found, held, cooldown_ms, now_ms())


def _nearby(caller: Caller, silent: str) -> Standing:
    """Return what is known without a console: the emergency stop's own word, or else the latch's file alone."""
    from qt_ray.adapters.clock import now_ms
    from qt_ray.adapters.latch import Latch
    from qt_ray.adapters.side_door import knock

    place, unknown = places(caller.profile, caller.assignments), {"policy": silent, "gateway": silent}
    try:
        told = knock(place.door, {"do": "status"}, DOOR_S)
    except QtError:
        told, unknown = {"ess": None, "latch": shown(Latch(place.latch).state())}, {"ess": silent, **unknown}
    found = {**told, "policy": None, "gateway": None, "unknown": unknown, "entries_shut": True}
    return Standing(place.whose, caller.qt, found, None, None, now_ms())


def _stopped(caller: Caller, reason: str) -> tuple[str, dict[str, Any]]:
    """Stop by whoever is there: the emergency stop at its own door, else the console, else the latch's file."""
    from qt_ray.adapters.side_door import knock

    if caller.console is None:
        place = places(caller.profile, caller.assignments)
        with suppress(QtError):  # nobody opens: the console may still reach it, and says why not
            return place.whose, knock(place.door, {"do": "trip", "reason": reason}, DOOR_S)
    whose = "the account"
    try:
        desk = caller.desk()
        whose = desk.whose
        return whose, desk.ask("POST", "/api/emergency/trigger", {"reason": reason}, within_s=TRIP_S).data
    except QtError as silent:
        if caller.console is not None:
            raise
        # Whatever stands between this person and the fund on this machine, the latch's file is within reach.
        note(str(silent))
        return whose, _shut(caller, reason)


def _perhaps(desk: Desk, path: str) -> dict[str, Any]:
    """Return an answer, or nothing: who looks at an emergency must not wait for a part that is away."""
    try:
        found: dict[str, Any] = desk.ask("GET", path, within_s=LOOK_S).data
    except QtError:
        return {}
    return found


def _shut(caller: Caller, reason: str) -> dict[str, Any]:
    from qt_ray.adapters.clock import now_ms
    from qt_ray.adapters.latch import Latch

    latch = Latch(places(caller.profile, caller.assignments).latch)
    state = latch.state()
    if not state.closed:
        state = latch.close(state.epoch + 1, reason, who(), now_ms())
    detail = "entries are shut out, nothing is closed yet; run `qt flatten`"
    told = {"acted": "latch", "is_flattening": False, "emergency": None, "policy_told": None}
    return {**told, "latch": shown(state), "detail": detail}
