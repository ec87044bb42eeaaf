"""Policy views: the policy as lines for people, and their words as values of the policy."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from qt_ray.cli.screen import note, say
from qt_ray.core.errors import Invalid


def flat(table: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Return a nested table by dotted path."""
    found: dict[str, Any] = {}
    for name, item in table.items():
        where = f"{at}.{name}" if at else str(name)
        found |= flat(item, where) if isinstance(item, Mapping) else {where: item}
    return found


def typed(text: str, now: Any) -> Any:
    """Return a word as the kind of value that stands there now."""
    if isinstance(now, bool):
        if text.lower() not in ("true", "false"):
            raise Invalid(f"true or false, was {text!r:.60}")
        return text.lower() == "true"
    if isinstance(now, int):
        if not text.removeprefix("-").isdecimal():
            raise Invalid(f"a whole number, was {text!r:.60}")
        return int(text)
    if isinstance(now, list):
        return [word.strip() for word in text.strip("[]").split(",") if word.strip()]
    return text


def show_changes(found: Any) -> None:
    """Show what a change would do."""
    for line in lines(found["changes"]):
        say(line)
    note("a second person is needed" if found["needs_second"] else "one person is enough")


def show_entry(entry: Mapping[str, Any]) -> None:
    """Show one entry of the history."""
    if entry["kind"] == "revision":
        agreed = f", {entry['approved_by']} agreed" if entry["approved_by"] else ""
        policy = entry["policy"]
        say(f"version {policy['version']:<5} {policy['last_updated']}  {entry['deed']} by {entry['by']}{agreed}")
        say(f"  {entry['reason']}")
        for line in lines(entry["changes"]):
            say(f"  {line}")
    elif entry["kind"] == "proposed":
        show_proposal(entry["proposal"])
    else:
        say(f"proposal {entry['proposal']} dismissed by {entry['by']} at {entry['at']}: {entry['reason']}")


def show_proposal(proposal: Mapping[str, Any], to: Callable[[str], None] = say) -> None:
    """Show a proposal and what it would do."""
    to(f"proposal {proposal['id']} by {proposal['by']} at {proposal['at']}: {proposal['reason']}")
    for line in lines(proposal["difference"]):
        to(f"  {line}")


def lines(changes: list[dict[str, Any]]) -> list[str]:
    """Return one line for each field that differs."""
    return [f"{one['path']}: {one['old']} -> {one['new']} ({one['direction']})" for one in changes]


def is_below(name: str, path: str | None) -> bool:
    """Return whether a dotted name lies at or below a path."""
    return path is None or name == path or name.startswith(f"{path}.")


def text(value: Any) -> str:
    """Return a value as a person would write it."""
    return value if isinstance(value, str) else json.dumps(value)
