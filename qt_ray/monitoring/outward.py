"""Outward: values as people and programs outside read them: decimals as strings, moments as RFC 3339 in UTC.

A moment is a field that says so by its name, and loses `_ms` with its number, also one that nobody knows, so that a
reader has one name to look for; a duration keeps both.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from math import isfinite
from types import NoneType
from typing import Any, Final

from qt_ray.core.codec import decimal_text
from qt_ray.core.errors import Invalid
from qt_ray.core.moments import rfc3339

MOMENT_ENDS: Final = ("at_ms", "since_ms")
MOMENTS: Final = frozenset(
    {
        "as_of_ms",
        "created_ms",
        "cycle_ms",
        "expires_ms",
        "revoked_ms",
        "started_ms",
        "time_ms",
        "ts_ms",
        "until_ms",
        "used_ms",
        "emergency_activated_at",
        "last_updated",
    }
)


def outward(value: Any) -> Any:
    """Return a value as JSON's own kinds: what is numbered inside has a name outside, and nothing is infinite."""
    if isinstance(value, IntEnum):
        return getattr(value, "label", value.name)
    if isinstance(value, Enum):
        return outward(value.value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return _compound(value)


def _compound(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(_field(str(name), item) for name, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return [outward(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        return dict(_field(name, item) for name, item in {**kind, **_fields_of(value)}.items())
    raise Invalid(f"an answer is plain data, was {type(value).__name__}")


def _fields_of(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _field(name: str, item: Any) -> tuple[str, Any]:
    if type(item) not in (int, NoneType) or not (name in MOMENTS or name.endswith(MOMENT_ENDS)):
        return name, outward(item)
    return name.removesuffix("_ms"), None if item is None else rfc3339(item)
