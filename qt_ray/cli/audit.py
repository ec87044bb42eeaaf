"""`qt audit`: the record of what was done, proven line by line, read, handed on, and shortened by right.

It needs nothing of a running fund, so a risk officer can prove the record on another machine from the files alone.
"""

import os
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.numbers import whole
from qt_ray.cli.screen import emit, note, say, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qt_ray.adapters.settings import Settings
    from qt_ray.adapters.trading.places import Places
    from qt_ray.governance.audit_chain import Line

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

SCHEMA = "qt.audit/1"
FAILED = 6

Kind = Annotated[str | None, typer.Option("--type", help="Only records of this type, such as policy.changed.")]
Since = Annotated[str | None, typer.Option("--since", help="Only records of this moment or later, as UTC text.")]


@app.command()
def verify(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Read the whole record and its anchors; ends with 6 at the first line that is not as it was written."""
    from qt_ray.adapters.audit_verdict import verdict_on

    _, places = _found(profile, assignments)
    verdict = verdict_on(places.audit, places.anchors)
    if json:
        emit(SCHEMA, {"verdict": verdict})
    else:
        say(f"{verdict.lines} lines, {verdict.deleted} of them deleted by right, {verdict.anchors} anchors")
        say(f"{verdict.loose} lines since the last anchor")
        say(f"broken: {verdict.broken}" if verdict.broken else "whole: every line follows from those before it")
    if verdict.broken:
        raise typer.Exit(FAILED)


@app.command()
def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many to show.", **whole(1, 10_000))] = 20,
    kind: Kind = None,
    profile: Profile = "paper",
    assignments: Assignments = None,
    json: Json = False,
) -> None:
    """Show the newest records."""
    _, places = _found(profile, assignments)
    shown = deque(_records(places, kind, None), maxlen=lines)
    if json:
        emit(SCHEMA, {"records": [_plain(line) for line in shown]})
        return
    for line in shown:
        record = line.record
        if record is not None:
            say(f"{record.timestamp}  {record.event_type:<20} {record.actor}: {record.action} {record.target}")
            say(f"{'':<26}{record.outcome}, because {record.reason or 'of no reason given'}")


@app.command()
def export(kind: Kind = None, since: Since = None, profile: Profile = "paper", assignments: Assignments = None) -> None:
    """Write records as JSON Lines to stdout, each with its place in the chain."""
    import orjson

    _, places = _found(profile, assignments)
    for line in _records(places, kind, since):
        say(orjson.dumps(spelled(_plain(line))).decode())


@app.command()
def clean(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Delete records that are older than they are kept; their digests stay, and so does the proof."""
    from qt_ray.adapters.audit_anchors import AuditAnchors
    from qt_ray.adapters.audit_files import AuditFiles
    from qt_ray.adapters.audit_logger import AuditLogger
    from qt_ray.adapters.audit_verdict import cleaned
    from qt_ray.adapters.clock import now_ms

    settings, places = _found(profile, assignments)
    logger = AuditLogger(AuditFiles(places.audit), AuditAnchors(places.anchors, places.audit_key))
    try:
        gone = cleaned(logger, places.audit, now_ms(), settings.audit.kept_days, settings.audit.kept_longer_days)
    finally:
        logger.close()
    if json:
        emit(SCHEMA, {"deleted": gone})
        return
    for day, count in gone.items():
        say(f"{day}  {count} records deleted")
    note(f"{sum(gone.values())} records deleted, which is a record as well" if gone else "nothing is too old")


def _found(profile: str, assignments: list[str] | None) -> "tuple[Settings, Places]":
    from qt_ray.adapters.config import load
    from qt_ray.adapters.trading.places import places_of

    settings = load(profile, assigned(assignments), os.environ).settings
    return settings, places_of(settings)


def _records(places: "Places", kind: str | None, since: str | None) -> "Iterator[Line]":
    """Yield the lines of records that are wanted, each proven to follow from those before it."""
    from qt_ray.adapters.audit_files import verified
    from qt_ray.core.errors import Invalid
    from qt_ray.governance.audit_records import AuditType

    if kind is not None and kind not in list(AuditType):
        raise Invalid(f"audit: a type is one of {', '.join(AuditType)}, was {kind!r:.60}")
    for line in verified(places.audit):
        record = line.record
        is_wanted = record is not None and kind in (None, record.event_type)
        if record is not None and is_wanted and (since is None or record.timestamp >= since):
            yield line


def _plain(line: "Line") -> dict[str, Any]:
    from qt_ray.core.codec import plain

    shown: dict[str, Any] = plain(line)
    return shown
