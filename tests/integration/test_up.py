"""`qt up` from outside: it lives, answers, is alone, mends what is killed, and leaves nothing behind."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import read_session
from tests.integration.terminals import heard, up
from tests.integration.terminals import shell as qt

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.xdist_group("ray")]

ASKED_MAX = 10


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
    with up(tmp_path, "--no-serve") as fund:
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
    with up(tmp_path, "--no-serve") as fund:
        heard(fund.stderr, "qt up: profile paper")
        os.killpg(fund.pid, signal.SIGINT)
        assert fund.wait(60) == 130
