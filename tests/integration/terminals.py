"""A terminal in which `qt up` lives: a process of its own, what it says, and what other shells hear of it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
QT = (sys.executable, "-m", "qt_ray.cli.main")
ANSWER_S = 120


def world() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "RAY_"))}
    return {**mine, "PYTHONPATH": str(ROOT)}


def shell(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run another `qt` about the account whose memory lies at `state`."""
    told = (*QT, *words, "--set", f"fund.state={state}")
    return subprocess.run(told, env=world(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=ANSWER_S)


@contextmanager
def up(state: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Begin a fund as a terminal would: in a process group of its own."""
    told = (*QT, "up", "--no-dashboard", "--set", f"fund.state={state}", *words)
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
