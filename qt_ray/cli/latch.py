"""`qt latch`: whether an account's entries are shut out, and the one way for a person to let them in again."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.screen import emit, note, rfc3339, say
from qt_ray.core.errors import Invalid

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
    reason: Annotated[str, typer.Option("--reason", help="Why it may be opened; kept with the latch.")],
    epoch: Annotated[int, typer.Option("--epoch", min=0, help="The epoch that closed it, as `qt latch show` says.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for a word of confirmation.")] = False,
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
    _warn(settings, state)
    if not yes:
        _confirm(settings.fund.account)
    _show(settings, latch.open(epoch, reason, by, now_ms()), json)


def _found(profile: str, assignments: list[str] | None) -> "tuple[Settings, Latch]":
    from qt_ray.adapters.config import load
    from qt_ray.adapters.latch import Latch
    from qt_ray.adapters.trading.places import places_of

    settings = load(profile, assigned(assignments), os.environ).settings
    return settings, Latch(places_of(settings).latch)


def _warn(settings: "Settings", state: "LatchState") -> None:
    note(f"closed by {state.by} at {rfc3339(state.at_ms)}: {state.reason}" if state.at_ms else state.reason)
    note(f"once it is open, whatever runs account {settings.fund.account} may open positions again")
    if settings.exchange.kind == "live":
        note("this is real money")


def _confirm(account: str) -> None:
    try:
        typed: str = typer.prompt("Type the account's name to open the latch", err=True)
    except typer.Abort:
        typed = ""
    if typed.strip() != account:
        raise Invalid(f"latch: opening is confirmed by typing {account}, or with --yes, was {typed.strip()!r:.60}")


def _show(settings: "Settings", state: "LatchState", json: bool) -> None:
    account = {"account": settings.fund.account, "exchange": settings.exchange.kind}
    at = rfc3339(state.at_ms) if state.at_ms else None
    shown: dict[str, Any] = {"epoch": state.epoch, "by": state.by, "reason": state.reason, "at": at}
    if json:
        emit(SCHEMA, {**account, "closed": state.closed, **shown})
        return
    say(f"{account['account']} at {account['exchange']}: {'closed' if state.closed else 'open'}")
    for name, value in shown.items():
        say(f"{name:<8} {'-' if value in (None, '') else value}")
