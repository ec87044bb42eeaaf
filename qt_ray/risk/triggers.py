"""Triggers: what trips the emergency stop, as a table of readings and limits.

A reading that is missing or not a number is not "below its limit": it is unknown, and unknown means nothing
new. Blindness that lasts trips by itself. A person who resets accepts the reading as it is, so the same
cause trips again only when it has grown clearly worse, or has healed and come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from math import isfinite
from typing import Final

from qt_ray.core.limits import EssLimits, ModeLimits
from qt_ray.core.payloads import EmergencyRecovered
from qt_ray.risk.ess import Cause

RETRIP_BPS: Final = 100.0
# The least that a limit of a mode can say; a policy never says less.
RISK_PCT_MIN: Final = Decimal("0.0001")
CAP_USD_MIN: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Readings:
    """What the emergency stop looks at; losses are positive, None and NaN mean that nobody knows."""

    daily_drawdown_bps: float | None
    open_loss_bps: float | None
    equity_drawdown_bps: float | None
    flash_crash_bps: float | None
    execution_errors: float | None
    stop_hits: float | None
    feed_age_ms: float | None
    heartbeat_age_ms: float | None
    health_critical: float | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A reading, the limit it is held against, and the emergency it means to reach it."""

    cause: Cause
    reading: str
    limit: str


TRIGGERS: Final = (
    Trigger(Cause.DAILY_DRAWDOWN, "daily_drawdown_bps", "daily_drawdown_bps"),
    Trigger(Cause.OPEN_LOSS, "open_loss_bps", "open_loss_bps"),
    Trigger(Cause.EQUITY_DRAWDOWN, "equity_drawdown_bps", "equity_drawdown_bps"),
    Trigger(Cause.FLASH_CRASH, "flash_crash_bps", "flash_crash_bps"),
    Trigger(Cause.EXECUTION_ERRORS, "execution_errors", "execution_errors_max"),
    Trigger(Cause.STOP_LOSS_FLOOD, "stop_hits", "stop_hits_max"),
    Trigger(Cause.FEED, "feed_age_ms", "feed_age_max_ms"),
    Trigger(Cause.HEARTBEAT_LOST, "heartbeat_age_ms", "heartbeat_age_max_ms"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which causes have been reached and which readings are unknown."""

    causes: tuple[Cause, ...]
    unknown: tuple[str, ...]

    @property
    def allows_entries(self) -> bool:
        """Return whether all is known and nothing has been reached."""
        return not self.causes and not self.unknown


def evaluate(readings: Readings, limits: EssLimits, accepted: Mapping[Cause, float] | None = None) -> Verdict:
    """Return what the readings mean; `accepted` is what a person saw, by cause, when resetting."""
    causes, unknown = [], []
    for trigger in TRIGGERS:
        value = getattr(readings, trigger.reading)
        if value is None or not _known(value):
            unknown.append(trigger.reading)
        elif value >= _limit(trigger, limits, accepted or {}):
            causes.append(trigger.cause)
    if not _known(readings.health_critical):
        unknown.append("health_critical")
    elif readings.health_critical:
        causes.append(Cause.SYSTEM_HEALTH)
    return Verdict(tuple(causes), tuple(unknown))


def _limit(trigger: Trigger, limits: EssLimits, accepted: Mapping[Cause, float]) -> float:
    limit = float(getattr(limits, trigger.limit))
    if trigger.cause not in accepted or not trigger.reading.endswith("_bps"):
        return limit
    return max(limit, accepted[trigger.cause] + RETRIP_BPS)


def _known(value: float | None) -> bool:
    return value is not None and isfinite(value) and value >= 0


def healed(readings: Readings, limits: EssLimits, accepted: Mapping[Cause, float]) -> dict[Cause, float]:
    """Return what is still accepted: a reading back inside its limit is held against it anew."""
    kept = {}
    for trigger in TRIGGERS:
        value = getattr(readings, trigger.reading)
        if trigger.cause in accepted and not (_known(value) and value < getattr(limits, trigger.limit)):
            kept[trigger.cause] = accepted[trigger.cause]
    return kept


@dataclass(frozen=True, slots=True)
class Watch:
    """How long the emergency stop has been blind; blindness longer than a lost heartbeat trips."""

    blind_since_ms: int | None = None

    def look(self, verdict: Verdict, limits: EssLimits, at_ms: int) -> tuple["Watch", tuple[Cause, ...]]:
        """Return the watch after a verdict, and every cause to trip now."""
        if not verdict.unknown:
            return Watch(), verdict.causes
        since = at_ms if self.blind_since_ms is None else self.blind_since_ms
        blind = (Cause.BLIND,) if at_ms - since >= limits.heartbeat_age_max_ms else ()
        return Watch(since), (*verdict.causes, *blind)


class RecoveryMode(IntEnum):
    """How much of the policy a fund may use while it climbs out of a drawdown."""

    EMERGENCY = 0
    PROTECTIVE = 1
    CAUTIOUS = 2
    NORMAL = 3


@dataclass(frozen=True, slots=True)
class Ramp:
    """What a recovery mode leaves of the policy: a share of its sizes, and ceilings."""

    size_share: Decimal
    leverage_max: Decimal
    positions_max: int


RAMP: Final[Mapping[RecoveryMode, Ramp | None]] = {
    RecoveryMode.EMERGENCY: None,
    RecoveryMode.PROTECTIVE: Ramp(Decimal("0.25"), Decimal(2), 5),
    RecoveryMode.CAUTIOUS: Ramp(Decimal("0.5"), Decimal(3), 15),
    RecoveryMode.NORMAL: Ramp(Decimal(1), Decimal(125), 1000),
}


def recovery_mode(drawdown_bps: float | None, limits: EssLimits) -> RecoveryMode:
    """Return the mode for a drawdown (positive); an unknown one is an emergency."""
    if drawdown_bps is None or not isfinite(drawdown_bps) or drawdown_bps >= limits.recovery_emergency_bps:
        return RecoveryMode.EMERGENCY
    if drawdown_bps >= limits.recovery_protective_bps:
        return RecoveryMode.PROTECTIVE
    return RecoveryMode.CAUTIOUS if drawdown_bps >= limits.recovery_cautious_bps else RecoveryMode.NORMAL


def ramped(risk: ModeLimits, mode: RecoveryMode) -> ModeLimits | None:
    """Return the lesser of the policy's limits and the mode's, or nothing where nothing may be opened."""
    ramp = RAMP[mode]
    if ramp is None:
        return None
    leverage = min(risk.max_leverage, ramp.leverage_max)
    return replace(
        risk,
        max_leverage=leverage,
        min_leverage=min(risk.min_leverage, leverage),
        max_risk_pct=max(risk.max_risk_pct * ramp.size_share, RISK_PCT_MIN),
        max_positions=min(risk.max_positions, ramp.positions_max),
        position_cap_usd=max(risk.position_cap_usd * ramp.size_share, CAP_USD_MIN),
    )


def recovered(
    previous: RecoveryMode, drawdown_bps: int | None, limits: EssLimits, by: str, reason: str, epoch: int
) -> EmergencyRecovered | None:
    """Return what `system.emergency.recovered` says of a step to another mode, or nothing without a step."""
    mode = recovery_mode(drawdown_bps, limits)
    if mode is previous:
        return None
    return EmergencyRecovered(mode.name, previous.name, drawdown_bps, by, reason, epoch)
