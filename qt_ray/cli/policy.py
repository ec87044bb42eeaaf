"""`qt policy`: what the fund may do, and every change of it: tightening at once, loosening by two people."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qt_ray.cli.caller import Because, Caller, Yes, by_caller, group
from qt_ray.cli.calling import Desk, confirm
from qt_ray.cli.numbers import whole
from qt_ray.cli.policy_views import (
    change_lines,
    entry_lines,
    flat,
    is_below,
    proposal_lines,
    text,
    typed,
    verdict,
)
from qt_ray.cli.screen import note
from qt_ray.core.errors import Invalid

app = group()

SCHEMA = "qt.policy/1"

Changes = Annotated[list[str], typer.Argument(metavar="PATH=VALUE...", help="Such as modes.NORMAL.max_leverage=3.")]
File = Annotated[Path, typer.Argument(help="YAML with the values that are wanted, nested or by dotted path.")]
Proposal = Annotated[str, typer.Argument(help="The proposal's id, as `qt policy proposals` says.")]


@app.command()
@by_caller
def get(
    caller: Caller, path: Annotated[str | None, typer.Argument(help="Only what lies at or below this path.")] = None
) -> None:
    """Show the policy in force."""
    found = caller.desk().ask("GET", "/api/policy").data
    shown = {name: value for name, value in flat(found["policy"]).items() if is_below(name, path)}
    if path is not None and not shown:
        raise Invalid(f"a path names a value of the policy, was {path!r:.60}")
    lines = (f"{name} = {text(value)}" for name, value in shown.items())
    caller.answer(SCHEMA, found if path is None else {**found, "policy": shown}, lines)


@app.command("set")
@by_caller
def set_(caller: Caller, changes: Changes, reason: Because, yes: Yes = None) -> None:
    """Change values, all or none; what lets more risk in becomes a proposal for a second person."""
    desk = caller.desk()
    _change(caller, desk, _typed(changes, desk), reason, yes)


@app.command()
@by_caller
def apply(caller: Caller, file: File, reason: Because, yes: Yes = None) -> None:
    """Change every value that a file states and that differs."""
    _change(caller, caller.desk(), _stated(file), reason, yes)


@app.command()
@by_caller
def diff(
    caller: Caller,
    changes: Annotated[list[str] | None, typer.Argument(metavar="PATH=VALUE...")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file instead of words.")] = None,
    version: Annotated[int | None, typer.Option("--version", help="An earlier version instead.", **whole(1))] = None,
) -> None:
    """Show what a change would do, field by field, and change nothing."""
    if sum(given is not None for given in (changes or None, file, version)) != 1:
        raise typer.BadParameter("one of PATH=VALUE, --file and --version")
    desk = caller.desk()
    if version is not None:
        found = _looked_at(desk, {"version": version})
    else:
        found = _looked_at(desk, {"changes": _stated(file) if file else _typed(changes or [], desk)})
    caller.answer(SCHEMA, found, change_lines(found["changes"]))
    note(verdict(found))


@app.command()
@by_caller
def history(
    caller: Caller,
    count: Annotated[int, typer.Option("--count", "-n", help="How many to show.", **whole(1, 100))] = 20,
) -> None:
    """Show who changed what, when and why, the newest first."""
    found = caller.desk().ask("GET", f"/api/policy/history?count={count}").data
    caller.answer(SCHEMA, found, (line for kept in found["entries"] for line in entry_lines(kept["entry"])))


@app.command()
@by_caller
def revert(
    caller: Caller,
    version: Annotated[int, typer.Argument(help="The version whose rules are wanted again.", **whole(1))],
    reason: Because,
    yes: Yes = None,
) -> None:
    """Bring the rules of an earlier version back; a pause, an emergency and the models stay as they are."""
    desk = caller.desk()
    found = _looked_at(desk, {"version": version})
    _may_go_on(desk, found, yes)
    body = {"version": version, "reason": reason}
    _tell(caller, desk.ask("POST", "/api/policy/revert", body, found["version"]).data)


@app.command()
@by_caller
def proposals(caller: Caller) -> None:
    """Show what waits for a second person."""
    found = caller.desk().ask("GET", "/api/policy/proposals").data
    caller.answer(SCHEMA, found, (line for one in found["proposals"] for line in proposal_lines(one)))
    if not found["proposals"]:
        note("nothing waits")


@app.command()
@by_caller
def approve(caller: Caller, proposal: Proposal, yes: Yes = None) -> None:
    """Agree to somebody else's proposal, after showing what it does."""
    desk = caller.desk()
    waiting = desk.ask("GET", "/api/policy/proposals").data["proposals"]
    _remark(line for one in waiting if one["id"] == proposal for line in proposal_lines(one))
    confirm("this comes into force at once", desk.account, yes)
    _tell(caller, desk.ask("POST", f"/api/policy/proposals/{proposal}/approve").data)


@app.command()
@by_caller
def dismiss(caller: Caller, proposal: Proposal, reason: Because) -> None:
    """Withdraw or refuse a proposal."""
    body = {"reason": reason}
    _tell(caller, caller.desk().ask("POST", f"/api/policy/proposals/{proposal}/dismiss", body).data)


def _typed(changes: list[str], desk: Desk) -> dict[str, Any]:
    now, wanted = flat(desk.ask("GET", "/api/policy").data["policy"]), dict[str, Any]()
    for change in changes:
        path, equals, word = change.partition("=")
        if not equals or not path.strip():
            raise typer.BadParameter(f"a change is PATH=VALUE, was {change!r:.60}")
        # What is not there is asked for all the same: the policy itself says what is wrong with it.
        wanted[path.strip()] = typed(word.strip(), now.get(path.strip(), word))
    return wanted


def _stated(file: Path) -> dict[str, Any]:
    from qt_ray.adapters.plain_yaml import read_yaml

    return flat(read_yaml(file, file.name))


def _change(caller: Caller, desk: Desk, changes: Mapping[str, Any], reason: str, yes: str | None) -> None:
    found = _looked_at(desk, {"changes": changes})
    _may_go_on(desk, found, yes)
    body = {"changes": changes, "reason": reason}
    _tell(caller, desk.ask("PATCH", "/api/policy", body, found["version"]).data)


def _looked_at(desk: Desk, body: Mapping[str, Any]) -> Any:
    return desk.ask("POST", "/api/policy/diff", body).data


def _may_go_on(desk: Desk, found: Any, yes: str | None) -> None:
    if found["needs_second"]:
        _remark(change_lines(found["changes"]))
        what = "this lets more risk in: it is laid before a second person and comes into force when he agrees"
        confirm(what, desk.account, yes)


def _remark(lines: Iterable[str]) -> None:
    for line in lines:
        note(line)


def _tell(caller: Caller, found: Any) -> None:
    if "proposal" in found:
        caller.answer(SCHEMA, found, proposal_lines(found["proposal"]))
        agreeing = caller.qt(f"policy approve {found['proposal']['id']}")
        note(f"nothing has changed yet; somebody else agrees with: {agreeing}")
    else:
        now = found["policy"]
        caller.answer(SCHEMA, found, [f"version {now['version']} is in force, epoch {now['epoch']}"])
