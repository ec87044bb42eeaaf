"""A process gives way with every thread it has, and one that may not ask for more than others keeps what it has."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qt_ray.adapters import urgency

pytestmark = pytest.mark.unit

TWO_THREADS = """
import os, threading
from qt_ray.adapters.urgency import give_way
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
told = give_way(7)
print(told, {os.getpriority(os.PRIO_PROCESS, tid) for tid in map(int, os.listdir("/proc/self/task"))})
done.set()
"""


def test_every_thread_gives_way() -> None:
    said = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "True {7}"


def test_a_thread_that_ends_meanwhile_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = []

    def ended(_: int, thread: int, niceness: int) -> None:
        told.append(thread)
        if thread == 1:
            raise ProcessLookupError("no such process")

    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(urgency, "THREADS", tmp_path)
    monkeypatch.setattr(os, "setpriority", ended)
    assert urgency.give_way(3)
    assert sorted(told) == [1, 2]


def test_who_may_not_be_more_urgent_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError("not permitted")

    before = os.getpriority(os.PRIO_PROCESS, 0)
    monkeypatch.setattr(os, "setpriority", forbidden)
    assert not urgency.give_way(-10)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


@pytest.mark.parametrize("allowed", [True, False])
def test_whether_more_is_allowed_is_tried_by_a_thread_that_ends(monkeypatch: pytest.MonkeyPatch, allowed: bool) -> None:
    told = []

    def asked(_: int, thread: int, niceness: int) -> None:
        told.append((thread, niceness))
        if not allowed:
            raise PermissionError("not permitted")

    monkeypatch.setattr(os, "setpriority", asked)
    assert urgency.may_be(-10) is allowed
    [(thread, niceness)] = told
    assert (thread == threading.get_native_id(), niceness) == (False, -10)


def test_a_machine_that_shows_no_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(urgency, "THREADS", tmp_path / "nowhere")
    assert not urgency.give_way(3)
