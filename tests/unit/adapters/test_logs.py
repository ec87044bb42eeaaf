"""Logs are for many eyes: every line says whose it is, and no line says a secret."""

import json
import logging
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.logs import Lines, Remarks, log, without_secrets, write_logs
from tests.unit.root_log import root_log

__all__ = ["root_log"]

pytestmark = pytest.mark.unit

SECRETS = ("api_key", "ESS_SECRET", "listenToken", "signature", "password", "X-Authorization", "cookie")
names = st.text(max_size=8)
words = st.sampled_from(SECRETS).flatmap(lambda word: names.map(lambda name: name + word))
fields = st.recursive(st.integers(), lambda below: st.dictionaries(names | words, below, max_size=4), max_leaves=8)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def all_names(found: Any) -> list[str]:
    if not isinstance(found, dict):
        return []
    return [name for key, item in found.items() for name in (key, *all_names(item))]


def test_a_line_is_an_object_that_says_whose_it_is(tmp_path: Path) -> None:
    path = write_logs(tmp_path, "Desk", "a1b2")
    log().info("a decision was made", decision_id="d-1", symbols=3)
    (line,) = lines(path)
    assert {name: line[name] for name in ("level", "part", "actor_id", "event", "decision_id", "symbols")} == {
        "level": "info",
        "part": "Desk",
        "actor_id": "a1b2",
        "event": "a decision was made",
        "decision_id": "d-1",
        "symbols": 3,
    }
    assert line["time"].endswith("+00:00")


def test_what_is_bound_is_in_every_line_until_it_is_unbound(tmp_path: Path) -> None:
    path = write_logs(tmp_path, "Desk")
    with structlog.contextvars.bound_contextvars(trace_id="t-1"):
        log().info("one")
    log().info("two")
    assert [line.get("trace_id") for line in lines(path)] == ["t-1", None]


def test_others_lines_are_kept_with_their_name(tmp_path: Path) -> None:
    path = write_logs(tmp_path, "Feed")
    logging.getLogger("asyncio").error("a task was %s", "lost", extra={"api_key": "k", "task": "t"})
    (line,) = lines(path)
    assert (line["logger"], line["event"], line["task"]) == ("asyncio", "a task was lost", "t")
    assert "api_key" not in line


def test_an_error_is_told_with_its_trace(tmp_path: Path) -> None:
    path = write_logs(tmp_path, "Feed")
    log().error("it failed", exc_info=ValueError("a wheel came off"))
    assert "ValueError: a wheel came off" in lines(path)[0]["error"]


def test_what_others_print_is_kept_line_by_line_and_without_colour(tmp_path: Path) -> None:
    path = write_logs(tmp_path, "up")
    with redirect_stdout(Remarks("ray")):
        sys.stdout.write("\x1b[33m(raylet)\x1b[0m a worker died\n\nand another")
    assert [(line["by"], line["remark"]) for line in lines(path)] == [
        ("ray", "(raylet) a worker died"),
        ("ray", "and another"),
    ]


def test_another_beginning_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first, second = write_logs(tmp_path, "Feed"), write_logs(tmp_path, "Desk")
    log().info("hello")
    assert (first.exists(), len(lines(second))) == (False, 1)


@given(st.dictionaries(names | words, fields, max_size=6))
def test_no_secret_is_left_however_deep_it_lies(told: dict[str, Any]) -> None:
    left = without_secrets(told)
    assert not [name for name in all_names(left) if any(word.lower() in name.lower() for word in SECRETS)]
    record = logging.makeLogRecord({"msg": "hello", "name": "x", "told": told})
    assert not set(all_names(json.loads(Lines({}).format(record))["told"])) & set(SECRETS)
