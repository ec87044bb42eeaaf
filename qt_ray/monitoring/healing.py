"""Healing: what is done about a part that is not well, as a table in which worse never leads to less.

A part that is silent is begun anew; one that will not stay up is left for a person, and the fund opens nothing until
then. Nothing here can let more risk in: healing begins processes and asks for less, and whoever watches over money
decides by his own rules all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition

# A process that dies is begun anew by whoever runs it; this is for one that hangs, and longer than any birth takes.
BEATS_MISSED_MS: Final = 60_000
RESTARTS_MAX: Final = 3
WINDOW_MS: Final = 600_000


class Deed(IntEnum):
    """What is done; more is stronger."""

    NOTHING = 0
    WARN = 1
    RESTART = 2
    SHUT_ENTRIES = 3


# By health: at once, and once it has lasted.
TABLE: Final[Mapping[Health, tuple[Deed, Deed]]] = {
    Health.HEALTHY: (Deed.NOTHING, Deed.NOTHING),
    Health.DEGRADED: (Deed.WARN, Deed.WARN),
    Health.CRITICAL: (Deed.WARN, Deed.WARN),
    Health.UNKNOWN: (Deed.WARN, Deed.RESTART),
}


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of a part: how it is, since when, and when it was begun anew by us."""

    health: Health = Health.UNKNOWN
    since_ms: int = 0
    restarts_ms: tuple[int, ...] = ()

    def seen(self, health: Health, at_ms: int) -> "Patient":
        """Return the patient after another look."""
        since_ms = self.since_ms if health is self.health else at_ms
        recent = tuple(moment for moment in self.restarts_ms if at_ms - moment < WINDOW_MS)
        return Patient(health, since_ms, recent)

    def restarted(self, at_ms: int) -> "Patient":
        """Return the patient after he was begun anew: he has the time of a fresh one to answer."""
        return Patient(self.health, at_ms, (*self.restarts_ms, at_ms))

    def deed(self, at_ms: int) -> Deed:
        """Return what is done about him now."""
        at_once, lasting = TABLE[self.health]
        found = lasting if at_ms - self.since_ms >= BEATS_MISSED_MS else at_once
        if found is Deed.RESTART and len(self.restarts_ms) >= RESTARTS_MAX:
            return Deed.SHUT_ENTRIES
        return found


@dataclass(slots=True)
class Ward:
    """Every part that is watched."""

    patients: dict[str, Patient] = field(default_factory=dict)

    def look(self, condition: Condition, at_ms: int) -> Deed:
        """Take in how a part is, and return what is done about it; who was never heard is being born."""
        if condition.since_ms is None:
            return Deed.WARN
        before = self.patients.get(condition.part) or Patient(condition.health, at_ms)
        patient = before.seen(condition.health, at_ms)
        deed = patient.deed(at_ms)
        self.patients[condition.part] = patient.restarted(at_ms) if deed is Deed.RESTART else patient
        return deed

    def why_shut(self, at_ms: int) -> str | None:
        """Return why nothing new may be opened, or nothing."""
        given_up = [part for part, patient in self.patients.items() if patient.deed(at_ms) is Deed.SHUT_ENTRIES]
        if not given_up:
            return None
        return f"no entry while {given_up[0]} does not stay up, {RESTARTS_MAX} times in {WINDOW_MS // 60_000} minutes"
