"""Desk facts: what a fund's own books say of its risk, as plain numbers for whoever coordinates.

A number that the books do not have yet is None: before the first bar nobody has valued the account.
"""

from typing import Any

from qt_ray.core.money import BPS
from qt_ray.engine.world import World


def risk_facts(world: World, losing_streak: int) -> dict[str, int | None]:
    """Return how far equity is below its peak, how much of its limit exposure takes, and the losses in a row."""
    account: Any = world.account[0]
    is_valued = int(account["ts"]) > 0
    drawdown: Any = world.drawdown[0]
    return {
        "drawdown_bps": int(drawdown["drawdown_bps"]) if is_valued else None,
        "exposure_share_bps": _exposure_share(world) if is_valued else None,
        "losing_streak": losing_streak,
    }


def _exposure_share(world: World) -> int:
    """Return gross exposure over what the limits let equity carry; without equity any exposure is too much."""
    account, limits = world.account[0], world.limits[0]
    bearable = max(int(account["equity"]), 0) * int(limits["gross_bps"]) // BPS
    gross = int(account["gross"])
    return gross * BPS // bearable if bearable else BPS * bool(gross)
