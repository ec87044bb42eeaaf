"""`qt doctor`: whether there is a reason not to trade; exit code 0 when there is none, 1 when there is."""

from typing import TYPE_CHECKING

import typer

from qt_ray.cli.asking import with_session
from qt_ray.cli.config import Assignments, Json, Profile
from qt_ray.cli.screen import emit, say

if TYPE_CHECKING:
    from qt_ray.adapters.binance.session import BinanceSession
    from qt_ray.adapters.settings import Settings
    from qt_ray.adapters.trading.premises import Finding

SIGNS = ("ok", "warning", "CRITICAL")


def doctor(profile: Profile = "paper", assignments: Assignments = None, json: Json = False) -> None:
    """Check latch and journal, the way to the exchange, clock, keys, the account's mode and the filters."""
    from qt_ray.adapters.trading.doctor import examined
    from qt_ray.adapters.trading.premises import Health

    async def work(session: "BinanceSession", settings: "Settings") -> "list[Finding]":
        return await examined(session, settings)

    findings = with_session(profile, assignments, work)
    worst = max(finding.health for finding in findings)
    if json:
        rows = [{"check": f.check, "health": f.health.name, "detail": f.detail} for f in findings]
        emit("qt.doctor/1", {"profile": profile, "health": worst.name, "findings": rows})
    else:
        for finding in findings:
            say(f"{SIGNS[finding.health]:<9} {finding.check:<10} {finding.detail}")
    if worst is Health.CRITICAL:
        raise typer.Exit(1)
