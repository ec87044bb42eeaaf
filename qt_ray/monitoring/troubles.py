"""Troubles: which events a person is told of, how loudly, and which end a trouble again. One table.

A trouble is named after what is wrong and not after how often it was said, so a part that falls over every minute is
one trouble.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from qt_ray.ai.hedge_fund_os import Health, RiskMode
from qt_ray.core.events import Event
from qt_ray.core.notices import (
    CauseCleared,
    EmergencyTripped,
    KillChanged,
    RetrainingDue,
    RiskModeChanged,
    SecurityDenied,
)
from qt_ray.core.payloads import (
    BusRecovered,
    DrawdownBreach,
    EmergencyRecovered,
    EmergencyTriggered,
    HealthChanged,
    ModelDrift,
    RiskAlert,
)
from qt_ray.monitoring.alerts import Severity, Trouble

EMERGENCY: Final = "emergency"
RECOVERED: Final = "NORMAL"
LOUDNESS: Final[Mapping[str, Severity]] = {
    "info": Severity.INFO,
    "warning": Severity.WARNING,
    "critical": Severity.CRITICAL,
}
BY_HEALTH: Final[Mapping[str, Severity]] = {
    Health.DEGRADED.name: Severity.WARNING,
    Health.CRITICAL.name: Severity.CRITICAL,
    Health.UNKNOWN.name: Severity.CRITICAL,
}


def trouble_of(event: Event) -> Trouble | None:
    """Return what a person is told of an event, or nothing."""
    told = TROUBLES.get(type(event.payload))
    return None if told is None else told(event.payload)


def _tripped(what: EmergencyTripped) -> Trouble:
    return Trouble(EMERGENCY, Severity.CRITICAL, "emergency stop", f"{what.cause}: {what.reason}, by {what.by}")


def _triggered(what: EmergencyTriggered) -> Trouble:
    left = ", ".join(f"{symbol} {quantity}" for symbol, quantity in sorted(what.residual.items()))
    done = f"closed {what.positions_closed}, cancelled {what.orders_canceled}"
    return Trouble(EMERGENCY, Severity.CRITICAL, "emergency stop", f"{what.reason}: {done}, left {left or 'nothing'}")


def _cleared(what: CauseCleared) -> Trouble:
    detail = f"{what.cause} cleared by {what.person}, left {', '.join(what.left) or 'nothing'}"
    return Trouble(EMERGENCY, Severity.CRITICAL, "emergency stop", detail)


def _recovered(what: EmergencyRecovered) -> Trouble:
    is_over = what.mode == RECOVERED
    return Trouble(EMERGENCY, Severity.WARNING, "recovery", f"{what.previous} to {what.mode}, by {what.by}", is_over)


def _breach(what: DrawdownBreach) -> Trouble:
    is_soft = what.drawdown_bps < what.limit_bps or "soft" in what.scope
    severity = Severity.WARNING if is_soft else Severity.CRITICAL
    detail = f"{what.drawdown_bps} bps of {what.limit_bps} at an equity of {what.equity}"
    return Trouble(f"drawdown {what.scope}", severity, "drawdown", detail)


def _alert(what: RiskAlert) -> Trouble:
    severity = LOUDNESS.get(what.severity.lower(), Severity.CRITICAL)  # an unknown word is not a quiet one
    return Trouble(f"risk {what.rule} {what.symbol or ''}".strip(), severity, what.rule, what.detail)


def _health(what: HealthChanged) -> Trouble:
    severity, is_over = BY_HEALTH.get(what.new, Severity.INFO), what.new not in BY_HEALTH
    return Trouble(f"health {what.part}", severity, f"{what.part} is {what.new}", what.detail, is_over)


def _denied(what: SecurityDenied) -> Trouble:
    who = what.person or "somebody unknown"
    detail = f"{who}: {what.action} {what.target}"
    return Trouble(f"denied {who} {what.rule}", Severity.WARNING, "access denied", detail)


def _killed(what: KillChanged) -> Trouble:
    return Trouble("kill", Severity.WARNING, "entries are shut", f"by {what.by}: {what.reason}", not what.is_killed)


def _mode(what: RiskModeChanged) -> Trouble:
    is_over = what.new not in (RiskMode.CRITICAL.name, RiskMode.SAFE.name)
    return Trouble("risk mode", Severity.WARNING, f"risk mode {what.new}", what.reason, is_over)


def _drift(what: ModelDrift) -> Trouble:
    detail = f"{what.measure} {what.value:.3f}, limit {what.limit:.3f}"
    return Trouble(f"drift {what.model_name}", Severity.WARNING, f"{what.model_name} drifts", detail)


def _due(what: RetrainingDue) -> Trouble:
    return Trouble(f"retrain {what.model_name}", Severity.INFO, "retraining is due", "; ".join(what.reasons))


def _bus(what: BusRecovered) -> Trouble:
    return Trouble("bus", Severity.INFO, "the bus is back", f"after {what.outage_ms} ms, {what.replayed} replayed")


TROUBLES: Final[Mapping[type[Any], Callable[[Any], Trouble]]] = {
    EmergencyTripped: _tripped,
    EmergencyTriggered: _triggered,
    CauseCleared: _cleared,
    EmergencyRecovered: _recovered,
    DrawdownBreach: _breach,
    RiskAlert: _alert,
    HealthChanged: _health,
    SecurityDenied: _denied,
    KillChanged: _killed,
    RiskModeChanged: _mode,
    ModelDrift: _drift,
    RetrainingDue: _due,
    BusRecovered: _bus,
}
