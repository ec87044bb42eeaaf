"""Sight: what parts say of themselves, as the one picture of the fund that a coordinator judges by.

Of a number that several parts know the worst counts, and what nobody knows stays unknown.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from qt_ray.governance.coordination import Seen
from qt_ray.monitoring.health import Condition

EMERGENCY_STOP: Final = "EmergencyStop"
REGIMES: Final = "regimes"
RECOVERY: Final = "mode"
NUMBERS: Final = ("drawdown_bps", "exposure_share_bps", "losing_streak")


def sight_of(conditions: Mapping[str, Condition]) -> Seen:
    """Return the fund as these parts show it, by name."""
    facts = [said.facts for said in conditions.values()]
    regimes: Mapping[str, str] = next((known[REGIMES] for known in facts if REGIMES in known), {})
    drawdown_bps, exposure_share_bps, losing_streak = (_worst(facts, name) for name in NUMBERS)
    stop = conditions.get(EMERGENCY_STOP)
    recovery = stop.facts.get(RECOVERY) if stop else None
    healths = {name: said.health for name, said in conditions.items()}
    return Seen(healths, regimes, drawdown_bps, exposure_share_bps, losing_streak, recovery)


def _worst(facts: Iterable[Mapping[str, Any]], name: str) -> int | None:
    return max((known[name] for known in facts if known.get(name) is not None), default=None)
