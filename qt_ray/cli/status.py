"""`qt status`: the running fund on one screen, or as one object for programs; exit code 4 when none runs."""

import asyncio
from collections.abc import Mapping
from typing import Any

from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.screen import console, emit, say
from qt_ray.cli.session import running

NUMBERS = ("decisions", "orders", "fills", "equity", "ess", "policy_version", "epoch")
UNKNOWN = "not known"


def status(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Show how the running fund of a profile's account is, and where to look further."""
    from qt_ray.actors.cluster import visited

    session = running(profile, assignments)
    with visited(session.ray, session.namespace):
        from qt_ray.actors.status import status_of  # it imports Ray, which must first be told how

        found = asyncio.run(status_of(session))
    if json:
        schema = str(found.pop("schema"))
        emit(schema, found)
        return
    _show(found)


def _show(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    ready = "ready" if found["is_ready"] else f"not ready: {', '.join(map(str, found['not_ready']))}"
    say(f"{found['profile']}, account {found['account']}: {found['health']}, {ready}; up {found['uptime_s']} s")
    if found.get("no_new_entries"):
        say(f"no new entries: {found['no_new_entries']}")
    for name in NUMBERS:
        value = found.get(name)
        say(f"{name.replace('_', ' '):<16} {UNKNOWN if value is None else value}")
    table = Table(box=None, pad_edge=False)
    for column in ("part", "health", "ready", "process", "reasons"):
        table.add_column(column)
    for name, part in found["actors"].items():
        ready = "yes" if part["is_ready"] else "no"
        table.add_row(name, part["health"], ready, str(part["pid"] or "-"), "; ".join(part["reasons"]))
    console().print(table)
    for name in ("console", "dashboard"):
        if found.get(name):
            say(f"{name:<16} {found[name]}")
