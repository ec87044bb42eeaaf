"""What a console answers ends a command with the exit code that its meaning has, and the page says the same codes."""

import re
from pathlib import Path

import pytest

from qt_ray.cli.calling import EXITS, Reply, fault_of
from qt_ray.serve.answers import ERRORS, STATUS_OF

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"


def error(status: int, code: str, rule: str = "a rule, then a value") -> Reply:
    return Reply(status, {"error": {"code": code, "rule": rule, "detail": None}})


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error(503, "not_running"), 4),
        (error(401, "no_key"), 8),
        (error(403, "not_allowed"), 8),
        (error(403, "same_person"), 5),
        (error(403, "needs_person"), 5),
        (error(412, "conflict"), 5),
        (error(409, "outdated"), 5),
        (error(404, "unknown"), 5),
        (error(422, "invalid"), 5),
        (error(503, "no_answer"), 7),
        (error(408, "late"), 7),
        (error(429, "too_many"), 7),
        (error(504, "late"), 7),
        (error(500, "internal"), 1),
        (Reply(502, "a page of somebody else's"), 1),
    ],
    ids=lambda given: getattr(given, "status", given),
)
def test_each_refusal_has_its_exit_code_and_keeps_its_rule(reply: Reply, code: int) -> None:
    fault = fault_of(reply)
    assert fault.exit_code == code
    assert str(fault) in ("a rule, then a value", "status 502")


def test_every_refusal_of_the_console_ends_with_a_code_that_is_explained() -> None:
    denials = [error(status, denial) for denial, status in STATUS_OF.items()]
    faults = [error(status, code) for _, status, code in ERRORS if code != "internal"]
    assert {fault_of(reply).exit_code for reply in (*denials, *faults)} <= EXITS.keys()


def test_the_page_explains_the_same_codes() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == dict(EXITS)
