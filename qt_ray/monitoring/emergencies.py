"""Emergencies: every time the emergency stop tripped, when and by what.

An emergency lasts from the cycle that first names a trigger until the cycle that no longer does.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from qt_ray.engine.run import Run
from qt_ray.risk.ess import Cause

CAUSES: Final = tuple(cause.value for cause in Cause)


@dataclass(frozen=True, slots=True)
class Emergency:
    """One trip of the emergency stop; `until_ms` is None when it was never reset."""

    ts: int
    trigger: str
    drawdown_bps: int
    until_ms: int | None


def emergencies_of(run: Run) -> tuple[Emergency, ...]:
    """Return the emergencies of `run` in order of time."""
    by = run.cycles["tripped_by"]
    before = np.concatenate((np.zeros(1, dtype=by.dtype), by[:-1]))
    return tuple(_emergency(run, int(row)) for row in np.flatnonzero((by != before) & (by > 0)))


def trigger_name(number: int) -> str:
    """Return the name of a cause, whose number is its place among them plus one."""
    return CAUSES[number - 1].replace("_", " ") if number <= len(CAUSES) else f"trigger {number}"


def _emergency(run: Run, row: int) -> Emergency:
    cycles = run.cycles
    later = np.flatnonzero(cycles["tripped_by"][row:] != cycles["tripped_by"][row])
    return Emergency(
        ts=int(cycles["ts"][row]),
        trigger=trigger_name(int(cycles["tripped_by"][row])),
        drawdown_bps=abs(int(cycles["drawdown_bps"][row])),
        until_ms=int(cycles["ts"][row + later[0]]) if len(later) else None,
    )
