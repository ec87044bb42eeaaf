"""Numbers: what a person types as one, in plain digits and within its bounds, or one line that says which.

Python reads `1_0` as ten, and a full-width digit as a digit; whoever typed that meant something else.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import typer

Number = TypeVar("Number", int, float)

WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
PLAIN: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def whole(least: int, most: int | None = None) -> dict[str, Any]:
    """Return what makes an option a whole number between bounds."""
    return _option("a whole number", partial(_read, int, WHOLE), least, most)


def plain(least: float, most: float | None = None) -> dict[str, Any]:
    """Return what makes an option a number between bounds."""
    return _option("a number", partial(_read, float, PLAIN), least, most)


def _option(what: str, read: Callable[[str], Any], least: float, most: float | None) -> dict[str, Any]:
    bounds = f"from {least:g}" if most is None else f"{least:g} to {most:g}"

    def parsed(told: Any) -> Any:
        value = read(told) if isinstance(told, str) else told
        if value is None or value < least or (most is not None and value > most):
            raise typer.BadParameter(f"{what} {bounds} in plain digits, was {told!r:.40}")
        return value

    return {"parser": parsed, "metavar": f"<{bounds}>"}


def _read(kind: type[Number], form: re.Pattern[str], text: str) -> Number | None:
    return kind(text) if form.fullmatch(text) else None
