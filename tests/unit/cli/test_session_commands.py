"""Commands about a running fund: no fund is one line and a code of its own, and logs are read without one."""

import json
import os
from pathlib import Path
from socket import socket

import pytest

from qt_ray.adapters.files import locked
from qt_ray.cli.logs import readable
from tests.integration.shell import qt, refused

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("command", ["status", "down"])
def test_without_a_fund_there_is_one_line_and_code_4(tmp_path: Path, command: str) -> None:
    refused(qt(command, "--set", f"fund.state={tmp_path}"), 4, "a fund of account main runs, none does", "qt up")


def test_a_port_that_is_taken_is_refused_before_anything_begins(tmp_path: Path) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(qt("up", "--port", port, "--set", f"fund.state={tmp_path}"), 3, f"was {port}: Address already in use")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["writer.lock"]


def test_a_second_fund_of_an_account_hears_of_the_first_and_not_of_its_port(tmp_path: Path) -> None:
    folder = tmp_path / "paper" / "main"
    folder.mkdir(parents=True)
    handle = locked(folder, "an account's fund")
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(qt("up", "--port", port, "--set", f"fund.state={tmp_path}"), 5, "one fund at a time")
    os.close(handle)


def test_logs_of_nobody_are_empty_and_of_somebody_unknown_refused(tmp_path: Path) -> None:
    told = ("--set", f"fund.state={tmp_path}")
    assert qt("logs", *told).out == ""
    refused(qt("logs", "Desk", *told), 6, "a part that has said something, nobody, was Desk")


def test_logs_are_read_by_a_person_or_a_program(tmp_path: Path) -> None:
    folder = tmp_path / "paper" / "main" / "logs"
    folder.mkdir(parents=True)
    line = {"time": "2026-01-01T00:00:01.000+00:00", "level": "info", "part": "Desk", "event": "hello", "symbols": 3}
    (folder / "Desk.jsonl").write_text(json.dumps(line) + "\n")
    told = ("--set", f"fund.state={tmp_path}")
    assert qt("logs", *told).out == "2026-01-01T00:00:01.000 info    Desk           hello  symbols=3\n"
    assert json.loads(qt("logs", "Desk", "--json", *told).out) == line
    assert qt("logs", "--last", "0", *told).out == ""


@pytest.mark.parametrize("line", ["", "no object", "[1]", '"text"', "{"])
def test_a_line_that_is_no_object_is_shown_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_an_error_follows_its_line() -> None:
    assert readable(json.dumps({"event": "it fell", "error": "Trace\nback"})).endswith("it fell\nTrace\nback")
