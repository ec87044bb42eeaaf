"""Codec: one value, one spelling, so that equal values have equal bytes and equal digests everywhere.

Canonical bytes are JSON with sorted keys and no spaces; decimals are plain strings, enums their values,
times integers. What has no single spelling (NaN, infinities, dates, sets of anything) is refused, never
guessed. Numbers that arrive as text pass a regular expression first, because `Decimal` reads what no venue
ever meant.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Context, Decimal
from enum import Enum
from functools import cache
from hashlib import sha256
from math import isfinite
from typing import Any

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
    if type(value) is str:  # what nearly everything is in the end
        return value
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, str):
        return str(value)
    return _compound(value, depth + 1)


def _number(value: int | float | Decimal) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise Invalid(f"an integer fits 64 bits, was {value}")
        return int(value)
    if not isfinite(value):
        raise Invalid(f"a float is finite, was {value}")
    return orjson.Fragment(float.__repr__(value + 0.0))


def _compound(value: object, depth: int) -> Any:
    kind: Any = type(value)
    names = _names(kind)
    if names is not None:
        shown = {name: plain(getattr(value, name), depth) for name in names}
        kind = getattr(value, "kind", None)
        return shown if kind is None else {"kind": plain(kind, depth), **shown}
    if isinstance(value, tuple | list):
        return [plain(item, depth) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth) for key, item in value.items()}
    raise Invalid(f"a value is plain data, was {type(value).__name__}")


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    """Return the fields of a dataclass, and nothing of any other kind."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


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
