"""Processes: whether a process is still the one it was, because a number alone is given to somebody else later.

The moment of its birth, as the system tells it, marks a process; only with number and mark together is it asked to end.
"""

import os
import signal
from pathlib import Path
from subprocess import run
from typing import Final

PROC: Final = Path("/") / "proc"
BORN_AT: Final = 19
STATE_AT: Final = 0
GONE: Final = ("Z", "X")


def mark_of(pid: int) -> str | None:
    """Return what marks the process that has this number now; nothing if there is none, or only its remains."""
    if not PROC.is_dir():
        return _asked(pid)
    try:
        # The name of a process is in brackets and may hold anything; what follows the last one does not.
        told = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if told[STATE_AT] in GONE else told[BORN_AT]


def ask_to_end(pid: int, mark: str) -> bool:
    """Ask a process to end in order, if it is still that one, and return whether it is."""
    if mark_of(pid) != mark:
        return False
    os.kill(pid, signal.SIGTERM)
    return True


def _asked(pid: int) -> str | None:
    """Return the same on a system without a folder of processes."""
    told = run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None
