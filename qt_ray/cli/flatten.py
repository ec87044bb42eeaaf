"""`qt flatten`: stop an account from a bare shell. It never asks back, and it ends when all is flat or time is up."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.asking import in_session
from qt_ray.cli.caller import ByHand
from qt_ray.cli.calling import who
from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.numbers import plain
from qt_ray.cli.screen import emit, fault, note, say

if TYPE_CHECKING:
    from qt_ray.adapters.binance.session import BinanceSession
    from qt_ray.adapters.settings import Settings
    from qt_ray.execution.flatten_report import Report
    from qt_ray.risk.ess import Emergency

EXIT_NOT_FLAT = 7

Timeout = Annotated[float, typer.Option("--timeout", help="Seconds after which it stops trying here.", **plain(1))]


def flatten(
    profile: Profile = "paper",
    assignments: Assignments = None,
    reason: ByHand = "by hand",
    timeout: Timeout = 300.0,
    json: Json = False,
) -> None:
    """Shut entries out, cancel all orders, close all positions at the market, and prove that all is flat."""
    from qt_ray.adapters.config import load
    from qt_ray.jobs.emergency import order_of, shut, stop

    settings = load(profile, assigned(assignments), os.environ).settings
    order = shut(order_of(settings, reason, who()))

    async def work(session: "BinanceSession", settings: "Settings") -> "tuple[Report, Emergency]":
        return await asyncio.wait_for(stop(session, order, _tell), timeout)

    try:
        report, emergency = in_session(settings, work, ess=True)
    except TimeoutError:
        # Unknown is a state: without the exchange's word nobody knows what is still held.
        fault(
            f"flatten: proven flat within {timeout:g} s, was not: positions and orders may be open;"
            " the latch is closed, `qt doctor` says whether the exchange can be reached, run it again"
        )
        raise typer.Exit(EXIT_NOT_FLAT) from None
    if json:
        emit("qt.flatten/1", {"state": emergency.state.label, "report": report, "took_ms": _times(report)})
        return
    for name, took_ms in _times(report).items():
        say(f"{name:<14} {'-' if took_ms is None else f'{took_ms} ms'}")
    say(f"cancels        {report.cancels}, closes {report.closes}, attempts {report.attempts}")
    note("entries stay shut out until a person opens the latch: qt latch open")


def _times(report: "Report") -> dict[str, int | None]:
    """Return how long after the trip each step came."""
    steps = {
        "first cancel": report.first_cancel_ms,
        "last cancelled": report.cancelled_ms,
        "last closed": report.closed_ms,
        "flat": report.flat_ms,
        "settled": report.settled_ms,
    }
    return {name: None if at is None else at - report.tripped_ms for name, at in steps.items()}


def _tell(emergency: "Emergency", at_ms: int) -> None:
    from qt_ray.core.moments import rfc3339

    note(f"{rfc3339(at_ms)}  {emergency.state.label}")
