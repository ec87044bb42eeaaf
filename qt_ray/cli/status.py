"""`qt status`: the running fund on one screen, or as one object for programs; exit code 4 when none runs.

On the machine of the fund its session says where to ask; from any other machine of the cluster Ray's address does.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.numbers import plain
from qt_ray.cli.screen import console, emit, note, say
from qt_ray.cli.session import NotRunning, running
from qt_ray.core.errors import Retryable

if TYPE_CHECKING:
    from qt_ray.adapters.session_file import Session

NUMBERS = ("decisions", "orders", "fills", "equity", "ess", "policy_version", "epoch")
UNKNOWN = "not known"
LOOK_S = 1.0

Address = Annotated[str | None, typer.Option("--address", help="Ask the Ray at this address, from any machine of it.")]
Within = Annotated[float, typer.Option("--within", help="Seconds to wait until all is ready, else 7.", **plain(0))]

Found = dict[str, Any]
T = TypeVar("T")


def status(
    profile: Profile = "paper",
    assignments: Assignments = None,
    address: Address = None,
    within: Within = 0,
    json: Json = False,
) -> None:
    """Show how the running fund of a profile's account is, and where to look further."""
    wait = Patience(within)
    if address is None:
        found = _of_session(wait.until(lambda: running(profile, assignments)), wait)
    else:
        found = _at(address, profile, assignments, wait)
    if json:
        schema = str(found.pop("schema"))
        emit(schema, found)
        return
    show(found)


class Patience:
    """Time that one command may wait in all; without any, what is found first is the answer."""

    def __init__(self, within_s: float) -> None:
        from qt_ray.adapters.clock import monotonic_ns

        self._clock, self._within_s = monotonic_ns, within_s
        self._until_ns = monotonic_ns() + int(within_s * 1e9)

    @property
    def is_over(self) -> bool:
        """Return whether there is no time left."""
        return self._clock() >= self._until_ns

    def until(self, ask: Callable[[], T]) -> T:
        """Return an answer as soon as there is one; what kept it away is raised when the time is over."""
        while True:
            try:
                return ask()
            except (NotRunning, Retryable):
                if self.is_over:
                    raise
            sleep(LOOK_S)

    def until_ready(self, ask: Callable[[], Found]) -> Found:
        """Return the state of a fund whose parts are ready; Retryable names who is not when the time is over."""
        if not self._within_s:
            return ask()

        def ready() -> Found:
            found = ask()
            if not found["is_ready"]:
                raise Retryable(f"status: every part is ready within {self._within_s:g} s, not: {_missing(found)}")
            return found

        return self.until(ready)


def _of_session(session: "Session", wait: Patience) -> Found:
    from qt_ray.actors.cluster import visited

    with visited(session.ray, session.namespace):
        from qt_ray.actors.status import status_of  # it imports Ray, which must first be told how

        def ask() -> Found:
            if not session.is_alive:
                raise NotRunning(f"the fund of account {session.account} runs, its process {session.pid} has ended")
            return asyncio.run(status_of(session))

        return wait.until_ready(ask)


def _at(address: str, profile: str, assignments: list[str] | None, wait: Patience) -> Found:
    from qt_ray.actors.cluster import visited
    from qt_ray.actors.topology import namespace_of
    from qt_ray.adapters.config import load

    namespace = namespace_of(load(profile, assigned(assignments), os.environ).settings)
    with visited(address, namespace):
        from qt_ray.actors.status import status_in

        return wait.until_ready(lambda: asyncio.run(status_in(namespace)))


def _missing(found: Mapping[str, Any]) -> str:
    return ", ".join(map(str, found["not_ready"]))


def show(found: Mapping[str, Any]) -> None:
    """Write a fund's state for people."""
    from rich.table import Table

    ready = "ready" if found["is_ready"] else f"not ready: {_missing(found)}"
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
    _compare(found["actors"].values())


def _compare(parts: Any) -> None:
    """Say it when this command is of other code than the fund that it shows."""
    from qt_ray.adapters.edition import edition

    others = sorted({part["edition"] for part in parts if part.get("edition")} - {edition()})
    if others:
        note(f"the fund runs {', '.join(others)}, this command is {edition()}: end it and begin it anew")
