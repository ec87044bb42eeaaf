"""Settings keys: every dotted key there is, read off the models, for spelling, hints and documentation.

Nothing about a key is written twice: its meaning is the line under it in the model, its default the model's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings_values import Section


@dataclass(frozen=True, slots=True)
class Key:
    """One setting; `rule` is the kind it belongs to, when its section has kinds."""

    name: str
    rule: str
    meaning: str
    default: Any
    is_secret: bool = False
    is_table: bool = False


def _kinds(annotation: Any) -> list[type[Section]]:
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return [kind for kind in options if isinstance(kind, type) and issubclass(kind, Section)]


def _keys(section: type[Section], at: str = "", rule: str = "") -> Iterator[Key]:
    for name, found in section.model_fields.items():
        where = f"{at}.{name}" if at else name
        kinds = _kinds(found.annotation)
        for kind in kinds:
            own = kind.model_fields.get("kind")
            yield from _keys(kind, where, own.default if own else rule)
        if not kinds:
            yield _key(where, rule, found)


def _key(where: str, rule: str, found: FieldInfo) -> Key:
    parts = (found.annotation, *get_args(found.annotation))
    default = None if found.is_required() else found.get_default(call_default_factory=True)
    is_table = any(get_origin(part) is dict for part in parts)
    return Key(where, rule, found.description or "", default, SecretStr in parts, is_table)


KEYS = tuple(_keys(Settings))
NAMES = {key.name for key in KEYS}
SECRETS = {key.name for key in KEYS if key.is_secret}
TABLES = {key.name for key in KEYS if key.is_table}

KIND_DEFAULTS = {
    f"{section}.{kind.model_fields['kind'].default}": kind().model_dump()
    for section, found in Settings.model_fields.items()
    for kind in _kinds(found.annotation)
    if "kind" in kind.model_fields
}


def shown(value: Any) -> str:
    """Return a plain value as a person would write it."""
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return f"[{', '.join(str(item) for item in value)}]"
    return str(value)


def meaning_of(section: str) -> str:
    """Return what a section is about: the first line of each of its models."""
    kinds = _kinds(Settings.model_fields[section].annotation)
    lines = [(kind.__doc__ or "").strip().splitlines()[0] for kind in kinds]
    if len(kinds) == 1:
        return lines[0]
    words = [f"`{kind.model_fields['kind'].default}`: {line}" for kind, line in zip(kinds, lines, strict=True)]
    return "  \n".join(words)


def spelled(parts: tuple[str, ...]) -> str:
    """Return a variable's words as a dotted key; case matters only inside a table."""
    lower = [part.lower() for part in parts]
    for end in range(1, len(parts)):
        head = ".".join(lower[:end])
        if head in TABLES:
            return ".".join((head, *parts[end:]))
    return ".".join(lower)


def nearest(key: str, rule: str = "") -> str | None:
    """Return the known key that `key` was probably meant to be, among those of `rule` when it has one."""
    section, _, last = key.rpartition(".")
    if not section:
        return _close(key, {name.partition(".")[0]: name.partition(".")[0] for name in NAMES})
    top = f"{key.partition('.')[0]}."
    known = {k.name for k in KEYS if not rule or k.rule in ("", rule) or not k.name.startswith(top)}
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == section}
    return _close(last, beside) or _close(key, {name: name for name in known})


def rules_of(key: str) -> list[str]:
    """Return the kinds to which `key` belongs."""
    return [k.rule for k in KEYS if k.name == key and k.rule]


def _close(word: str, known: dict[str, str]) -> str | None:
    found = get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    return known[found[0]] if found else None
