"""Urgency: how much a process gives way to what else runs, or what else to it, where the machine lets us say so.

Linux keeps it for each thread, and a new one begins as its maker is, so all there are must be told. Whoever may not ask
for more than others keeps what it has: the kill switch works without, a busy machine only makes it wait longer.
"""

import os
from contextlib import suppress
from pathlib import Path
from threading import Thread, get_native_id

THREADS = Path("/proc/self/task")


def give_way(niceness: int) -> bool:
    """Let every thread of this process be so nice, and return whether they are; less than before may be forbidden."""
    try:
        for thread in [int(entry.name) for entry in THREADS.iterdir()]:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.setpriority(os.PRIO_PROCESS, thread, niceness)
    except (PermissionError, FileNotFoundError):
        return False
    return True


def may_be(niceness: int) -> bool:
    """Return whether the machine lets us be so nice, as a thread that ends at once has tried."""
    allowed: list[int] = []

    def attempt() -> None:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), niceness)
            allowed.append(niceness)

    thread = Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(allowed)
