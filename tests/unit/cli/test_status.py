"""A status that may wait ends as soon as all are ready, and says who is not when its time is over."""

import os
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.edition import edition
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import Session, write_session
from qt_ray.adapters.trading.places import Places
from qt_ray.cli import status as shown
from qt_ray.cli.session import NotRunning
from qt_ray.cli.status import Patience
from qt_ray.core.errors import Retryable
from tests.integration.shell import qt, refused

pytestmark = pytest.mark.unit


class Fund:
    """A fund that does not run for some looks, then is not ready for some, and then is."""

    def __init__(self, absent: int = 0, late: int = 0) -> None:
        self.absent, self.late = absent, late

    def __call__(self) -> dict[str, Any]:
        if self.absent > 0:
            self.absent -= 1
            raise NotRunning("a fund of account main runs, none does")
        self.late -= 1
        return {"is_ready": self.late < 0, "not_ready": ["Desk: warming up"]}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "LOOK_S", 0.001)


def test_without_time_the_first_word_is_the_answer() -> None:
    assert Patience(0).until_ready(Fund(late=1))["is_ready"] is False
    with pytest.raises(NotRunning, match="none does"):
        Patience(0).until_ready(Fund(absent=1))


def test_with_time_it_waits_for_a_fund_and_for_every_part() -> None:
    assert Patience(30).until_ready(Fund(absent=2, late=2))["is_ready"] is True


def test_whoever_is_not_ready_in_time_is_named() -> None:
    with pytest.raises(Retryable, match=r"^status: every part is ready within 0\.01 s, not: Desk: warming up$"):
        Patience(0.01).until_ready(Fund(late=10**9))
    with pytest.raises(NotRunning):
        Patience(0.01).until_ready(Fund(absent=10**9))


def test_a_ray_that_is_not_there_is_one_line_and_code_7(tmp_path: Path) -> None:
    told = ("--set", f"fund.state={tmp_path}")
    refused(qt("status", "--address", "127.0.0.1:1", *told), 7, "a Ray answers at 127.0.0.1:1")
    mark = mark_of(os.getpid())
    assert mark is not None
    session = Session(os.getpid(), mark, 0, "paper", "main", "", "qt-paper-main", "127.0.0.1:1")
    write_session(Places(tmp_path / "paper" / "main").session, session)
    refused(qt("status", *told), 7, "a Ray answers at 127.0.0.1:1")


@pytest.mark.parametrize(("runs", "is_other"), [(edition(), False), ("0.0.1+abc", True)])
def test_a_command_of_other_code_than_the_fund_says_so(
    capsys: pytest.CaptureFixture[str], runs: str, is_other: bool
) -> None:
    part = {"health": "HEALTHY", "is_ready": True, "pid": 7, "reasons": [], "edition": runs}
    found = {"profile": "paper", "account": "main", "health": "HEALTHY", "is_ready": True, "uptime_s": 1}
    shown.show({**found, "actors": {"Desk": part, "Feed": {**part, "edition": ""}}})
    assert (f"the fund runs {runs}, this command is {edition()}" in capsys.readouterr().err) is is_other
