"""`qt auth`: who may ask the console what; a key is shown once, and whoever may write the account's folder gives it.

Who gave and who took back stands beside each grant, and the running console tells it to the record.
"""

from typing import Annotated, Any

import typer

from qt_ray.cli.calling import who
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import emit, note, say
from qt_ray.cli.session import NotRunning, places, running
from qt_ray.core.moments import rfc3339

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

SCHEMA = "qt.auth/1"
DAY_MS = 86_400_000

Person = Annotated[str, typer.Option("--person", help="Whose key it is; his name stands beside all he does.")]


@app.command()
def create(
    person: Person,
    scope: Annotated[list[str], typer.Option("--scope", help="read, trade, policy, kill or admin; may be repeated.")],
    days: Annotated[int | None, typer.Option("--days", help="Ends by itself after so long.", **whole(1, 3_650))] = None,
    machine: Annotated[bool, typer.Option("--machine", help="A program's key: it agrees to nothing.")] = False,
    profile: Profile = "paper",
    assignments: Assignments = None,
    json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    from qt_ray.adapters.api_keys import KeyRing
    from qt_ray.governance.access import Kind, scopes_of

    lasts_ms = None if days is None else days * DAY_MS
    ring = KeyRing(places(profile, assignments).folder)
    token = ring.issue(person, scopes_of(scope), Kind.KEY, lasts_ms, not machine, by=who())
    if json:
        emit(SCHEMA, {"person": person, "scopes": scope, "key": token})
        return
    say(token)
    note("this is shown once; only its digest is kept")


@app.command("list")
def list_(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Show every grant: whose it is, what it is good for, when it was used and when it ended."""
    from qt_ray.adapters.api_keys import KeyRing
    from qt_ray.adapters.clock import now_ms

    at_ms = now_ms()
    rows: list[dict[str, Any]] = [
        {
            "id": grant.id,
            "kind": grant.kind,
            "person": grant.person,
            "is_person": grant.is_person,
            "scopes": list(grant.scopes),
            "is_good": grant.is_good(at_ms),
            "created": rfc3339(grant.created_ms),
            "used": _moment(grant.used_ms),
            "expires": _moment(grant.expires_ms),
            "revoked": _moment(grant.revoked_ms),
        }
        for grant in KeyRing(places(profile, assignments).folder).grants().values()
    ]
    if json:
        emit(SCHEMA, {"grants": rows})
        return
    for row in rows:
        state = "good" if row["is_good"] else "ended"
        say(f"{row['id']}  {row['kind']:<8} {state:<6} {row['person']:<16} {','.join(row['scopes'])}")


@app.command()
def revoke(
    grant: Annotated[str, typer.Argument(help="The grant's id, as `qt auth list` says.")],
    profile: Profile = "paper",
    assignments: Assignments = None,
    json: Json = False,
) -> None:
    """Take a grant back; the running console refuses it from this moment on."""
    from qt_ray.adapters.api_keys import KeyRing

    KeyRing(places(profile, assignments).folder).revoke(grant, by=who())
    emit(SCHEMA, {"revoked": grant}) if json else say(f"{grant} is taken back")


@app.command()
def login(
    person: Annotated[str | None, typer.Option("--person", help="Who comes in; else who runs this.")] = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    json: Json = False,
) -> None:
    """Show an address that opens the console in a browser once, within five minutes."""
    from qt_ray.adapters.api_keys import login_url

    session = running(profile, assignments)
    if session.console is None:
        raise NotRunning(f"the fund of account {session.account} has a console, it was started without one")
    url = login_url(places(profile, assignments).folder, session.console, person or who(), by=who())
    emit(SCHEMA, {"url": url}) if json else say(url)


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
