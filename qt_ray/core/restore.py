"""Restore: plain data back into typed values, with every mistake named by its place.

The annotations of a frozen dataclass are the schema: an unknown key, a missing one and a wrong kind are
each one line. Nothing is coerced but what the codec itself spelled differently (decimals, enums, tuples).
A schema is read once and becomes a reader; the place of a mistake is put together on the way out of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from qt_ray.core.codec import parse_decimal
from qt_ray.core.errors import Invalid

T = TypeVar("T")
Reader = Callable[[Any], Any]


class Misplaced(Exception):
    """A mistake on its way out: `place` grows from the inside to the outside, `rule` stays as it is."""

    def __init__(self, rule: str, place: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.place = place

    def within(self, place: str) -> "Misplaced":
        """Return the mistake as one level further out sees it."""
        return Misplaced(self.rule, f"{place}{self.place}")


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
    try:
        return _reader(hint)(data)
    except Misplaced as wrong:
        raise Invalid(f"{where}{wrong.place}{wrong.rule}") from wrong.__cause__


@cache
def _reader(hint: Any) -> Reader:
    """Return what reads an annotation; dataclasses are looked into only when one is read, so they may nest."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda data: data
    if origin is Annotated:
        return _reader(inner[0])
    if origin in (Union, UnionType):
        return _alternative(inner)
    if origin is tuple:
        return partial(_sequence, inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return partial(_mapping, _reader(inner[1]))
    return _scalar(hint)


def _scalar(hint: Any) -> Reader:
    if is_dataclass(hint) and isinstance(hint, type):
        return partial(_record, hint)
    if hint is Decimal:
        return _decimal
    if isinstance(hint, type) and issubclass(hint, Enum):
        return partial(_member, {member.value: member for member in hint})
    return partial(_float if hint is float else _exactly, hint)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the fields of a dataclass are read, which of them may not be missing, and every key there may be."""

    readers: tuple[tuple[str, Reader], ...]
    required: frozenset[str]
    keys: frozenset[str]


@cache
def _shape(kind: Any) -> _Shape:
    known = [field for field in fields(kind) if field.init]
    required = (f.name for f in known if f.default is MISSING and f.default_factory is MISSING)
    readers = tuple((field.name, _reader(hints(kind)[field.name])) for field in known)
    tag = {"kind"} if hasattr(kind, "kind") else set()
    return _Shape(readers, frozenset(required), frozenset({field.name for field in known} | tag))


def _record(kind: Any, data: object) -> Any:
    if not isinstance(data, Mapping):
        raise Misplaced(f": a table of {kind.__name__}, was {data!r:.60}")
    shape, found = _shape(kind), dict[str, Any]()
    if not data.keys() <= shape.keys:
        raise _unknown(shape, data)
    for name, read in shape.readers:
        if name in data:
            try:
                found[name] = read(data[name])
            except Misplaced as wrong:
                raise wrong.within(f".{name}") from wrong.__cause__
        elif name in shape.required:
            raise Misplaced(f".{name}: required, was missing")
    try:
        return kind(**found)
    except Invalid as error:
        raise Misplaced(f".{error}") from error


def _unknown(shape: _Shape, data: Mapping[Any, Any]) -> Misplaced:
    key = next(key for key in data if key not in shape.keys)
    near = get_close_matches(str(key), [name for name, _ in shape.readers], n=1)
    return Misplaced(f".{key}: unknown{f', nearest is {near[0]}' if near else ''}")


def _alternative(kinds: tuple[Any, ...]) -> Reader:
    rest = [kind for kind in kinds if kind is not NoneType]
    tagged = {str(getattr(kind, "kind", kind)): _reader(kind) for kind in rest}
    read: Reader = _reader(rest[0]) if len(rest) == 1 else partial(_tagged, tagged)
    return read if NoneType not in kinds else lambda data: None if data is None else read(data)


def _tagged(readers: Mapping[str, Reader], data: object) -> Any:
    tag = data.get("kind") if isinstance(data, Mapping) else None
    read = readers.get(tag) if isinstance(tag, str) else None
    if read is None:
        raise Misplaced(f": a kind of {', '.join(readers)}, was {tag!r}")
    return read(data)


def _sequence(kinds: tuple[Any, ...], data: object) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise Misplaced(f": a list, was {data!r:.60}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise Misplaced(f": {len(kinds)} items, was {len(data)}")
    found = []
    for at, (kind, item) in enumerate(zip(kinds, data, strict=True)):
        try:
            found.append(_reader(kind)(item))
        except Misplaced as wrong:
            raise wrong.within(f"[{at}]") from wrong.__cause__
    return tuple(found)


def _mapping(read: Reader, data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise Misplaced(f": a table, was {data!r:.60}")
    found = {}
    for key, item in data.items():
        try:
            found[str(key)] = read(item)
        except Misplaced as wrong:
            raise wrong.within(f".{key}") from wrong.__cause__
    return found


def _decimal(data: object) -> Decimal:
    if isinstance(data, Decimal) and data.is_finite():
        return data
    if type(data) is int:
        return Decimal(data)
    if not isinstance(data, str):
        raise Misplaced(f": a decimal in quotes, was {data!r:.60}")
    try:
        return parse_decimal(data)
    except Invalid as error:
        raise Misplaced(f": {error}") from error


def _member(members: Mapping[Any, Enum], data: object) -> Enum:
    found = members.get(data) if type(data) in (str, int) else None
    if found is None:
        raise Misplaced(f": one of {', '.join(map(str, members))}, was {data!r:.60}")
    return found


def _float(hint: Any, data: object) -> Any:
    return float(data) if type(data) is int else _exactly(hint, data)


def _exactly(hint: Any, data: object) -> Any:
    if type(data) is hint and hint in (int, str, bool, float):
        return data
    raise Misplaced(f": {_article(hint)}, was {data!r:.60}")


def _article(hint: Any) -> str:
    names = {
        int: "a whole number",
        str: "a string",
        bool: "true or false",
        float: "a number",
        NoneType: "nothing",
    }
    return names.get(hint, f"a {getattr(hint, '__name__', hint)}")
