"""`qt logs`: what the parts have said, by time, from the files that each of them writes; no fund needs to run."""

from time import sleep
from typing import Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Profile
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import say
from qt_ray.cli.session import places
from qt_ray.core.errors import Invalid

LOOK_S = 0.2
MOMENT = 23
SHOWN = ("time", "level", "part", "event", "error")

Part = Annotated[str | None, typer.Argument(help="Only this part, such as Desk.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is said from now on.")]
Last = Annotated[int, typer.Option("--last", "-n", help="How many lines to begin with.", **whole(0))]
Raw = Annotated[bool, typer.Option("--json", help="Write the lines as they are, one object each.")]


def logs(
    part: Part = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    follow: Follow = False,
    last: Last = 100,
    json: Raw = False,
) -> None:
    """Show what the parts of a profile's account have said, the newest last."""
    from qt_ray.adapters.log_files import LogFiles

    folder = places(profile, assignments).logs
    found = LogFiles(folder, part)
    if part is not None and not follow and not found.names():
        known = ", ".join(sorted(LogFiles(folder).names())) or "nobody"
        raise Invalid(f"logs: a part that has said something, {known}, was {part}")
    for line in found.newest(last):
        say(line if json else readable(line))
    while follow:
        for line in found.more():
            say(line if json else readable(line))
        sleep(LOOK_S)


def readable(line: str) -> str:
    """Return a line as a person reads it: when, who, what, and then everything else it says."""
    from orjson import JSONDecodeError, loads

    try:
        told: Any = loads(line)
    except JSONDecodeError:
        return line
    if not isinstance(told, dict):
        return line
    rest = " ".join(f"{name}={value}" for name, value in told.items() if name not in SHOWN and name != "actor_id")
    time, level, part, event, error = (str(told.get(name, "")) for name in SHOWN)
    text = f"{time[:MOMENT]} {level:<7} {part:<14} {event}  {rest}".rstrip()
    return f"{text}\n{error}" if error else text
