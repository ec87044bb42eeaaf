"""Inference app: forecasts over HTTP, as a plain application that knows ports and nothing of a cluster.

A stranger's body is never read, a large one is not read to its end, and every answer names the version it is of. What
is crowded says 503 at once, what is late 504: whoever asks again knows that he may.
"""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Final, Protocol, TypeVar

import orjson
from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qt_ray import __version__
from qt_ray.adapters.workbench import Late
from qt_ray.core.codec import decimal_text
from qt_ray.core.errors import Invalid, QtError, Retryable
from qt_ray.serve.forecast_bodies import Question, SizeQuestions
from qt_ray.serve.inference import Answer, Inference

SCOPE: Final = "read"
BEARER: Final = re.compile(r"Bearer +([!-~]{1,256})", re.IGNORECASE)
ERRORS_MAX: Final = 10
DIGITS_MAX: Final = 9
VERSION: Final = "X-Model-Version"
EPOCH: Final = "X-Model-Epoch"
BodyT = TypeVar("BodyT", bound=BaseModel)


class Keys(Protocol):
    """Who may ask."""

    def scopes(self, token: str) -> frozenset[str] | None:
        """Return what a token is good for, or nothing if it is not known."""


class Refused(Exception):
    """A request that is answered with an error and nothing else."""

    def __init__(self, status: int, code: str, rule: str, detail: Any = None) -> None:
        super().__init__(rule)
        self.status, self.code, self.rule, self.detail = status, code, rule, detail


def inference_app(inference: Inference, keys: Keys) -> FastAPI:
    """Return the application; whoever mounts it says below which path."""
    app = FastAPI(title="QT-Ray inference", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Stamped, inference=inference)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(QtError, _failed)
    known = [Depends(_known(keys))]
    within = _within(inference.limits.request_ms_max)

    @app.post("/predict", dependencies=known, openapi_extra=_body(Question))
    async def predict(request: Request, within_ms: Annotated[int, Depends(within)]) -> Response:
        """Return each symbol's forecast with every member's vote, from bars or from features."""
        return _told(await inference.predict(await _read(request, Question, inference), within_ms))

    @app.post("/explain", dependencies=known, openapi_extra=_body(Question))
    async def explain(request: Request, within_ms: Annotated[int, Depends(within)]) -> Response:
        """Return forecasts with what moved each member most, in log-odds; a member that cannot say has no reasons."""
        return _told(await inference.predict(await _read(request, Question, inference), within_ms, reasons=True))

    @app.post("/size", dependencies=known, openapi_extra=_body(SizeQuestions))
    async def size(request: Request, within_ms: Annotated[int, Depends(within)]) -> Response:
        """Return the size that each opinion wishes, and what high volatility leaves of it."""
        opinions = (await _read(request, SizeQuestions, inference)).opinions
        found = [
            {
                "symbol": symbol,
                "wished": decimal_text(one.wished),
                "allowed": decimal_text(one.allowed),
                "is_fallback": one.is_fallback,
            }
            for symbol, one in await inference.size(opinions, within_ms)
        ]
        return _json({"schema": "qt.sizes/1", "sizes": found})

    @app.get("/models", dependencies=known)
    async def models() -> Response:
        """Return what serves, what it is made of, and what it wants to be told."""
        return _json({"schema": "qt.serving/1", **inference.described()})

    return app


async def _read(request: Request, kind: type[BodyT], inference: Inference) -> BodyT:
    """Return the body, read no farther than it may be long."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refused(415, "not_json", "a body is application/json")
    most, body = inference.limits.body_bytes_max, bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise Refused(413, "too_large", f"a body has at most {most} bytes")
    try:
        return kind.model_validate_json(bytes(body))
    except ValidationError as error:
        wrong = [
            {"field": ".".join(map(str, one["loc"])) or "body", "rule": one["msg"]}
            for one in error.errors(include_url=False, include_context=False, include_input=False)[:ERRORS_MAX]
        ]
        raise Refused(422, "invalid", f"{wrong[0]['field']}: {wrong[0]['rule']}", wrong) from error


def _known(keys: Keys) -> Callable[..., Any]:
    async def check(request: Request) -> None:
        found = BEARER.fullmatch(request.headers.get("authorization", ""))
        scopes = keys.scopes(found[1]) if found else None
        if scopes is None:
            raise Refused(401, "not_known", "a request bears a key that is known")
        if SCOPE not in scopes:
            raise Refused(403, "not_allowed", f"a key has the scope {SCOPE}, this one has {', '.join(sorted(scopes))}")

    return check


Deadline = Annotated[str | None, Header(alias="X-Deadline-Ms", description="Time for the answer in milliseconds.")]


def _within(most_ms: int) -> Callable[..., Any]:
    async def within(told: Deadline = None) -> int:
        if told is None:
            return most_ms
        if not (told.isascii() and told.isdigit() and len(told) <= DIGITS_MAX and 1 <= int(told) <= most_ms):
            raise Refused(422, "invalid", f"X-Deadline-Ms: 1 to {most_ms}, was {told[:20]}")
        return int(told)

    return within


class Stamped:
    """Writes into every answer which version serves; an answer that is of a version says so already."""

    def __init__(self, app: ASGIApp, inference: Inference) -> None:
        self._app, self._inference = app, inference

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""

        async def stamped(message: Message) -> None:
            served = self._inference.models.served
            if message["type"] == "http.response.start" and served is not None:
                headers = MutableHeaders(scope=message)
                headers.setdefault(VERSION, served.live.version)
                headers.setdefault(EPOCH, str(served.live.epoch))
            await send(message)

        await self._app(scope, receive, stamped)


def _told(answer: Answer) -> Response:
    model = {"name": answer.name, "version": answer.version, "epoch": answer.epoch}
    forecasts = [asdict(one) for one in answer.forecasts]
    found = _json({"schema": "qt.forecasts/1", "model": model, "asked": answer.rung, "forecasts": forecasts})
    found.headers[VERSION], found.headers[EPOCH] = answer.version, str(answer.epoch)
    return found


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _error(status: int, code: str, rule: str, detail: Any = None) -> Response:
    response = _json({"error": {"code": code, "rule": rule, "detail": detail}}, status)
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


async def _refused(request: Request, fault: Exception) -> Response:
    if not isinstance(fault, Refused):
        raise fault
    return _error(fault.status, fault.code, fault.rule, fault.detail)


async def _failed(request: Request, fault: Exception) -> Response:
    if isinstance(fault, Late):
        return _error(504, "too_late", str(fault))
    if isinstance(fault, Retryable):
        return _error(503, "no_answer", str(fault))
    if isinstance(fault, Invalid):
        return _error(422, "invalid", str(fault))
    raise fault


def _body(kind: type[BaseModel]) -> dict[str, Any]:
    """Return what the description says of a body that is read here and not by the framework."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": kind.model_json_schema()}}}}
