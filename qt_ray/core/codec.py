"""Codec: one value, one spelling, so that equal values have equal bytes and equal digests everywhere.

Canonical bytes are JSON with sorted keys and no spaces; decimals are plain strings, enums their values,
times integers. What has no single spelling (NaN, infinities, dates, sets of anything) is refused, never
guessed. Numbers that arrive as text pass a regular expression first, because `Decimal` reads what no venue
ever meant.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Context, Decimal
from enum import Enum
from hashlib import sha256
from math import isfinite
from types import NoneType
from typing import Any, Final, NoReturn

import orjson

from qt_ray.core.errors import Invalid

DIGITS_MAX = 40
EXPONENT_MAX = 28
DEPTH_MAX = 32
INTEGER_MAX = 2**63 - 1

_REDUCE = Context(prec=1000)

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def canonical(value: object) -> bytes:
    """Return the only bytes that `value` may be written as."""
    try:
        return orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise Invalid(f"a value is written as JSON in UTF-8, {error}") from error


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical bytes, in hexadecimal."""
    return sha256(canonical(value)).hexdigest()


def decode(data: bytes) -> Any:
    """Return the plain value (dicts, lists, strings, numbers) that canonical bytes spell."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"canonical bytes are JSON in UTF-8, {error}") from error


def spelled(value: object) -> Any:
    """Return `value` as whoever reads its canonical bytes will see it: dicts, lists, strings and numbers."""
    return decode(canonical(value))


def parse_decimal(text: str) -> Decimal:
    """Return a number that came as text; only ASCII digits in plain or bounded exponent notation pass."""
    found = NUMBER.fullmatch(text) if isinstance(text, str) and len(text) <= 2 * DIGITS_MAX else None
    if found is None:
        raise Invalid(f"a number is digits with at most one point, was {text!r:.60}")
    value = Decimal(text)
    # So short a number without an exponent is always in range, and nearly all that venues send are.
    is_short = len(text) <= EXPONENT_MAX and found[1] is None
    if not is_short and not _in_range(value):
        raise Invalid(f"a number has at most {DIGITS_MAX} digits, {EXPONENT_MAX} from the point, was {text!r}")
    return value


def decimal_text(value: Decimal) -> str:
    """Return the one spelling of a decimal: plain notation, no trailing zeros, no negative zero."""
    if value.is_zero():
        return "0"
    text = str(value)
    # So short a number without an exponent is always in range, and nearly all that we write are.
    if not value.is_finite() or ((len(text) > EXPONENT_MAX or "E" in text) and not _in_range(value)):
        raise Invalid(f"a decimal is finite, {EXPONENT_MAX} places from the point at most, was {value}")
    text = format(value, "f") if "E" in text else text
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(value: object, depth: int = 0) -> Any:
    """Return `value` in JSON's own kinds, ready to be written; floats are spelled here, once."""
    if depth > DEPTH_MAX:
        raise Invalid(f"a value nests at most {DEPTH_MAX} deep")
    kind = type(value)
    return (_SPELLINGS.get(kind) or _learned(kind))(value, depth)


Spelling = Callable[[Any, int], Any]


def _as_it_is(value: Any, _: int) -> Any:
    return value


def _text(value: str, _: int) -> str:
    return str(value)


def _member(value: Enum, depth: int) -> Any:
    return plain(value.value, depth)


def _decimal(value: Decimal, _: int) -> str:
    return decimal_text(value)


def _integer(value: int, _: int) -> int:
    if abs(value) > INTEGER_MAX:
        raise Invalid(f"an integer fits 64 bits, was {value}")
    return int(value)


def _float(value: float, _: int) -> Any:
    if not isfinite(value):
        raise Invalid(f"a float is finite, was {value}")
    return orjson.Fragment(float.__repr__(value + 0.0))


def _row(value: Iterable[object], depth: int) -> list[Any]:
    return [plain(item, depth + 1) for item in value]


def _table(value: Mapping[Any, object], depth: int) -> dict[str, Any]:
    return {_key(key): plain(item, depth + 1) for key, item in value.items()}


def _refused(value: object, _: int) -> NoReturn:
    raise Invalid(f"a value is plain data, was {type(value).__name__}")


def _record(kind: type[Any]) -> Spelling:
    """Return the spelling of a dataclass: its fields, and its kind if it has one that is no field."""
    names = tuple(field.name for field in fields(kind))
    is_tagged = "kind" not in names and hasattr(kind, "kind")
    shown = ("kind", *names) if is_tagged else names

    def spell(value: Any, depth: int) -> dict[str, Any]:
        found = {name: plain(getattr(value, name), depth + 1) for name in shown}
        if is_tagged and found["kind"] is None:
            del found["kind"]
        return found

    return spell


# What a value's class says of its spelling is learned once; the program has as many entries as it has classes.
_SPELLINGS: Final[dict[type[Any], Spelling]] = {str: _as_it_is, bool: _as_it_is, NoneType: _as_it_is}
# The first that fits counts: a member of an enumeration may be a string or a number too, a truth is one.
_FAMILIES: Final[tuple[tuple[type[Any], Spelling], ...]] = (
    (Enum, _member),
    (int, _integer),
    (float, _float),
    (Decimal, _decimal),
    (str, _text),
    (tuple, _row),
    (list, _row),
    (Mapping, _table),
)


def _learned(kind: type[Any]) -> Spelling:
    found = next((spelling for family, spelling in _FAMILIES if issubclass(kind, family)), None)
    if found is None:
        found = _record(kind) if is_dataclass(kind) else _refused
    _SPELLINGS[kind] = found
    return found


def _key(key: object) -> str:
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, str):
        raise Invalid(f"a key is a string, was {key!r}")
    return str(key)


def _in_range(value: Decimal) -> bool:
    last = _REDUCE.normalize(value).as_tuple().exponent if value.adjusted() >= -EXPONENT_MAX else None
    first = value.adjusted()
    return isinstance(last, int) and last >= -EXPONENT_MAX and first < min(EXPONENT_MAX, last + DIGITS_MAX)
