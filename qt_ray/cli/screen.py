"""Screen: stdout is data, stderr is everything else.

So `qt ... --json | jq` always works: what a program reads is one object with a versioned schema, decimals
as strings and times in RFC 3339 UTC. Progress is for people: without a terminal there is none.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import typer

from qt_ray.core.moments import rfc3339

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

SCHEMA_PREFIX = "qt."
PIPE_WIDTH = 1_000
UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"))


def emit(schema: str, payload: Mapping[str, Any]) -> None:
    """Write one JSON object to stdout; `schema` is `qt.name/version`."""
    import orjson

    name, slash, version = schema.partition("/")
    if not name.startswith(SCHEMA_PREFIX) or not slash or not version.isdigit():
        raise ValueError(f"a schema is qt.name/version, was {schema!r}")
    body = orjson.dumps(spelled({"schema": schema, **payload}), option=orjson.OPT_INDENT_2)
    typer.echo(body.decode())


def say(text: str = "") -> None:
    """Write a line of data to stdout, for people."""
    typer.echo(text)


def note(text: str) -> None:
    """Write a remark to stderr."""
    typer.echo(text, err=True)


def fault(text: str) -> None:
    """Write one line about an error to stderr."""
    line = " ".join(text.split())
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {line}", err=True)


def moment(text: str | None) -> str:
    """Return a moment by the clock on the wall here, and in UTC; what never was is never."""
    if text is None:
        return "never"
    at = datetime.fromisoformat(text)
    here = at.astimezone()
    in_utc = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{here:%Y-%m-%d %H:%M:%S %Z}, {in_utc}" if here.utcoffset() else in_utc


def distance(ms: int) -> str:
    """Return how far away a moment is, in the largest whole unit: what is past, or still to come if it is negative."""
    away = abs(ms) // 1_000
    whole, unit = next(((away // size, name) for size, name in UNITS if away >= size), (away, "s"))
    return f"{whole} {unit} ago" if ms >= 0 else f"in {whole} {unit}"


def spelled(value: Any) -> Any:
    """Return `value` as JSON holds it: decimals and paths as strings, times in UTC, nothing infinite."""
    if isinstance(value, Enum):
        return spelled(value.value)
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return rfc3339(round(value.astimezone(UTC).timestamp() * 1_000))
    return _compound(value)


def _compound(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [spelled(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return spelled(asdict(value))
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "item"):
        return spelled(value.item())
    raise TypeError(f"JSON output is plain values, was {type(value).__name__}")


def console(stderr: bool = False) -> "Console":
    """Return a console for tables; without a terminal it is wide enough not to wrap, and plain."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr, highlight=False)
    # A table folds its cells to the width whatever `soft_wrap` says, and no program can read a folded row.
    return Console(stderr=stderr, soft_wrap=True, highlight=False, width=PIPE_WIDTH)


@contextmanager
def progress() -> Iterator["Progress"]:
    """Yield bars on stderr; they are invisible when stderr is not a terminal, and vanish when done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=console(stderr=True), transient=True, disable=quiet) as bars:
        yield bars
