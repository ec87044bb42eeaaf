"""`qt up`: the fund begins in this terminal and lives until it is interrupted; what it says goes to stderr.

Ctrl-C and `qt down` end it in order: nothing new is opened, the parts rest one after the other, and positions stay
behind their stops at the venue. A second Ctrl-C waits for nobody.
"""

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.calling import who
from qt_ray.cli.config import Assignments, Profile, assigned
from qt_ray.cli.numbers import plain, whole
from qt_ray.cli.screen import note

if TYPE_CHECKING:
    from qt_ray.actors.house import House, Wanted
    from qt_ray.adapters.session_file import Session
    from qt_ray.serve.front import Front

INTERRUPTED = 130
PORT = 8_700
HERE = "127.0.0.1"

Address = Annotated[
    str | None,
    typer.Option("--address", envvar="RAY_ADDRESS", help="Join the Ray at this address; default one of our own."),
]
Port = Annotated[int, typer.Option("--port", help="Port of the console, on this machine.", **whole(1, 65_535))]
Host = Annotated[str, typer.Option("--host", help="Address of the console; another one belongs behind TLS.")]
NoServe = Annotated[bool, typer.Option("--no-serve", help="Open no console and no inference API.")]
NoDashboard = Annotated[bool, typer.Option("--no-dashboard", help="Begin Ray without its dashboard.")]
Seconds = Annotated[float | None, typer.Option("--seconds", help="End by itself after so long.", **plain(0))]


def up(
    profile: Profile = "paper",
    assignments: Assignments = None,
    address: Address = None,
    port: Port = PORT,
    host: Host = HERE,
    no_serve: NoServe = False,
    no_dashboard: NoDashboard = False,
    seconds: Seconds = None,
) -> None:
    """Begin the fund of a profile and keep it going: exchange if it is paper, bus, Ray, every part, console."""
    from qt_ray.actors.house import Wanted, opened

    wanted = Wanted(profile, assigned(assignments), address, not no_dashboard, None if no_serve else port, host)
    note(f"qt up: profile {profile}; Ctrl-C ends it in order")
    with opened(wanted) as house:
        _introduce(house)
        code = asyncio.run(_lived(house, _front(house, wanted), seconds))
    note("ended in order; nothing of this fund runs any more")
    raise typer.Exit(code)


async def _lived(house: "House", front: "Front | None", seconds: float | None) -> int:
    """Live until a signal or the end of the time, and return the exit code that says which it was."""
    from qt_ray.actors.fund import Fund

    fund, codes = Fund.on_ray(house, _line, front), list[int]()

    def end(code: int) -> None:
        if fund.ended.is_set():
            fund.hurry.set()
        codes.append(code)
        fund.ended.set()
        note("ending: nothing new is opened, the parts rest; positions keep their stops at the venue")

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, end, INTERRUPTED)
    loop.add_signal_handler(signal.SIGTERM, end, 0)
    if seconds is not None:
        loop.call_later(seconds, end, 0)
    await fund.live(partial(_ready, house))
    return codes[0] if codes else 0


def _introduce(house: "House") -> None:
    """Say what the parts stand on."""
    if house.exchange is not None:
        _line(f"{'exchange':<14} {house.exchange.doors['rest']}, a paper one; life {house.origin.life}")
    _line(f"{'bus':<14} {'embedded, ' if house.bus else ''}{house.origin.redis}")
    _line(f"{'ray':<14} {house.head.address}, {'our own' if house.head.is_ours else 'joined'}")


def _ready(house: "House", session: "Session") -> None:
    """Say where to look, once there is something to see."""
    took_s = ((session.ready_ms or session.started_ms) - session.started_ms) / 1_000
    note(f"the fund lives, {took_s:.1f} s after it was asked for")
    for name, place in (("console", session.console), ("ray dashboard", session.dashboard)):
        if place:
            _line(f"{name:<14} {place}")
    if session.console:
        from qt_ray.adapters.api_keys import login_url

        _line(f"{'log in':<14} {login_url(house.places.folder, session.console, who())}  (once, within five minutes)")
    _line(f"{'look':<14} qt status, qt logs --follow")
    _line(f"{'stop':<14} Ctrl-C here, or qt down")


def _line(text: str) -> None:
    note(f"  {text}")


def _front(house: "House", wanted: "Wanted") -> "Front | None":
    """Return what opens the console and the inference API, once it is sure that they could open."""
    if wanted.port is None:
        return None
    from qt_ray.serve.front import Front

    front = Front(wanted.port, who(), wanted.host)
    if not house.head.is_ours:
        front.check(house.origin)
    return front
