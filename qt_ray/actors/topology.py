"""Topology: every part of a running fund, what makes it an actor, and in which order the parts begin.

This is the only place that knows names, namespaces and options of actors. A part is a plain class; what is written here
turns it into a process. No part is retried by Ray once it may send an order: a call that was lost may have been carried
out. Parts wait more than they work, so they reserve no processor.

An asyncio actor has one loop for all its methods, and none of ours blocks it: a call that hangs delays no other, which
is what a concurrency group of its own would be for. Such a group would be a second loop in a second thread, and the
parts' state belongs to one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.adapters.settings import Settings

POLICY_STORE: Final = "PolicyStore"
EMERGENCY_STOP: Final = "EmergencyStop"
RISK_GUARD: Final = "RiskGuard"
PREDICTOR: Final = "Predictor"
SIZER: Final = "Sizer"
SUPERVISOR: Final = "Supervisor"
DESK: Final = "Desk"
GATEWAY: Final = "Gateway"
FEED: Final = "Feed"
FUND_OS: Final = "FundOS"
LEARNER: Final = "Learner"
MONITOR: Final = "Monitor"


@dataclass(frozen=True, slots=True)
class Part:
    """A part: the class that is its process, as module and name, and its life in the cluster."""

    name: str
    where: str
    is_detached: bool = False
    retries: int = 0
    cpus: float = 0
    options: Mapping[str, Any] | None = None


def namespace_of(settings: Settings) -> str:
    """Return the namespace that one account's parts live in; two accounts never see each other's parts."""
    return f"qt-{settings.exchange.kind}-{settings.fund.account}"
