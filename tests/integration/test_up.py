"""`qt up` from outside: it lives, answers, is alone, mends what is killed, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import read_session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.xdist_group("ray")]

ROOT = Path(__file__).parents[2]
ASKED_MAX = 10
QT = (sys.executable, "-m", "qt_ray.cli.main")


def world() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "RAY_"))}
    return {**mine, "PYTHONPATH": str(ROOT)}


def qt(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    told = (*QT, *words, "--set", f"fund.state={state}")
    return subprocess.run(told, env=world(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def up(state: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Begin a fund as a terminal would: in a process group of its own."""
    told = (*QT, "up", "--no-dashboard", "--no-serve", "--set", f"fund.state={state}", *words)
    process = subprocess.Popen(
        told, env=world(), cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True, bufsize=1
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def heard(said: IO[str] | None, pattern: str) -> str:
    """Return the first line that has the pattern; the whole story if it ends before."""
    story = ""
    for line in said or ():
        story += line
        if re.search(pattern, line):
            return line
    raise AssertionError(f"no line has {pattern!r}:\n{story}")


def status(state: Path) -> dict[str, Any]:
    """Return the fund's status once all parts have answered: a part that is asked while it works may be late."""
    for _ in range(ASKED_MAX):
        found = qt(state, "status", "--json")
        assert found.returncode == 0, found.stderr
        told: dict[str, Any] = json.loads(found.stdout)
        if told["is_ready"]:
            return told
    raise AssertionError(told)


def test_a_fund_lives_answers_is_alone_mends_itself_and_ends_in_order(tmp_path: Path) -> None:
    with up(tmp_path) as fund:
        heard(fund.stderr, "the fund lives")
        session = read_session(tmp_path / "paper" / "main" / "session.json")
        assert session is not None
        assert (session.pid, session.life != "") == (fund.pid, True)

        first = status(tmp_path)
        assert (first["schema"], first["profile"]) == ("qt.status/1", "paper")
        assert first["policy_version"] >= 2
        assert {part["is_ready"] for part in first["actors"].values()} == {True}

        second = qt(tmp_path, "up")
        assert second.returncode == 5
        assert f"one fund at a time, process {fund.pid} runs it" in second.stderr

        store = first["actors"]["PolicyStore"]["pid"]
        os.kill(store, signal.SIGKILL)
        heard(fund.stderr, f"PolicyStore was born again, process {store} is now")
        again = status(tmp_path)
        assert again["actors"]["PolicyStore"]["was_reconstructed"]
        assert again["epoch"] > first["epoch"]

        os.killpg(fund.pid, signal.SIGINT)
        assert fund.wait(60) == 130
        heard(fund.stderr, "ended in order")
    assert mark_of(again["actors"]["PolicyStore"]["pid"]) is None
    assert not list((tmp_path / "paper" / "main").glob("session.json"))
    assert qt(tmp_path, "status").returncode == 4
    assert "a part begins" in qt(tmp_path, "logs", "PolicyStore").stdout


def test_an_interrupt_before_it_lives_ends_it_too(tmp_path: Path) -> None:
    with up(tmp_path) as fund:
        heard(fund.stderr, "qt up: profile paper")
        os.killpg(fund.pid, signal.SIGINT)
        assert fund.wait(60) == 130
