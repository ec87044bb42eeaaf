"""Health: what a part says of itself when it is asked, in one shape for every part.

Nobody answers for another: a part that does not answer is UNKNOWN, which is worse than critical. What a part does not
know it leaves out; it never fills in a number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_ray.ai.hedge_fund_os import Health


@dataclass(frozen=True, slots=True)
class Condition:
    """How a part is: since when this life of it runs, why it is not healthy, plain facts, and the code that it runs."""

    part: str
    health: Health
    at_ms: int
    since_ms: int | None = None
    reasons: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_ready: bool = False
    pid: int | None = None
    was_reconstructed: bool = False
    edition: str = ""


def unheard(part: str, at_ms: int, reason: str) -> Condition:
    """Return the condition of a part that does not answer."""
    return Condition(part, Health.UNKNOWN, at_ms, reasons=(reason,))


def worst(conditions: Iterable[Condition]) -> Health:
    """Return the health of all together, which is that of the worst; of nobody it is unknown."""
    return max((condition.health for condition in conditions), default=Health.UNKNOWN)
