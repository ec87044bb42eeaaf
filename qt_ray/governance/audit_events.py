"""Audit events: which events are written down, and in which words. One table, so nothing that decides is forgotten.

A part says what it did once, on the bus, and whoever keeps the record writes it from that; so a part that dies right
after it acted is written down all the same. A decision to leave everything as it is, which no rule had to bind, is in
the desk's journal and not here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from qt_ray.core.events import REGISTRY, Event
from qt_ray.core.notices import (
    AccessGranted,
    AccessRevoked,
    CauseCleared,
    ClosedByHand,
    DeedRefused,
    EmergencyTripped,
    FundRestrained,
    KillChanged,
    LooseningDismissed,
    LooseningProposed,
    ModelSwapped,
    PartStarted,
    RetrainingDue,
    RiskModeChanged,
    SecurityDenied,
    SystemStarted,
    SystemStopped,
)
from qt_ray.core.orders import Planned, Working
from qt_ray.core.payloads import DecisionMade, EmergencyRecovered, OrderChanged, PolicyUpdated
from qt_ray.governance.audit_records import (
    AuditRecord,
    AuditType,
    access_denied,
    emergency_recovered,
    emergency_triggered,
    model_promoted,
    record,
    risk_block,
    trade_closed,
    trade_decision,
    trade_executed,
)

HELD: Final = "hold"
NOBODY: Final = "unknown"
EVENT: Final = "event"

Words = Callable[[Event, Any], AuditRecord | None]


def record_of(event: Event) -> AuditRecord | None:
    """Return the record of an event, which names it in its metadata, or nothing if it is not written down."""
    words = AUDITED.get(event.type)
    found = words(event, event.payload) if words else None
    return None if found is None else replace(found, metadata={**found.metadata, EVENT: event.id})


def event_of(written: AuditRecord) -> str | None:
    """Return the name of the event that a record was written from."""
    name = written.metadata.get(EVENT)
    return name if isinstance(name, str) else None


def _by(words: Callable[[Any, str, int, str | None], AuditRecord]) -> Words:
    """Return the words of a kind that the founding documents name."""
    return lambda event, payload: words(payload, event.source, event.time_ms, event.trace_id)


def _told(
    event: Event, kind: AuditType, action: str, target: str, reason: str, outcome: str, by: str = ""
) -> AuditRecord:
    return record(
        kind, event.time_ms, by or event.source, action, target, reason, outcome, event.payload, event.trace_id
    )


def _decision(event: Event, made: DecisionMade) -> AuditRecord | None:
    if made.action.lower() == HELD and made.wish == made.granted and not made.bound:
        return None
    return trade_decision(made, event.source, event.time_ms, event.trace_id)


def _order(event: Event, told: OrderChanged) -> AuditRecord | None:
    order, intent = told.order, told.order.intent
    if isinstance(order, Planned | Working):
        return None
    action = f"{intent.side} {intent.quantity} {intent.type}{' reduce only' if intent.reduce_only else ''}"
    return _told(event, AuditType.ORDER_CHANGED, action, intent.symbol, intent.client_id, order.kind.value)


def _by_hand(event: Event, what: ClosedByHand) -> AuditRecord:
    symbols = ", ".join(what.symbols)
    return _told(event, AuditType.TRADE_BY_HAND, "close", symbols, what.reason, "handed over", what.person)


def _policy(event: Event, told: PolicyUpdated) -> AuditRecord:
    outcome = f"version {told.version}, epoch {told.epoch}"
    return _told(event, AuditType.POLICY_CHANGED, told.deed, "policy", told.reason, outcome, told.updated_by)


def _proposed(event: Event, what: LooseningProposed) -> AuditRecord:
    outcome = f"proposal {what.proposal} waits for a second person"
    return _told(event, AuditType.POLICY_PROPOSED, "propose", "policy", what.reason, outcome, what.by)


def _dismissed(event: Event, what: LooseningDismissed) -> AuditRecord:
    outcome = f"proposal {what.proposal} is none any more"
    return _told(event, AuditType.POLICY_DISMISSED, "dismiss", "policy", what.reason, outcome, what.by)


def _tripped(event: Event, what: EmergencyTripped) -> AuditRecord:
    reason = f"{what.cause}: {what.reason}"
    return _told(event, AuditType.EMERGENCY_TRIGGERED, "trip", "account", reason, "begun", what.by)


def _cleared(event: Event, what: CauseCleared) -> AuditRecord:
    outcome = f"left {', '.join(what.left) or 'nothing'}"
    return _told(event, AuditType.EMERGENCY_RECOVERED, "clear", what.cause, what.reason, outcome, what.person)


def _recovered(event: Event, what: EmergencyRecovered) -> AuditRecord:
    return emergency_recovered(what, event.time_ms, event.trace_id)


def _denied(event: Event, what: SecurityDenied) -> AuditRecord:
    return access_denied(what.person or NOBODY, what.action, what.target, what.rule, event.time_ms)


def _refused(event: Event, what: DeedRefused) -> AuditRecord:
    return _told(event, AuditType.DEED_REFUSED, what.action, "console", what.rule, "refused", what.person)


def _granted(event: Event, what: AccessGranted) -> AuditRecord:
    outcome, reason = f"{what.kind} {what.grant}", f"good for {', '.join(what.scopes)}"
    return _told(event, AuditType.ACCESS_GRANTED, "give access", what.person, reason, outcome, what.by or NOBODY)


def _revoked(event: Event, what: AccessRevoked) -> AuditRecord:
    outcome = f"{what.kind} {what.grant} has ended"
    return _told(event, AuditType.ACCESS_REVOKED, "take access back", what.person, "", outcome, what.by or NOBODY)


def _kill(event: Event, what: KillChanged) -> AuditRecord:
    outcome = "entries shut" if what.is_killed else "entries open"
    return _told(event, AuditType.KILL_CHANGED, "kill", "entries", what.reason, outcome, what.by)


def _mode(event: Event, what: RiskModeChanged) -> AuditRecord:
    return _told(event, AuditType.MODE_CHANGED, "change mode", "fund", what.reason, f"{what.old} to {what.new}")


def _restrained(event: Event, what: FundRestrained) -> AuditRecord:
    outcome = f"size {what.size_bps} bps, leverage {what.leverage_max}"
    return _told(event, AuditType.FUND_RESTRAINED, "restrain", what.layer, what.reason, outcome)


def _swapped(event: Event, what: ModelSwapped) -> AuditRecord:
    reason = f"was {what.old_version or 'none'}"
    return _told(event, AuditType.MODEL_SWAPPED, "swap", what.model_name, reason, what.version, what.part)


def _due(event: Event, what: RetrainingDue) -> AuditRecord:
    reason = "; ".join(what.reasons)
    return _told(event, AuditType.RETRAINING_DUE, "ask for training", what.model_name, reason, what.version)


def _part(event: Event, what: PartStarted) -> AuditRecord:
    outcome = "begun again" if what.was_reconstructed else "begun"
    return _told(event, AuditType.PART_STARTED, "begin", what.part, f"process {what.pid}", outcome)


def _started(event: Event, what: SystemStarted) -> AuditRecord:
    outcome = f"{len(what.parts)} parts ready"
    return _told(event, AuditType.SYSTEM_STARTED, "start", what.account, what.profile, outcome)


def _stopped(event: Event, what: SystemStopped) -> AuditRecord:
    return _told(event, AuditType.SYSTEM_STOPPED, "stop", what.account, what.reason, "ended in order")


AUDITED: Final[Mapping[str, Words]] = {
    "decision.made": _decision,
    "risk.block": _by(risk_block),
    "trade.executed": _by(trade_executed),
    "trade.closed": _by(trade_closed),
    "trade.by_hand": _by_hand,
    **dict.fromkeys((kind for kind in REGISTRY if kind.startswith("order.")), _order),
    "system.emergency.tripped": _tripped,
    "system.emergency.triggered": _by(emergency_triggered),
    "system.emergency.cause_cleared": _cleared,
    "system.emergency.recovered": _recovered,
    "policy.updated": _policy,
    "policy.proposed": _proposed,
    "policy.dismissed": _dismissed,
    "policy.restrained": _restrained,
    "security.denied": _denied,
    "security.refused": _refused,
    "security.granted": _granted,
    "security.revoked": _revoked,
    "risk.kill.changed": _kill,
    "hfos.mode.changed": _mode,
    "model.promoted": _by(lambda what, by, at_ms, trace: model_promoted(what, by, "promoted", at_ms, trace)),
    "model.swapped": _swapped,
    "learning.retraining_due": _due,
    "part.started": _part,
    "system.started": _started,
    "system.stopped": _stopped,
}
