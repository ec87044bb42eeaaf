"""`qt policy`: what the fund may do, and every change of it: tightening at once, loosening by two people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qt_ray.cli.calling import Because, Console, Desk, Yes, confirm, desk_of
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.policy_views import (
    flat,
    is_below,
    lines,
    show_changes,
    show_entry,
    show_proposal,
    text,
    typed,
)
from qt_ray.cli.screen import emit, note, say
from qt_ray.core.errors import Invalid

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

SCHEMA = "qt.policy/1"

Changes = Annotated[list[str], typer.Argument(metavar="PATH=VALUE...", help="Such as modes.NORMAL.max_leverage=3.")]
File = Annotated[Path, typer.Argument(help="YAML with the values that are wanted, nested or by dotted path.")]
Proposal = Annotated[str, typer.Argument(help="The proposal's id, as `qt policy proposals` says.")]


@app.command()
def get(
    path: Annotated[str | None, typer.Argument(help="Only what lies at or below this path.")] = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Show the policy in force."""
    desk = desk_of(profile, assignments, console)
    found = desk.ask("GET", "/api/policy").data
    shown = {name: value for name, value in flat(found["policy"]).items() if is_below(name, path)}
    if path is not None and not shown:
        raise Invalid(f"a path names a value of the policy, was {path!r:.60}")
    if json:
        emit(SCHEMA, {**found, "policy": shown if path is not None else found["policy"]})
        return
    for name, value in shown.items():
        say(f"{name} = {text(value)}")


@app.command("set")
def set_(
    changes: Changes,
    reason: Because,
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Change values, all or none; what lets more risk in becomes a proposal for a second person."""
    desk = desk_of(profile, assignments, console)
    _change(desk, _typed(changes, desk.ask("GET", "/api/policy").data["policy"]), reason, yes, json)


@app.command()
def apply(
    file: File,
    reason: Because,
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Change every value that a file states and that differs."""
    _change(desk_of(profile, assignments, console), _stated(file), reason, yes, json)


@app.command()
def diff(
    changes: Annotated[list[str] | None, typer.Argument(metavar="PATH=VALUE...")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file instead of words.")] = None,
    version: Annotated[int | None, typer.Option("--version", min=1, help="An earlier version instead.")] = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Show what a change would do, field by field, and change nothing."""
    if sum(given is not None for given in (changes or None, file, version)) != 1:
        raise typer.BadParameter("one of PATH=VALUE, --file and --version")
    desk = desk_of(profile, assignments, console)
    wanted = _stated(file) if file else _typed(changes or [], desk.ask("GET", "/api/policy").data["policy"])
    found = _looked_at(desk, {"version": version} if version else {"changes": wanted})
    emit(SCHEMA, found) if json else show_changes(found)


@app.command()
def history(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="How many to show.")] = 20,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Show who changed what and why, the newest first."""
    found = desk_of(profile, assignments, console).ask("GET", f"/api/policy/history?count={count}").data
    if json:
        emit(SCHEMA, found)
        return
    for kept in found["entries"]:
        show_entry(kept["entry"])


@app.command()
def revert(
    version: Annotated[int, typer.Argument(min=1, help="The version whose rules are wanted again.")],
    reason: Because,
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Bring the rules of an earlier version back; a pause, an emergency and the models stay as they are."""
    desk = desk_of(profile, assignments, console)
    found = _looked_at(desk, {"version": version})
    _may_go_on(desk, found, yes)
    body = {"version": version, "reason": reason}
    _tell(desk.ask("POST", "/api/policy/revert", body, found["version"]).data, json)


@app.command()
def proposals(
    profile: Profile = "paper", assignments: Assignments = None, console: Console = None, json: Json = False
) -> None:
    """Show what waits for a second person."""
    found = desk_of(profile, assignments, console).ask("GET", "/api/policy/proposals").data
    if json:
        emit(SCHEMA, found)
        return
    for proposal in found["proposals"]:
        show_proposal(proposal)
    if not found["proposals"]:
        note("nothing waits")


@app.command()
def approve(
    proposal: Proposal,
    yes: Yes = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Agree to somebody else's proposal, after showing what it does."""
    desk = desk_of(profile, assignments, console)
    waiting = desk.ask("GET", "/api/policy/proposals").data["proposals"]
    for one in waiting:
        if one["id"] == proposal:
            show_proposal(one, note)
    confirm("this comes into force at once", desk.account, yes)
    _tell(desk.ask("POST", f"/api/policy/proposals/{proposal}/approve").data, json)


@app.command()
def dismiss(
    proposal: Proposal,
    reason: Because,
    profile: Profile = "paper",
    assignments: Assignments = None,
    console: Console = None,
    json: Json = False,
) -> None:
    """Withdraw or refuse a proposal."""
    desk = desk_of(profile, assignments, console)
    _tell(desk.ask("POST", f"/api/policy/proposals/{proposal}/dismiss", {"reason": reason}).data, json)


def _typed(changes: list[str], policy: Mapping[str, Any]) -> dict[str, Any]:
    now, wanted = flat(policy), dict[str, Any]()
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path.strip():
            raise typer.BadParameter(f"a change is PATH=VALUE, was {change!r:.60}")
        # What is not there is asked for all the same: the policy itself says what is wrong with it.
        wanted[path.strip()] = typed(text.strip(), now.get(path.strip(), text))
    return wanted


def _stated(file: Path) -> dict[str, Any]:
    from qt_ray.adapters.plain_yaml import read_yaml

    return flat(read_yaml(file, file.name))


def _change(desk: Desk, changes: dict[str, Any], reason: str, yes: str | None, json: bool) -> None:
    found = _looked_at(desk, {"changes": changes})
    _may_go_on(desk, found, yes)
    body = {"changes": changes, "reason": reason}
    _tell(desk.ask("PATCH", "/api/policy", body, found["version"]).data, json)


def _looked_at(desk: Desk, body: Mapping[str, Any]) -> Any:
    return desk.ask("POST", "/api/policy/diff", body).data


def _may_go_on(desk: Desk, found: Any, yes: str | None) -> None:
    if found["needs_second"]:
        for line in lines(found["changes"]):
            note(line)
        confirm("this lets more risk in: it is laid before a second person and comes into force when he agrees",
                desk.account, yes)  # fmt: skip


def _tell(found: Any, json: bool) -> None:
    if json:
        emit(SCHEMA, found)
    elif "proposal" in found:
        show_proposal(found["proposal"])
        note(f"nothing has changed yet; somebody else agrees with: qt policy approve {found['proposal']['id']}")
    else:
        say(f"version {found['policy']['version']} is in force, epoch {found['policy']['epoch']}")
