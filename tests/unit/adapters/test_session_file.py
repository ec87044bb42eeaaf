"""What runs is said to its user alone, and believed only while its process lives."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from qt_ray.adapters.processes import ask_to_end, mark_of
from qt_ray.adapters.session_file import Session, forget_session, read_session, write_session
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit


def ours() -> Session:
    mark = mark_of(os.getpid())
    assert mark is not None
    return Session(os.getpid(), mark, 1_000, "paper", "main", "20260101T000000Z", "qt-paper-main", "127.0.0.1:6379")


def test_what_is_written_is_read_by_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    assert read_session(path) is None
    write_session(path, ours())
    assert read_session(path) == ours()
    assert path.stat().st_mode & 0o777 == 0o600
    forget_session(path)
    forget_session(path)
    assert read_session(path) is None


def test_the_remains_of_a_killed_fund_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    for dead in (replace(ours(), mark="another birth"), replace(ours(), pid=2**22 + 1)):
        write_session(path, dead)
        assert read_session(path) is None


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema":"qt.session/9"}', "{", '{"schema":"qt.session/1"}'])
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(text)
    with pytest.raises(Invalid):
        read_session(path)


def test_only_the_process_that_was_meant_is_asked_to_end() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mark = mark_of(child.pid)
        assert mark is not None
        assert not ask_to_end(child.pid, mark + "0")
        assert child.poll() is None
        assert ask_to_end(child.pid, mark)
        assert child.wait(10) == -15
        assert mark_of(child.pid) is None
    assert not ask_to_end(child.pid, mark)
