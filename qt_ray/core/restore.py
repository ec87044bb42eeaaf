"""Restore: plain data back into typed values, with every mistake named by its place.

The annotations of a frozen dataclass are the schema: an unknown key, a missing one and a wrong kind are
each one line. Nothing is coerced but what the codec itself spelled differently (decimals, enums, tuples).
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from qt_ray.core.codec import parse_decimal
from qt_ray.core.errors import Invalid

T = TypeVar("T")


def hints(kind: Any) -> Mapping[str, Any]:
    """Return the annotations of a dataclass with their extras."""
    return _hints(kind)


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def restore(kind: type[T], data: object, where: str = "") -> T:
    """Return `data` as a `kind`; `where` is the dotted place to name in a complaint."""
    return cast(T, restore_as(kind, data, where or kind.__name__.lower()))


def restore_as(hint: Any, data: object, where: str) -> Any:
    """Return `data` as what an annotation says, a union of tagged classes for one; `Any` is whatever it is."""
    if hint is Any:
        return data
    origin = get_origin(hint)
    if origin is Annotated:
        return restore_as(get_args(hint)[0], data, where)
    if origin in (Union, UnionType):
        return _alternative(get_args(hint), data, where)
    if origin is tuple:
        return _sequence(get_args(hint), data, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(get_args(hint)[1], data, where)
    return _scalar(hint, data, where)


def _scalar(hint: Any, data: object, where: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, data, where)
    if hint is Decimal:
        return _decimal(data, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, data, where)
    if hint is float and type(data) is int:
        return float(data)
    if type(data) is hint and hint in (int, str, bool, float):
        return data
    raise Invalid(f"{where}: {_article(hint)}, was {data!r:.60}")


def _record(kind: type[Any], data: object, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise Invalid(f"{where}: a table of {kind.__name__}, was {data!r:.60}")
    known = {field.name: field for field in fields(kind) if field.init}
    tagged = {"kind"} if "kind" not in known and hasattr(kind, "kind") else set()
    for key in data:
        if key not in known and key not in tagged:
            near = get_close_matches(str(key), known, n=1)
            raise Invalid(f"{where}.{key}: unknown{f', nearest is {near[0]}' if near else ''}")
    found = {}
    for name, field in known.items():
        if name in data:
            found[name] = restore_as(hints(kind)[name], data[name], f"{where}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise Invalid(f"{where}.{name}: required, was missing")
    try:
        return kind(**found)
    except Invalid as error:
        raise Invalid(f"{where}.{error}") from error


def _alternative(kinds: tuple[Any, ...], data: object, where: str) -> Any:
    if data is None and NoneType in kinds:
        return None
    rest = [kind for kind in kinds if kind is not NoneType]
    if len(rest) == 1:
        return restore_as(rest[0], data, where)
    tag = data.get("kind") if isinstance(data, Mapping) else None
    for kind in rest:
        if tag is not None and getattr(kind, "kind", None) == tag:
            return _record(kind, data, where)
    raise Invalid(f"{where}: a kind of {', '.join(str(getattr(k, 'kind', k)) for k in rest)}, was {tag!r}")


def _sequence(kinds: tuple[Any, ...], data: object, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise Invalid(f"{where}: a list, was {data!r:.60}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise Invalid(f"{where}: {len(kinds)} items, was {len(data)}")
    return tuple(
        restore_as(kind, item, f"{where}[{at}]") for at, (kind, item) in enumerate(zip(kinds, data, strict=True))
    )


def _mapping(hint: Any, data: object, where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise Invalid(f"{where}: a table, was {data!r:.60}")
    return {str(key): restore_as(hint, item, f"{where}.{key}") for key, item in data.items()}


def _decimal(data: object, where: str) -> Decimal:
    if isinstance(data, Decimal) and data.is_finite():
        return data
    if type(data) is int:
        return Decimal(data)
    if not isinstance(data, str):
        raise Invalid(f"{where}: a decimal in quotes, was {data!r:.60}")
    try:
        return parse_decimal(data)
    except Invalid as error:
        raise Invalid(f"{where}: {error}") from error


def _member(kind: type[Enum], data: object, where: str) -> Enum:
    if type(data) not in (str, int) or data not in {member.value for member in kind}:
        raise Invalid(f"{where}: one of {', '.join(str(m.value) for m in kind)}, was {data!r:.60}")
    return kind(data)


def _article(hint: Any) -> str:
    names = {
        int: "a whole number",
        str: "a string",
        bool: "true or false",
        float: "a number",
        NoneType: "nothing",
    }
    return names.get(hint, f"a {getattr(hint, '__name__', hint)}")
