"""Application: the fund's HTTP API, as a plain application that knows ports and nothing of a cluster.

Every error has one shape. What a port raises becomes an answer here: what did not answer is 503, what breaks a rule is
422 with the rule, and what is our own mistake is 500 without a trace of the inside.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from qt_ray import __version__
from qt_ray.core.errors import QtError
from qt_ray.serve import answers
from qt_ray.serve.asker import Unconditional
from qt_ray.serve.doors import door_of
from qt_ray.serve.emergency_routes import emergency_routes
from qt_ray.serve.gate import Gate
from qt_ray.serve.login_routes import login_routes
from qt_ray.serve.policy_routes import policy_routes
from qt_ray.serve.ports import Ports
from qt_ray.serve.trade_routes import trade_routes
from qt_ray.serve.view_routes import view_routes

BEARER: Final = {"type": "http", "scheme": "bearer", "description": "A key of `qt auth create`."}
ERROR: Final = {
    "description": "Nothing was changed.",
    "content": {
        "application/json": {
            "example": {"error": {"code": "not_allowed", "rule": "a key has the scope policy", "detail": None}}
        }
    },
}


def console_app(ports: Ports) -> ASGIApp:
    """Return the whole console behind its gate."""
    return Gate(api(ports), ports)


def api(ports: Ports) -> FastAPI:
    """Return the routes alone, which trust that a gate stands in front of them."""
    app = FastAPI(title="QT-Ray console", version=__version__, docs_url=None, redoc_url=None)
    for routes in (policy_routes, trade_routes, emergency_routes, view_routes, login_routes):
        app.include_router(routes(ports), responses={401: ERROR, 403: ERROR, 422: ERROR, 503: ERROR})
    app.add_exception_handler(QtError, _failed)
    app.add_exception_handler(Unconditional, _unconditional)
    app.add_exception_handler(RequestValidationError, _unfit)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(Exception, _broken)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign] # FastAPI's own way to add to its description
    return app


async def _failed(request: Request, fault: Exception) -> Response:
    return answers.failed(fault) if isinstance(fault, QtError) else await _broken(request, fault)


async def _unconditional(request: Request, fault: Exception) -> Response:
    return answers.error(428, "unconditional", str(fault))


async def _unfit(request: Request, fault: Exception) -> Response:
    found = fault.errors() if isinstance(fault, RequestValidationError) else []
    wrong = [{"field": _place(one["loc"]), "rule": _rule(one)} for one in found[:20]]
    first = wrong[0] if wrong else {"field": "body", "rule": "is not understood"}
    return answers.error(422, "invalid", f"{first['field']}: {first['rule']}", wrong)


async def _unrouted(request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 404
    code = {404: "unknown", 405: "no_such_method"}.get(status, "not_understood")
    return answers.error(
        status, code, f"a request is one of /openapi.json, was {request.method} {request.url.path:.80}"
    )


async def _broken(request: Request, fault: Exception) -> Response:
    return answers.error(500, "internal", "a mistake of ours; the log of the console has it")


def _place(where: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in where[1:]) or str(where[0])


def _rule(one: Mapping[str, Any]) -> str:
    if one["type"] == "extra_forbidden":
        return "a field is known, this one is not"
    # Only what is one of a few words is repeated: nobody's secret is.
    said = f", was {one['input']!r:.60}" if one["type"] in ("enum", "literal_error") else ""
    return f"{one['msg']}{said}"


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, with the scope that each of its doors asks for."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        found.setdefault("components", {})["securitySchemes"] = {"key": BEARER}
        for path, methods in found["paths"].items():
            for method, told in methods.items():
                scope = door_of(method.upper(), path).scope
                told["security"] = [{"key": [scope.value]}] if scope else []
        app.openapi_schema = found
    return app.openapi_schema or {}
