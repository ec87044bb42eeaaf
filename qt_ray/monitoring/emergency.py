"""Emergency, as others see it: what an emergency stop says of itself, and the rule that follows from it."""

from dataclasses import dataclass

from qt_ray.execution.flatten_report import Report
from qt_ray.risk.ess import Emergency, EssState
from qt_ray.risk.triggers import Readings, RecoveryMode
from qt_ray.risk.vigil import Equity


@dataclass(frozen=True, slots=True)
class Ruling:
    """What whoever decides must obey: where the emergency stop is, and how far the fund has climbed since.

    `turn` counts the rulings. A policy is used as `risk.triggers.under_ramp` leaves it in this mode.
    """

    turn: int
    state: EssState
    mode: RecoveryMode
    reason: str


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
    outcome: Report | None
