"""Answers: from an HTTP status and a body to what came of a call. A table, because money hangs on each row.

The venue's own definite words make `Refused`. Whatever could also follow a call that was carried out (-1007, an HTML
page of a proxy, a cut or garbled body, a 5xx nobody documented) is `Unsure`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from qt_ray.core.errors import Invalid
from qt_ray.execution.venue.calls import Answer, Done, Refused, Throttled, Unsure

TEXT_MAX: Final = 200
UNSAID: Final = -1000
UNKNOWN_STATE: Final = frozenset({-1006, -1007})
OVERLOADED: Final = -1008
TOO_MANY_REQUESTS, TOO_MANY_ORDERS, CLOCK_OFF = -1003, -1015, -1021
# What to wait where the venue does not say: a spent window ends by itself, the system's own overload is brief.
WAIT_MS: Final[Mapping[int, int]] = {TOO_MANY_REQUESTS: 60_000, TOO_MANY_ORDERS: 10_000, OVERLOADED: 1_000}
WAIT_MAX_MS: Final = 3 * 24 * 3_600_000
BANNED_WAIT_MS: Final = 120_000
# The two ways in which a server's error says that the call has failed; the others leave it open.
FAILED: Final = ("Service Unavailable.", "Internal error")
BANNED_UNTIL: Final = re.compile(r"banned until (\d{13})")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire: a whole HTTP answer."""

    status: int
    body: bytes
    retry_after: str | None = None


def answer(reply: Reply, read: Callable[[Any], Done[Any]], now_ms: int) -> Answer[Any]:
    """Return what came of a call, its value read by `read`."""
    body = _json(reply.body)
    if reply.status in (418, 429):
        return _throttled(reply, body, now_ms, -1003)
    if _code(body) is not None:
        return _refusal(reply, body, now_ms)
    if not 200 <= reply.status < 300:
        return _wordless(reply, now_ms)
    try:
        return read(body)
    except Invalid as error:
        return Unsure(f"answered, but {error}"[:TEXT_MAX])


def has_failed(found: Answer[Any]) -> bool:
    """Return whether the venue failed over a call by its own word: nothing was done, and the call was good."""
    return isinstance(found, Refused) and found.message.startswith(FAILED)


def _refusal(reply: Reply, body: Any, now_ms: int) -> Answer[Any]:
    code, message = body["code"], str(body.get("msg", ""))[:TEXT_MAX]
    if code in WAIT_MS:
        return _throttled(reply, body, now_ms, code)
    is_open = code in UNKNOWN_STATE or reply.status == 408
    is_vague = code == UNSAID or reply.status >= 500
    if not is_open and (not is_vague or message.startswith(FAILED)):
        return Refused(code, message)
    return Unsure(f"HTTP {reply.status} {code} {message}")


def _wordless(reply: Reply, now_ms: int) -> Answer[Any]:
    # A page of the firewall is no answer of the exchange's, and says that it will not pass anything on.
    if reply.status == 403:
        return Throttled(-403, BANNED_WAIT_MS, banned=True)
    text = reply.body[:TEXT_MAX].decode("utf-8", "replace").strip()
    if reply.status == 503 and text.startswith(FAILED):
        return Refused(-503, text)
    return Unsure(f"HTTP {reply.status} without a word of the exchange's")


def _throttled(reply: Reply, body: Any, now_ms: int, code: int) -> Throttled:
    found = _code(body)
    code = code if found is None else found
    until = BANNED_UNTIL.search(str(body.get("msg", ""))) if isinstance(body, dict) else None
    banned = reply.status == 418 or until is not None
    if until is not None:
        wait = int(until[1]) - now_ms
    elif reply.retry_after is not None and re.fullmatch(r"[0-9]{1,6}", reply.retry_after):
        wait = int(reply.retry_after) * 1_000
    else:
        wait = BANNED_WAIT_MS if banned else WAIT_MS.get(code, WAIT_MS[TOO_MANY_REQUESTS])
    return Throttled(code, min(max(wait, 0), WAIT_MAX_MS), banned)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON


def _code(body: Any) -> int | None:
    """Return the venue's error code; errors are below zero, 200 is its way to say that all went well."""
    if not isinstance(body, dict):
        return None
    code = body.get("code")
    return code if type(code) is int and code < 0 else None


class _NotJson:
    def __repr__(self) -> str:
        return "something that is not JSON"


NOT_JSON: Final = _NotJson()
