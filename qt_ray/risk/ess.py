"""Emergency stop: a latch that a machine may close and only a person may open.

The table of transitions is the specification. TRIPPED is three states, because what matters in it is how
far the flattening has come; COOLING_DOWN is still latched. A trip while anything is open starts the
flattening again, and so does a restart: an emergency half done is done again. What cannot be read counts as
tripped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum, StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.core.restore import restore
from qt_ray.core.tables import Table

TEXT_MAX: Final = 500


class EssState(IntEnum):
    """Where the emergency stop is; the numbers are those of compiled code and of disk."""

    DISABLED = 0
    ARMED = 1
    FLATTENING = 2
    FLAT = 3
    FLATTEN_FAILED = 4
    COOLING_DOWN = 5

    @property
    def is_tripped(self) -> bool:
        """Return whether an emergency is being carried out."""
        return self in (EssState.FLATTENING, EssState.FLAT, EssState.FLATTEN_FAILED)

    @property
    def is_latched(self) -> bool:
        """Return whether nothing new may be opened until a person resets."""
        return self.is_tripped or self is EssState.COOLING_DOWN

    @property
    def label(self) -> str:
        """Return the founding name, with the progress of a trip behind it."""
        return f"TRIPPED/{self.name}" if self.is_tripped else self.name


class EssSignal(IntEnum):
    """What moves the emergency stop; RESET, ENABLE, DISABLE and TRIP_BY_HAND are a person's."""

    TRIP = 0
    TRIP_BY_HAND = 1
    FLATTENED = 2
    FAILED = 3
    RETRY = 4
    REOPENED = 5
    SETTLED = 6
    RESET = 7
    ENABLE = 8
    DISABLE = 9
    RESTARTED = 10


BY_A_PERSON: Final = frozenset({EssSignal.RESET, EssSignal.ENABLE, EssSignal.DISABLE, EssSignal.TRIP_BY_HAND})

_DISABLED, _ARMED = EssState.DISABLED, EssState.ARMED
_FLATTENING, _FLAT, _FAILED = EssState.FLATTENING, EssState.FLAT, EssState.FLATTEN_FAILED
_COOLING = EssState.COOLING_DOWN

TRANSITIONS: Final = Table(
    name="emergency stop",
    initial=_ARMED,
    rows={
        (_DISABLED, EssSignal.TRIP): _DISABLED,
        (_DISABLED, EssSignal.TRIP_BY_HAND): _FLATTENING,
        (_DISABLED, EssSignal.ENABLE): _ARMED,
        (_DISABLED, EssSignal.DISABLE): _DISABLED,
        (_DISABLED, EssSignal.RESTARTED): _DISABLED,
        (_ARMED, EssSignal.TRIP): _FLATTENING,
        (_ARMED, EssSignal.TRIP_BY_HAND): _FLATTENING,
        (_ARMED, EssSignal.ENABLE): _ARMED,
        (_ARMED, EssSignal.DISABLE): _DISABLED,
        (_ARMED, EssSignal.RESTARTED): _ARMED,
        (_FLATTENING, EssSignal.TRIP): _FLATTENING,
        (_FLATTENING, EssSignal.TRIP_BY_HAND): _FLATTENING,
        (_FLATTENING, EssSignal.FLATTENED): _FLAT,
        (_FLATTENING, EssSignal.FAILED): _FAILED,
        (_FLATTENING, EssSignal.RETRY): _FLATTENING,
        (_FLATTENING, EssSignal.REOPENED): _FLATTENING,
        (_FLATTENING, EssSignal.RESTARTED): _FLATTENING,
        (_FAILED, EssSignal.TRIP): _FLATTENING,
        (_FAILED, EssSignal.TRIP_BY_HAND): _FLATTENING,
        (_FAILED, EssSignal.FLATTENED): _FLAT,
        (_FAILED, EssSignal.FAILED): _FAILED,
        (_FAILED, EssSignal.RETRY): _FLATTENING,
        (_FAILED, EssSignal.REOPENED): _FLATTENING,
        (_FAILED, EssSignal.RESTARTED): _FLATTENING,
        (_FLAT, EssSignal.TRIP): _FLATTENING,
        (_FLAT, EssSignal.TRIP_BY_HAND): _FLATTENING,
        (_FLAT, EssSignal.FLATTENED): _FLAT,
        (_FLAT, EssSignal.REOPENED): _FLATTENING,
        (_FLAT, EssSignal.SETTLED): _COOLING,
        (_FLAT, EssSignal.RESTARTED): _FLATTENING,
        (_COOLING, EssSignal.TRIP): _FLATTENING,
        (_COOLING, EssSignal.TRIP_BY_HAND): _FLATTENING,
        (_COOLING, EssSignal.FLATTENED): _COOLING,
        (_COOLING, EssSignal.SETTLED): _COOLING,
        (_COOLING, EssSignal.REOPENED): _FLATTENING,
        (_COOLING, EssSignal.RESET): _ARMED,
        (_COOLING, EssSignal.RESTARTED): _COOLING,
    },
)

REFUSED: Final = -1


def as_array() -> NDArray[np.int8]:
    """Return the table for compiled code, `[state, signal] -> state`, or -1 where it has no row."""
    table = np.full((len(EssState), len(EssSignal)), REFUSED, dtype=np.int8)
    for (state, signal), after in TRANSITIONS.rows.items():
        table[state, signal] = after
    return table


class Cause(StrEnum):
    """Why the emergency stop trips."""

    DAILY_DRAWDOWN = "daily_drawdown"
    OPEN_LOSS = "open_loss"
    EQUITY_DRAWDOWN = "equity_drawdown"
    EXECUTION_ERRORS = "execution_errors"
    STOP_LOSS_FLOOD = "stop_loss_flood"
    SYSTEM_HEALTH = "system_health"
    FEED = "feed"
    FLASH_CRASH = "flash_crash"
    MANUAL = "manual"
    HEARTBEAT_LOST = "heartbeat_lost"
    BLIND = "blind"
    STATE_UNREADABLE = "state_unreadable"


@dataclass(frozen=True, slots=True)
class Emergency:
    """All that the emergency stop must remember; stored before anything is done about it."""

    state: EssState = EssState.ARMED
    causes: tuple[Cause, ...] = ()
    reason: str = ""
    tripped_at_ms: int | None = None
    cooling_since_ms: int | None = None
    trips: int = 0
    resets: int = 0
    attempts: int = 0
    changed_by: str = ""
    changed_at_ms: int | None = None
    changed_because: str = ""

    @property
    def allows_entries(self) -> bool:
        """Return whether the emergency stop has nothing against new positions."""
        return not self.state.is_latched


def trip(now: Emergency, cause: Cause, reason: str, at_ms: int) -> Emergency:
    """Return the emergency after a cause to stop; while not flat, one more keeps the flattening going."""
    signal = EssSignal.TRIP_BY_HAND if cause is Cause.MANUAL else EssSignal.TRIP
    state = TRANSITIONS.advance(now.state, signal)
    if not state.is_latched:
        return now
    fresh = not now.state.is_latched
    return replace(
        now,
        state=state,
        causes=now.causes if cause in now.causes else (*now.causes, cause),
        reason=reason[:TEXT_MAX] if fresh else now.reason,
        tripped_at_ms=at_ms if fresh else now.tripped_at_ms,
        cooling_since_ms=None,
        trips=now.trips + fresh,
        attempts=0 if fresh else now.attempts,
    )


def progress(now: Emergency, signal: EssSignal, at_ms: int) -> Emergency:
    """Return the emergency after what the flattening, the venue or a restart has shown."""
    if signal in BY_A_PERSON or signal is EssSignal.TRIP:
        raise Invalid(f"progress is what the machinery reports, was {signal.name}")
    state = TRANSITIONS.advance(now.state, signal)
    cooling = now.cooling_since_ms if state is EssState.COOLING_DOWN else None
    if state is EssState.COOLING_DOWN and cooling is None:
        cooling = at_ms
    again = state is EssState.FLATTENING
    return replace(now, state=state, cooling_since_ms=cooling, attempts=now.attempts + again)


def why_not_reset(
    now: Emergency, cause: Cause, person: str, reason: str, at_ms: int, cooldown_ms: int, reconciled: bool
) -> str | None:
    """Return the rule that forbids a reset now, or nothing if a person may."""
    if not person.strip() or not reason.strip():
        return "a reset has a person and a reason"
    if cause not in now.causes:
        return f"a reset names a cause of the emergency, {', '.join(now.causes) or 'none'}, was {cause}"
    if now.state is not EssState.COOLING_DOWN or now.cooling_since_ms is None:
        return f"a reset waits until all is flat and settled, state is {now.state.label}"
    left = now.cooling_since_ms + cooldown_ms - at_ms
    if left > 0:
        return f"a reset waits for the cooldown of {cooldown_ms} ms, {left} ms are left"
    return None if reconciled else "a reset waits until the books agree with the venue"


def reset(
    now: Emergency, cause: Cause, person: str, reason: str, at_ms: int, cooldown_ms: int, reconciled: bool
) -> Emergency:
    """Return the emergency after a person cleared one cause; clearing the last opens the latch."""
    refusal = why_not_reset(now, cause, person, reason, at_ms, cooldown_ms, reconciled)
    if refusal is not None:
        raise Invalid(refusal)
    left = tuple(known for known in now.causes if known is not cause)
    if left:
        return replace(now, causes=left)
    return Emergency(
        state=TRANSITIONS.advance(now.state, EssSignal.RESET),
        trips=now.trips,
        resets=now.resets + 1,
        changed_by=person,
        changed_at_ms=at_ms,
        changed_because=reason[:TEXT_MAX],
    )


def switch(now: Emergency, enabled: bool, person: str, reason: str, at_ms: int) -> Emergency:
    """Return the emergency stop armed or disabled by a person; a latch cannot be switched off."""
    if not person.strip() or not reason.strip():
        raise Invalid("the emergency stop is switched by a person with a reason")
    state = TRANSITIONS.advance(now.state, EssSignal.ENABLE if enabled else EssSignal.DISABLE)
    because = reason[:TEXT_MAX]
    return replace(now, state=state, changed_by=person, changed_at_ms=at_ms, changed_because=because)


def recalled(data: object, at_ms: int) -> Emergency:
    """Return the emergency that a restart finds; an unreadable one is an emergency in itself."""
    try:
        found = restore(Emergency, _whole(data), "emergency")
        _check(found)
    except Invalid as error:
        return trip(Emergency(), Cause.STATE_UNREADABLE, str(error), at_ms)
    return progress(found, EssSignal.RESTARTED, at_ms)


def _whole(data: object) -> object:
    absent = {field.name for field in fields(Emergency)} - set(data if isinstance(data, Mapping) else ())
    if absent:
        raise Invalid(f"emergency.{min(absent)}: required, was missing")
    return data


def _check(found: Emergency) -> None:
    if found.state.is_latched and (not found.causes or found.tripped_at_ms is None):
        raise Invalid("emergency.causes: a latched emergency has a cause and an hour")
    if found.state is EssState.COOLING_DOWN and found.cooling_since_ms is None:
        raise Invalid("emergency.cooling_since_ms: set while cooling down")
