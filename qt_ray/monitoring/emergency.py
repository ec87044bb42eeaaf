"""Emergency, as others see it: what an emergency stop says of itself, and what it knows."""

from dataclasses import dataclass
from typing import Any

from qt_ray.execution.flatten_report import Report
from qt_ray.risk.ess import Emergency
from qt_ray.risk.triggers import Readings
from qt_ray.risk.vigil import Equity


@dataclass(frozen=True, slots=True)
class EmergencyStatus:
    """Where an emergency stop is, what it sees, and how its last flattening went; unknown is what nobody can tell."""

    state: str
    emergency: Emergency
    mode: str
    equity: Equity | None
    readings: Readings
    unknown: tuple[str, ...]
    is_latched: bool
    latch_epoch: int
    latch_reason: str
    latch_by: str
    outcome: Report | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a trip has come to: who acted, whether entries are shut out on disk, and what a person must do now."""

    acted: str
    is_flattening: bool
    emergency: Any
    latch: Any
    policy_told: bool | None
    detail: str
