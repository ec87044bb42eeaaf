"""Audit records: who did what to what, why, and what came of it, in words that outlive the program that wrote them.

Each kind that the founding documents name has one function, so that a caller cannot forget a field. Times are RFC 3339
in UTC, decimals strings: a record is read by people and by programs that are not ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from qt_ray.core.codec import canonical, plain, spelled
from qt_ray.core.errors import Invalid
from qt_ray.core.moments import rfc3339
from qt_ray.core.payloads import (
    DecisionMade,
    EmergencyRecovered,
    EmergencyTriggered,
    ModelPromoted,
    RiskBlock,
    TradeClosed,
    TradeExecuted,
)
from qt_ray.governance.rulebook_entries import Revision

TEXT_MAX: Final = 1_000
METADATA_BYTES_MAX: Final = 64 << 10


class AuditType(StrEnum):
    """What kind of thing was done."""

    TRADE_DECISION = "trade.decision"
    TRADE_EXECUTED = "trade.executed"
    TRADE_CLOSED = "trade.closed"
    TRADE_BY_HAND = "trade.by_hand"
    RISK_BLOCK = "risk.block"
    EMERGENCY_TRIGGERED = "emergency.triggered"
    EMERGENCY_RECOVERED = "emergency.recovered"
    MODEL_PROMOTED = "model.promoted"
    POLICY_CHANGED = "policy.changed"
    POLICY_PROPOSED = "policy.proposed"
    POLICY_DISMISSED = "policy.dismissed"
    ACCESS_DENIED = "access.denied"
    ACCESS_GRANTED = "access.granted"
    ACCESS_REVOKED = "access.revoked"
    DEED_REFUSED = "deed.refused"
    ORDER_CHANGED = "order.changed"
    MODEL_SWAPPED = "model.swapped"
    RETRAINING_DUE = "learning.retraining_due"
    KILL_CHANGED = "kill.changed"
    MODE_CHANGED = "mode.changed"
    FUND_RESTRAINED = "fund.restrained"
    PART_STARTED = "part.started"
    RECORDS_DELETED = "audit.deleted"
    SYSTEM_STARTED = "system.started"
    SYSTEM_STOPPED = "system.stopped"


# What a regulator asks for after a year is kept for a year.
KEPT_LONGER: Final = frozenset(
    {
        AuditType.EMERGENCY_TRIGGERED,
        AuditType.EMERGENCY_RECOVERED,
        AuditType.POLICY_CHANGED,
        AuditType.POLICY_PROPOSED,
        AuditType.POLICY_DISMISSED,
        AuditType.ACCESS_GRANTED,
        AuditType.ACCESS_REVOKED,
        AuditType.RECORDS_DELETED,
    }
)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that was done."""

    event_type: AuditType
    timestamp: str
    actor: str
    action: str
    target: str
    reason: str
    outcome: str
    metadata: dict[str, Any] = field(default_factory=dict)
    trace_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("actor", "action", "target", "reason", "outcome"):
            text = getattr(self, name)
            if not isinstance(text, str) or len(text) > TEXT_MAX:
                raise Invalid(f"{name}: text of at most {TEXT_MAX} characters, was {text!r:.60}")
        if len(canonical(self.metadata)) > METADATA_BYTES_MAX:
            raise Invalid(f"metadata: at most {METADATA_BYTES_MAX} bytes as JSON")

    @property
    def day(self) -> str:
        """Return the day in UTC that the record belongs to."""
        return self.timestamp[:10]


def trade_decision(made: DecisionMade, actor: str, at_ms: int, trace: str | None) -> AuditRecord:
    """Return what the fund decided about a symbol, and every rule that bound it."""
    outcome = "granted" if made.granted == made.wish else "refused" if made.granted == 0 else "shrunk"
    return record(
        AuditType.TRADE_DECISION, at_ms, actor, made.action, made.symbol, made.binding or "none", outcome, made, trace
    )


def trade_executed(trade: TradeExecuted, actor: str, at_ms: int, trace: str | None) -> AuditRecord:
    """Return one execution."""
    action = f"{trade.side} {_text(trade.quantity)} at {_text(trade.price)}"
    return record(AuditType.TRADE_EXECUTED, at_ms, actor, action, trade.symbol, trade.client_id, "filled", trade, trace)


def trade_closed(trade: TradeClosed, actor: str, at_ms: int, trace: str | None) -> AuditRecord:
    """Return the end of a round trip."""
    outcome = f"realised {_text(trade.realised)}"
    return record(AuditType.TRADE_CLOSED, at_ms, actor, "close", trade.symbol, trade.cause, outcome, trade, trace)


def risk_block(block: RiskBlock, actor: str, at_ms: int, trace: str | None) -> AuditRecord:
    """Return a wish that a rule refused or shrank."""
    outcome = "refused" if block.granted == 0 else f"shrunk to {_text(block.granted)}"
    return record(AuditType.RISK_BLOCK, at_ms, actor, "review", block.symbol, block.reason, outcome, block, trace)


def emergency_triggered(what: EmergencyTriggered, actor: str, at_ms: int, trace: str | None) -> AuditRecord:
    """Return an emergency and how far it got."""
    outcome = "not flat" if what.residual else "flat"
    return record(AuditType.EMERGENCY_TRIGGERED, at_ms, actor, "stop", "account", what.reason, outcome, what, trace)


def emergency_recovered(what: EmergencyRecovered, at_ms: int, trace: str | None) -> AuditRecord:
    """Return a reset, or a step of the ramp after it."""
    return record(
        AuditType.EMERGENCY_RECOVERED, at_ms, what.by, "recover", what.previous, what.reason, what.mode, what, trace
    )


def model_promoted(what: ModelPromoted, actor: str, reason: str, at_ms: int, trace: str | None) -> AuditRecord:
    """Return a model version that trades from now on."""
    return record(
        AuditType.MODEL_PROMOTED, at_ms, actor, "promote", what.model_name, reason, what.new_version, what, trace
    )


def policy_changed(revision: Revision, trace: str | None) -> AuditRecord:
    """Return a write of the policy: old value, new value, who, why, and who agreed."""
    policy = revision.policy
    told = {
        "approved_by": revision.approved_by,
        "changes": revision.changes,
        "digest": policy.digest,
        "epoch": policy.epoch,
        "proposal": revision.proposal,
        "version": policy.version,
    }
    outcome = f"version {policy.version}, epoch {policy.epoch}"
    at_ms = policy.last_updated
    return record(
        AuditType.POLICY_CHANGED, at_ms, revision.by, revision.deed, "policy", revision.reason, outcome, told, trace
    )


def access_denied(actor: str, action: str, target: str, rule: str, at_ms: int) -> AuditRecord:
    """Return an attempt that changed nothing because it was not allowed."""
    return record(AuditType.ACCESS_DENIED, at_ms, actor, action, target, rule, "denied", {}, None)


def records_deleted(by_day: Mapping[str, int], at_ms: int) -> AuditRecord:
    """Return the deletion of records that were kept as long as they had to be."""
    outcome, rule = f"{sum(by_day.values())} deleted", "older than they are kept"
    return record(AuditType.RECORDS_DELETED, at_ms, "audit", "delete", "records", rule, outcome, by_day, None)


def record(
    kind: AuditType,
    at_ms: int,
    actor: str,
    action: str,
    target: str,
    reason: str,
    outcome: str,
    metadata: Mapping[str, Any] | object,
    trace: str | None,
) -> AuditRecord:
    """Return a record of something that has no words of its own above; `metadata` is a table or a payload."""
    told: dict[str, Any] = spelled(metadata)
    return AuditRecord(kind, rfc3339(at_ms), actor, action, target, reason[:TEXT_MAX], outcome, told, trace)


def _text(value: Decimal) -> str:
    shown: str = plain(value)
    return shown
