"""Answers: one shape for everything the console says, and one for all that it refuses."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import Response
from fastapi.responses import JSONResponse

from qt_ray.core.errors import Invalid, InvalidConfig, Invariant, QtError, Retryable
from qt_ray.governance.rulebook import Denial, Denied
from qt_ray.monitoring.outward import outward
from qt_ray.serve.ports import NotRunning

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
        return orjson.dumps(outward(content))


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
