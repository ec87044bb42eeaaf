"""Inference app: forecasts over HTTP, as a plain application that knows ports and nothing of a cluster.

A stranger's body is never read, a large one is not read to its end, and every answer names the version it is of. What
is crowded says 503 at once, what is late 504: whoever asks again knows that he may.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qt_ray import __version__
from qt_ray.adapters.workbench import Late
from qt_ray.core.codec import decimal_text
from qt_ray.core.errors import QtError
from qt_ray.serve.answers import error, failed
from qt_ray.serve.doorkeeper import Doorkeeper, Unfit
from qt_ray.serve.forecast_bodies import Question, SizeQuestions
from qt_ray.serve.inference import Answer, Inference

BODY_S: Final = 5.0
ERRORS_MAX: Final = 10
DIGITS_MAX: Final = 9
VERSION: Final = "X-Model-Version"
EPOCH: Final = "X-Model-Epoch"
BodyT = TypeVar("BodyT", bound=BaseModel)


def inference_app(inference: Inference, doorkeeper: Doorkeeper) -> FastAPI:
    """Return the application; whoever mounts it says below which path."""
    app = FastAPI(title="QT-Ray inference", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Stamped, inference=inference)
    app.add_exception_handler(Unfit, _refused)
    app.add_exception_handler(QtError, _failed)
    known = [Depends(doorkeeper.admit)]
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
        raise Unfit(415, "not_json", "a body is application/json")
    body = await _whole(request, inference.limits.body_bytes_max)
    try:
        return kind.model_validate_json(body)
    except ValidationError as fault:
        wrong = [
            {"field": ".".join(map(str, one["loc"])) or "body", "rule": one["msg"]}
            for one in fault.errors(include_url=False, include_context=False, include_input=False)[:ERRORS_MAX]
        ]
        raise Unfit(422, "invalid", f"{wrong[0]['field']}: {wrong[0]['rule']}", wrong) from fault


async def _whole(request: Request, most: int) -> bytes:
    """Return the bytes of a body, which are few enough and come in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise Unfit(413, "too_large", f"a body has at most {most} bytes")
    except TimeoutError as slow:
        raise Unfit(408, "too_slow", f"a body arrives within {BODY_S:g} s") from slow
    return bytes(body)


Deadline = Annotated[str | None, Header(alias="X-Deadline-Ms", description="Time for the answer in milliseconds.")]


def _within(most_ms: int) -> Callable[..., Any]:
    async def within(told: Deadline = None) -> int:
        if told is None:
            return most_ms
        if not (told.isascii() and told.isdigit() and len(told) <= DIGITS_MAX and 1 <= int(told) <= most_ms):
            raise Unfit(422, "invalid", f"X-Deadline-Ms: 1 to {most_ms}, was {told[:20]}")
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


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


async def _refused(request: Request, fault: Exception) -> Response:
    if not isinstance(fault, Unfit):
        raise fault
    return error(fault.status, fault.code, fault.rule, fault.detail)


async def _failed(request: Request, fault: Exception) -> Response:
    if isinstance(fault, Late):
        return error(504, "too_late", str(fault))
    if isinstance(fault, QtError):
        return failed(fault)
    raise fault


def _body(kind: type[BaseModel]) -> dict[str, Any]:
    """Return what the description says of a body that is read here and not by the framework."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": kind.model_json_schema()}}}}
