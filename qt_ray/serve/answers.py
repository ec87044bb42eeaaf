"""Answers: one shape for everything the console says: decimals as strings, moments as RFC 3339 in UTC, errors as one.

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

import orjson
from fastapi import Response
from fastapi.responses import JSONResponse

from qt_ray.core.codec import decimal_text
from qt_ray.core.errors import Invalid, InvalidConfig, Invariant, QtError, Retryable
from qt_ray.core.moments import rfc3339
from qt_ray.governance.rulebook import Denial, Denied
from qt_ray.serve.ports import NotRunning

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

STATUS_OF: Final[Mapping[Denial, int]] = {
    Denial.CONFLICT: 412,
    Denial.NEEDS_SECOND: 409,
    Denial.NEEDS_PERSON: 403,
    Denial.SAME_PERSON: 403,
    Denial.UNKNOWN_PROPOSAL: 404,
    Denial.OUTDATED: 409,
    Denial.NEWER_EMERGENCY: 409,
    Denial.TOO_MANY: 409,
    Denial.INVALID: 422,
}
ERRORS: Final[tuple[tuple[type[QtError], int, str], ...]] = (
    (NotRunning, 503, "not_running"),
    (Retryable, 503, "no_answer"),
    (InvalidConfig, 503, "not_configured"),
    (Invalid, 422, "invalid"),
    (Invariant, 500, "internal"),
)


class Json(JSONResponse):
    """JSON as everything here is spelled."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of an answer."""
        return orjson.dumps(spelled(content))


def spelled(value: Any) -> Any:
    """Return a value as JSON's own kinds: what is numbered inside has a name outside, and nothing is infinite."""
    if isinstance(value, IntEnum):
        return getattr(value, "label", value.name)
    if isinstance(value, Enum):
        return spelled(value.value)
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
        return [spelled(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        return dict(_field(name, item) for name, item in {**kind, **_fields_of(value)}.items())
    raise Invalid(f"an answer is plain data, was {type(value).__name__}")


def _fields_of(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def error(status: int, code: str, rule: str, detail: Any = None) -> Json:
    """Return what a request that did nothing is told: a word for programs, the rule, and where it was broken."""
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    return Json({"error": {"code": code, "rule": rule, "detail": detail}}, status, headers)


def denied(found: Denied) -> Response:
    """Return why a wish changed nothing, and the version in force."""
    return error(STATUS_OF[found.denial], found.denial, found.rule, {"version": found.version})


def failed(fault: QtError) -> Response:
    """Return an error of ours as an answer."""
    status, code = next(((s, c) for kind, s, c in ERRORS if isinstance(fault, kind)), (500, "internal"))
    return error(status, code, str(fault))


def _field(name: str, item: Any) -> tuple[str, Any]:
    if type(item) not in (int, NoneType) or not (name in MOMENTS or name.endswith(MOMENT_ENDS)):
        return name, spelled(item)
    return name.removesuffix("_ms"), None if item is None else rfc3339(item)
