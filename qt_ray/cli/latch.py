"""`qt latch`: whether an account's entries are shut out, and the one way for a person to let them in again."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.caller import Because, Yes
from qt_ray.cli.calling import confirm
from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import emit, moment, note, say
from qt_ray.core.errors import Invalid
from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from qt_ray.adapters.latch import Latch, LatchState
    from qt_ray.adapters.settings import Settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

SCHEMA = "qt.latch/1"


@app.command()
def show(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Show whether entries are shut out, since when, by whom and why."""
    settings, latch = _found(profile, assignments)
    _show(settings, latch.state(), json)


@app.command("open")
def open_(
    by: Annotated[str, typer.Option("--by", help="Who opens it; kept with the latch.")],
    reason: Because,
    epoch: Annotated[
        int, typer.Option("--epoch", help="The epoch that closed it, as `qt latch show` says.", **whole(0))
    ],
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    json: Json = False,
) -> None:
    """Let entries in again, after showing what that means."""
    from qt_ray.adapters.clock import now_ms

    settings, latch = _found(profile, assignments)
    state = latch.state()
    if not state.closed:
        raise Invalid("latch: a closed one is opened, this one is open")
    if epoch != state.epoch:
        raise Invalid(f"latch: it is opened under the epoch that closed it, {state.epoch}, was {epoch}")
    note(state.reason if state.at_ms is None else f"closed by {state.by}, {_when(state)}: {state.reason}")
    money = " This is real money." if settings.exchange.kind == "live" else ""
    account = settings.fund.account
    confirm(f"once it is open, whatever runs account {account} may open positions again.{money}", account, yes)
    _show(settings, latch.open(epoch, reason, by, now_ms()), json)


def shown(state: "LatchState") -> dict[str, Any]:
    """Return a latch as the console spells it."""
    at = None if state.at_ms is None else rfc3339(state.at_ms)
    return {"closed": state.closed, "epoch": state.epoch, "reason": state.reason, "by": state.by, "at": at}


def _found(profile: str, assignments: list[str] | None) -> "tuple[Settings, Latch]":
    from qt_ray.adapters.config import load
    from qt_ray.adapters.latch import Latch
    from qt_ray.adapters.trading.places import places_of

    settings = load(profile, assigned(assignments), os.environ).settings
    return settings, Latch(places_of(settings).latch)


def _show(settings: "Settings", state: "LatchState", json: bool) -> None:
    account = {"account": settings.fund.account, "exchange": settings.exchange.kind}
    if json:
        emit(SCHEMA, {**account, **shown(state)})
        return
    say(f"{account['account']} at {account['exchange']}: {'CLOSED, entries are shut out' if state.closed else 'open'}")
    for name, value in {"epoch": state.epoch, "by": state.by, "reason": state.reason, "at": _when(state)}.items():
        say(f"{name:<8} {value or '-'}")


def _when(state: "LatchState") -> str:
    return moment(None if state.at_ms is None else rfc3339(state.at_ms))
