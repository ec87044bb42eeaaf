"""`qt doctor`: whether there is a reason not to trade; exit code 0 when there is none, 1 when there is."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from qt_ray.cli.asking import in_session
from qt_ray.cli.config import Assignments, Json, Profile, assigned
from qt_ray.cli.screen import emit, say

if TYPE_CHECKING:
    from qt_ray.adapters.binance.session import BinanceSession
    from qt_ray.adapters.settings import Settings
    from qt_ray.adapters.trading.premises import Finding

SIGNS = ("ok", "warning", "CRITICAL")

Address = Annotated[
    str | None,
    typer.Option("--address", envvar="RAY_ADDRESS", help="Look at the Ray there; default the running fund's."),
]


def doctor(
    profile: Profile = "paper", assignments: Assignments = None, address: Address = None, json: Json = False
) -> None:
    """Check bus and Ray, latch and journal, the way to the exchange, clock, keys, the account's mode and filters."""
    from qt_ray.actors.ground import surveyed
    from qt_ray.adapters.config import load
    from qt_ray.adapters.session_file import read_session
    from qt_ray.adapters.trading.doctor import examined
    from qt_ray.adapters.trading.places import places_of
    from qt_ray.adapters.trading.premises import Health

    flags = assigned(assignments)
    settings = load(profile, flags, os.environ).settings
    fund = read_session(places_of(settings).session)
    if fund is not None and fund.venue is not None:  # the exchange that this fund brought with it, and its life there
        settings = load(profile, {**flags, **at_paper(fund.venue)}, os.environ).settings
    places = places_of(settings, fund.life if fund else "")

    async def work(session: "BinanceSession", settings: "Settings") -> "list[Finding]":
        return await examined(session, settings, places)

    findings = [*surveyed(settings, address or (fund.ray if fund else None)), *in_session(settings, work)]
    worst = max(finding.health for finding in findings)
    if json:
        rows = [{"check": f.check, "health": f.health.name, "detail": f.detail} for f in findings]
        emit("qt.doctor/1", {"profile": profile, "health": worst.name, "findings": rows})
    else:
        for finding in findings:
            say(f"{SIGNS[finding.health]:<9} {finding.check:<10} {finding.detail}")
    if worst is Health.CRITICAL:
        raise typer.Exit(1)


def at_paper(rest: str) -> dict[str, str]:
    """Return the settings that lead to a paper exchange, whose streams are behind the same door."""
    return {"exchange.rest_url": rest, "exchange.ws_url": f"ws{rest.removeprefix('http')}"}
