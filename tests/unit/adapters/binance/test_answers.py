from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.answers import BANNED_WAIT_MS, Reply, answer
from qt_ray.adapters.binance.fields import Fields
from qt_ray.execution.venue.calls import Answer, Done, Refused, Throttled, Unsure
from tests.unit.adapters.binance.recorded import bodies

pytestmark = pytest.mark.unit

NOW = 1_700_000_000_000


def read(body: Any) -> Done[int]:
    return Done(Fields(body, "body").whole("n"))


def said(status: int, body: Any = b"", retry_after: str | None = None) -> Answer[Any]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return answer(Reply(status, raw, retry_after), read, NOW)


def no(code: int, message: str = "m") -> dict[str, Any]:
    return {"code": code, "msg": message}


PLEASE_CHECK = "Unknown error, please check your request or try again later."
TIMEOUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
INTERNAL = "Internal error; unable to process your request. Please try again."
TABLE: list[tuple[int, Any, str | None, Answer[Any] | type[Unsure]]] = [
    (200, {"n": 7}, None, Done(7)),
    (200, {"code": 200, "n": 7}, None, Done(7)),
    (200, {"n": "7"}, None, Unsure),
    (200, b'{"n": 7', None, Unsure),
    (200, b"", None, Unsure),
    (200, b"<html>Please log in</html>", None, Unsure),
    (200, no(-2019), None, Refused(-2019, "m")),
    (400, no(-2019, "Margin is insufficient."), None, Refused(-2019, "Margin is insufficient.")),
    (400, no(-1021), None, Refused(-1021, "m")),
    (400, no(-4116), None, Refused(-4116, "m")),
    (401, no(-2015), None, Refused(-2015, "m")),
    (404, no(-5000), None, Refused(-5000, "m")),
    (503, no(-1000, PLEASE_CHECK), None, Unsure),
    (503, no(-1001, PLEASE_CHECK), None, Unsure),
    (503, PLEASE_CHECK.encode(), None, Unsure),
    (503, no(-1007, TIMEOUT), None, Unsure),
    (408, no(-1007, TIMEOUT), None, Unsure),
    (400, no(-1007, TIMEOUT), None, Unsure),
    (400, no(-1006), None, Unsure),
    (408, b"", None, Unsure),
    (503, no(-1001, INTERNAL), None, Refused(-1001, INTERNAL)),
    (500, no(-1001, INTERNAL), None, Refused(-1001, INTERNAL)),
    (503, b"Service Unavailable.", None, Refused(-503, "Service Unavailable.")),
    (503, no(-1001, "Service Unavailable."), None, Refused(-1001, "Service Unavailable.")),
    (503, no(-1000, "Service Unavailable."), None, Refused(-1000, "Service Unavailable.")),
    (503, no(-1007, INTERNAL), None, Unsure),
    (400, no(-1000), None, Unsure),
    (503, no(-1008), None, Throttled(-1008, 1_000)),
    (429, no(-1003), "5", Throttled(-1003, 5_000)),
    (429, no(-1015), None, Throttled(-1015, 10_000)),
    (429, b"<html>", None, Throttled(-1003, 60_000)),
    (429, no(-1003), "soon", Throttled(-1003, 60_000)),
    (400, no(-1015), "2", Throttled(-1015, 2_000)),
    (400, no(-1003), None, Throttled(-1003, 60_000)),
    (418, no(-1003), "120", Throttled(-1003, 120_000, banned=True)),
    (418, b"", None, Throttled(-1003, BANNED_WAIT_MS, banned=True)),
    (429, no(-1003, f"Way too many; IP banned until {NOW + 7_000}."), None, Throttled(-1003, 7_000, banned=True)),
    (418, no(-1003, f"IP banned until {NOW - 7_000}."), None, Throttled(-1003, 0, banned=True)),
    (403, b"<html>WAF</html>", None, Throttled(-403, BANNED_WAIT_MS, banned=True)),
    (502, b"<html>Bad Gateway</html>", None, Unsure),
    (504, b"", None, Unsure),
    (500, no(-1100), None, Unsure),
    (302, b"", None, Unsure),
    (400, b"<html>", None, Unsure),
    (400, {"code": "-2019", "msg": "m"}, None, Unsure),
]


@pytest.mark.parametrize(("status", "body", "retry_after", "expected"), TABLE)
def test_each_answer_means_one_thing(status: int, body: Any, retry_after: str | None, expected: Any) -> None:
    found = said(status, body, retry_after)
    assert isinstance(found, Unsure) if expected is Unsure else found == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(100, 599), st.binary(max_size=40))
def test_only_the_venues_own_word_is_a_no(status: int, noise: bytes) -> None:
    found = said(status, noise)
    if isinstance(found, Refused):
        assert found.code == -503
        assert noise.strip().startswith((b"Service Unavailable.", b"Internal error"))


def test_the_venues_recorded_errors_are_its_definite_word() -> None:
    ours = [{"http": 400, "body": no(-1121, "Invalid symbol.")}]
    recorded = [row for file in bodies("errors/*.json") for rows in file.values() for row in rows]
    for row in ours + recorded:
        found = said(row["http"], row["body"])
        assert isinstance(found, Refused | Throttled)
        assert found.code == row["body"]["code"]
