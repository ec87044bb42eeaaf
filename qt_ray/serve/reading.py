"""Reading: a request's body, whole or not at all: JSON of a bounded size and depth that arrives in time.

The kill is the exception: what cannot be read in a moment is no reason not to stop.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.types import Message, Receive

BODY_BYTES_MAX: Final = 64 << 10
DEPTH_MAX: Final = 16
KILL_BODY_S: Final = 0.5

Headers = Mapping[str, str]


class TurnedAway(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, code: str, rule: str) -> None:
        super().__init__(rule)
        self.status, self.code, self.rule = status, code, rule


async def whole(receive: Receive, headers: Headers, body_s: float) -> Receive:
    """Return what an application reads a body with that has been read and found to be JSON, or to be none."""
    try:
        async with asyncio.timeout(body_s):
            body = await _body(receive)
    except TimeoutError as slow:
        raise TurnedAway(408, "too_slow", f"a body arrives within {body_s:g} s") from slow
    if body:
        _check_json(body, headers)
    return _replayed(body, receive)


def lenient(receive: Receive) -> Receive:
    """Return what a kill's body is read with: one that is late or too long is empty, and the kill is carried out."""
    read = False

    async def once() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        body = b""
        try:
            async with asyncio.timeout(KILL_BODY_S):
                body = await _body(receive)
        except (TimeoutError, TurnedAway):
            body = b""
        return {"type": "http.request", "body": body, "more_body": False}

    return once


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise TurnedAway(400, "gone", "whoever asks waits for the answer")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise TurnedAway(413, "too_large", f"a body has at most {BODY_BYTES_MAX} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _check_json(body: bytes, headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise TurnedAway(415, "not_json", "a body says that it is application/json")
    try:
        depth = _depth_of(orjson.loads(body))
    except orjson.JSONDecodeError as fault:
        raise TurnedAway(400, "not_json", f"a body is JSON, {fault}") from fault
    if depth > DEPTH_MAX:
        raise TurnedAway(400, "too_deep", f"a body nests at most {DEPTH_MAX} deep")


def _depth_of(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        depth, level = depth + bool(inner), [item for one in inner for item in one]
    return depth


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
