"""Fallback proof: whether the guard, under a policy, caps what grows in high volatility, found out by asking it.

Two wishes are put to its whole table: a large one of an account with plenty, which a share must bind, and one of an
account with little, which leverage must bind. No policy may permit more than the founding ceilings.
"""

from typing import Final

from qt_ray.core.policy import Policy
from qt_ray.core.records import empty
from qt_ray.risk.ask import Ask
from qt_ray.risk.guard import explain
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.reasons import Reason

WISH: Final = 1_000
SHARE_MAX_BPS: Final = 3_000
LEVERAGE_MAX: Final = 2
PRICE: Final = 1_000
UNIT: Final = 1_000_000


def why_uncapped(policy: Policy) -> str:
    """Return what the guard would let grow beyond a ceiling, or nothing."""
    held, plenty = WISH * PRICE * UNIT, WISH * WISH * PRICE * UNIT
    share = _granted(policy, plenty)
    if share > WISH * SHARE_MAX_BPS // 10_000:
        return f"in high volatility a size is at most {SHARE_MAX_BPS} bps of the wish, {share} of {WISH} were granted"
    poor = held // 100
    levered = _granted(policy, poor) * PRICE * UNIT
    if levered > LEVERAGE_MAX * poor:
        return f"in high volatility leverage is at most {LEVERAGE_MAX}, {levered / poor:.1f} was granted"
    return ""


def _granted(policy: Policy, equity: int) -> int:
    """Return how much of the wish the fallback's rule leaves to an account of that equity."""
    rows = empty(Ask, 1)
    for name, value in (("wish", WISH), ("mark", PRICE), ("last", PRICE), ("unit", UNIT), ("equity", equity)):
        rows[name] = value
    rows["volatile"] = 1
    _, said = explain(rows[0], limits_in_force(policy).row[0])
    return next(one.band.high for one in said if one.reason is Reason.RL_FALLBACK_HIGH_VOL)
