"""Policy views: the policy as lines for people, and their words as values of the policy."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qt_ray.cli.screen import moment
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


def text(value: Any) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, list):
        return ", ".join(map(text, value)) or "[]"
    return value if isinstance(value, str) else json.dumps(value)


def is_below(name: str, path: str | None) -> bool:
    """Return whether a dotted name lies at or below a path."""
    return path is None or name == path or name.startswith(f"{path}.")


def change_lines(changes: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield a line for each field that differs, in columns: where, from what to what, and what that does to risk."""
    rows = [(one["path"], f"{_value(one['old'])} -> {_value(one['new'])}", one["direction"]) for one in changes]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    for path, step, direction in rows:
        yield f"{path:<{widths[0]}}  {step:<{widths[1]}}  {direction}"


def verdict(found: Mapping[str, Any]) -> str:
    """Return what it takes to make a change that was looked at."""
    if not found["changes"]:
        return "nothing would change"
    return "a second person is needed" if found["needs_second"] else "one person is enough"


def entry_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield one entry of the history: what, when, by whom, why, and every field that it changed."""
    if entry["kind"] == "revision":
        policy, agreed = entry["policy"], f", {entry['approved_by']} agreed" if entry["approved_by"] else ""
        yield f"version {policy['version']}  {moment(policy['last_updated'])}  {entry['deed']} by {entry['by']}{agreed}"
        yield f"  {entry['reason']}"
        yield from (f"  {line}" for line in change_lines(entry["changes"]))
    elif entry["kind"] == "proposed":
        yield from proposal_lines(entry["proposal"])
    else:
        when = moment(entry["at"])
        yield f"proposal {entry['proposal']}  {when}  dismissed by {entry['by']}"
        yield f"  {entry['reason']}"


def proposal_lines(proposal: Mapping[str, Any]) -> Iterator[str]:
    """Yield a proposal and what it would do."""
    yield f"proposal {proposal['id']}  {moment(proposal['at'])}  by {proposal['by']}"
    yield f"  {proposal['reason']}"
    yield from (f"  {line}" for line in change_lines(proposal["difference"]))


def _value(told: str) -> str:
    """Return a value of a difference, which comes as the text of its JSON."""
    try:
        return text(json.loads(told))
    except json.JSONDecodeError:
        return told
