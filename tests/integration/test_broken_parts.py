"""A whole fund, a person at a shell who stops it, and then its parts, stopped one by one.

Each founding requirement turns false with the part that carries it, and true again with it.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any
from urllib.request import Request, urlopen

import pytest
from redis import Redis

from qt_ray.adapters.api_keys import operator_token
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.session_file import Session, read_session
from tests.integration.consoles import free_port
from tests.integration.terminals import heard, shell, up

pytestmark = [
    pytest.mark.integration,
    pytest.mark.p0_patches,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("ray"),
]

LOOKS_MAX, WITHIN_S = 60, 90
BREAKS = {
    "PolicyStore": {"p0_01"},
    "EmergencyStop": {"p0_02", "p0_07"},
    "Sizer": {"p0_05"},
    "Predictor": {"p0_06"},
}


@dataclass(frozen=True, slots=True)
class Living:
    """A fund that lives, and a person's way to ask it."""

    state: Path
    session: Session
    process: "subprocess.Popen[str]"
    token: str

    def asked(self, path: str) -> Any:
        request = Request(f"{self.session.console}{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def broken(self) -> dict[str, str]:
        """Return why each founding requirement that does not hold does not."""
        found = self.asked("/api/patches/status")
        broken = {key: patch["reason"] for key, patch in found["patches"].items() if not patch["holds"]}
        assert found["all_hold"] is not bool(broken)
        return broken

    def until(self, keys: set[str]) -> dict[str, str]:
        """Look until these do not hold, or until all hold if none is named."""
        until_ns = monotonic_ns() + WITHIN_S * 1_000_000_000
        while True:
            broken = self.broken()
            if broken.keys() >= keys and bool(broken) is bool(keys):
                return broken
            assert monotonic_ns() < until_ns, (keys, broken)
            sleep(0.1)  # a look costs the fund something, and a part is silent only after three seconds

    def qt(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return shell(self.state, *words)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process for a while: it lives, and answers nobody."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def fund(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    state = tmp_path_factory.mktemp("state")
    with up(state, "--port", str(free_port())) as process:
        heard(process.stderr, "the fund lives")
        folder = state / "paper" / "main"
        session = read_session(folder / "session.json")
        assert session is not None
        assert session.console is not None
        yield Living(state, session, process, operator_token(folder, "ann"))
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(120) == 130


def test_a_person_at_a_shell_sees_stops_and_understands_the_fund(fund: Living) -> None:
    shown = fund.qt("ess", "status")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("main at paper: entries are let in\n")
    assert "latch        open, never closed" in shown.stdout
    held = fund.qt("positions", "--json")
    assert held.returncode == 0, held.stderr
    assert fund.qt("policy", "diff", "modes.NORMAL.max_leverage=3").returncode == 0

    stopped_now = fund.qt("ess", "trip", "--reason", "a test")
    assert "STOPPING" in stopped_now.stdout, stopped_now.stderr
    for _ in range(LOOKS_MAX):
        found = json.loads(fund.qt("ess", "status", "--json").stdout)
        if found["ess"]["state"] == "COOLING_DOWN":
            break
    assert (found["ess"]["state"], found["entries_shut"], found["latch"]["closed"]) == ("COOLING_DOWN", True, True)
    assert found["next"][0].startswith('qt ess reset manual --reason "..."')
    assert json.loads(fund.qt("positions", "--json").stdout)["positions"] == []
    early = fund.qt("ess", "reset", "manual", "--reason", "looked at", "--yes", "main")
    assert early.returncode == 5
    assert "cooldown" in early.stderr
    assert "tripped by" in fund.qt("ess", "history").stdout


@pytest.mark.requirement("P0-01", "P0-02", "P0-05", "P0-06", "P0-07")
def test_a_requirement_turns_false_with_the_part_that_carries_it_and_true_again(fund: Living) -> None:
    fund.until(set())
    pids = {name: part["pid"] for name, part in fund.asked("/api/status")["actors"].items()}
    for part, keys in BREAKS.items():
        with stopped(pids[part]):
            broken = fund.until(keys)
            assert all(broken[key] for key in keys)
        fund.until(set())


@pytest.mark.requirement("P0-03", "P0-04")
def test_events_and_trades_are_said_to_be_without_a_place_while_the_bus_stands_still(fund: Living) -> None:
    fund.until(set())
    with Redis(unix_socket_path=str(fund.session.redis)) as redis:
        pid = int(redis.info("server")["process_id"])
    with stopped(pid):
        fund.until({"p0_03", "p0_04"})
    fund.until(set())
