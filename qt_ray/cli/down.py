"""`qt down`: ends the fund of an account in order, as Ctrl-C in its terminal would, and nothing else."""

from time import sleep
from typing import Annotated

import typer

from qt_ray.cli.config import Assignments, Profile
from qt_ray.cli.numbers import plain
from qt_ray.cli.screen import note
from qt_ray.cli.session import running
from qt_ray.core.errors import Retryable

LOOK_S = 0.1

Within = Annotated[float, typer.Option("--within", help="Seconds to wait for its end.", **plain(0.1))]


def down(profile: Profile = "paper", assignments: Assignments = None, within: Within = 120.0) -> None:
    """End the running fund of a profile's account, and wait until nothing of it runs any more."""
    from qt_ray.adapters.clock import monotonic_ns
    from qt_ray.adapters.processes import ask_to_end

    session = running(profile, assignments)
    note(f"process {session.pid} is asked to end the fund of account {session.account}")
    until_ns = monotonic_ns() + int(within * 1e9)
    ask_to_end(session.pid, session.mark)
    while session.is_alive:
        if monotonic_ns() >= until_ns:
            raise Retryable(f"down: the fund ends within {within:.0f} s, process {session.pid} still does")
        sleep(LOOK_S)
    note("the fund has ended; what it held is protected by its stops at the venue")
