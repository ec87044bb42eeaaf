"""Everything that was decided is written down, in words that name its event, and nothing is written of no use."""

from decimal import Decimal

import pytest

from qt_ray.core import notices, payloads
from qt_ray.core.codec import canonical
from qt_ray.core.events import REGISTRY, Event, event
from qt_ray.governance.audit_events import AUDITED, event_of, record_of
from qt_ray.governance.audit_records import AuditRecord, AuditType
from tests.unit.monitoring import happenings as told

pytestmark = pytest.mark.unit

# What is told of prices, opinions and health is seen on pages; it decides nothing.
NOT_WRITTEN = {
    "market.tick",
    "market.regime.changed",
    "signal.generated",
    "trade.execution_requested",
    "position.opened",
    "position.closed",
    "account.equity.updated",
    "risk.alert",
    "risk.drawdown.soft_breach",
    "risk.drawdown.hard_breach",
    "system.redis_recovered",
    "policy.mode.changed",
    "model.drift_detected",
    "model.prediction_ready",
    "rl.fallback",
    "health.changed",
    "alert.raised",
}

POLICY = payloads.PolicyUpdated(
    4,
    2,
    "d",
    "ann",
    "calmer",
    (payloads.FieldChanged("modes.NORMAL.max_leverage", "5", "4", "tighter"),),
    approved_by="bob",
)
TOLD = [
    (told.decided(wish=2, granted=1), AuditType.TRADE_DECISION, "Desk", "shrunk"),
    (told.decided(wish=2, granted=2), AuditType.TRADE_DECISION, "Desk", "granted"),
    (told.blocked(), AuditType.RISK_BLOCK, "RiskGuard", "shrunk to 1"),
    (told.submitted(), AuditType.ORDER_CHANGED, "Gateway", "submitted"),
    (told.filled(), AuditType.ORDER_CHANGED, "Gateway", "filled"),
    (told.rejected(), AuditType.ORDER_CHANGED, "Gateway", "rejected"),
    (told.executed(), AuditType.TRADE_EXECUTED, "Gateway", "filled"),
    (told.closed(), AuditType.TRADE_CLOSED, "Desk", "realised 5"),
    (
        event("trade.by_hand", notices.ClosedByHand("ann", "r", ("BTCUSDT",), ("qt-hand-x-0",)), "console", 1),
        AuditType.TRADE_BY_HAND,
        "ann",
        "handed over",
    ),
    (event("policy.updated", POLICY, "PolicyStore", 1), AuditType.POLICY_CHANGED, "ann", "version 4, epoch 2"),
    (
        event("system.emergency.tripped", notices.EmergencyTripped("manual", "r", "ann", 2), "EmergencyStop", 1),
        AuditType.EMERGENCY_TRIGGERED,
        "ann",
        "begun",
    ),
    (
        event(
            "system.emergency.triggered",
            payloads.EmergencyTriggered("critical", "r", 500, 1, 2, {"BTCUSDT": Decimal(1)}, 2),
            "EmergencyStop",
            1,
        ),
        AuditType.EMERGENCY_TRIGGERED,
        "EmergencyStop",
        "not flat",
    ),
    (
        event("system.emergency.cause_cleared", notices.CauseCleared("manual", "ann", "r", ()), "EmergencyStop", 1),
        AuditType.EMERGENCY_RECOVERED,
        "ann",
        "left nothing",
    ),
    (
        event(
            "system.emergency.recovered",
            payloads.EmergencyRecovered("NORMAL", "CAUTIOUS", 100, "ann", "r", 3),
            "EmergencyStop",
            1,
        ),
        AuditType.EMERGENCY_RECOVERED,
        "ann",
        "NORMAL",
    ),
    (
        event("security.denied", notices.SecurityDenied("", "trip", "ess", "a key"), "Console", 1),
        AuditType.ACCESS_DENIED,
        "unknown",
        "denied",
    ),
    (
        event("security.refused", notices.DeedRefused("ann", "PATCH /api/policy", "an old version"), "console", 1),
        AuditType.DEED_REFUSED,
        "ann",
        "refused",
    ),
    (
        event(
            "security.granted", notices.AccessGranted("7f", "key", "bob", ("read",), True, None, "ann"), "console", 1
        ),
        AuditType.ACCESS_GRANTED,
        "ann",
        "key 7f",
    ),
    (
        event("security.revoked", notices.AccessRevoked("7f", "key", "bob", ""), "console", 1),
        AuditType.ACCESS_REVOKED,
        "unknown",
        "key 7f has ended",
    ),
    (
        event("risk.kill.changed", notices.KillChanged(True, "ann", "r"), "RiskGuard", 1),
        AuditType.KILL_CHANGED,
        "ann",
        "entries shut",
    ),
    (
        event("policy.proposed", notices.LooseningProposed("p1", "ann", "bolder", ()), "PolicyStore", 1),
        AuditType.POLICY_PROPOSED,
        "ann",
        "proposal p1 waits for a second person",
    ),
    (
        event("policy.dismissed", notices.LooseningDismissed("p1", "bob", "no"), "PolicyStore", 1),
        AuditType.POLICY_DISMISSED,
        "bob",
        "proposal p1 is none any more",
    ),
    (
        event("hfos.mode.changed", notices.RiskModeChanged("NORMAL", "SAFE", 5.0, "r", 1, 1, True), "FundOS", 1),
        AuditType.MODE_CHANGED,
        "FundOS",
        "NORMAL to SAFE",
    ),
    (
        event("policy.restrained", notices.FundRestrained("hfos", 5_000, 3, 6_000, 10, (), "drawdown"), "FundOS", 1),
        AuditType.FUND_RESTRAINED,
        "FundOS",
        "size 5000 bps, leverage 3",
    ),
    (
        event("model.promoted", payloads.ModelPromoted("ensemble", "v2", "v1", 1), "Learner", 1),
        AuditType.MODEL_PROMOTED,
        "Learner",
        "v2",
    ),
    (
        event("model.swapped", notices.ModelSwapped("Predictor", "ensemble", "v2", 3, None), "Predictor", 1),
        AuditType.MODEL_SWAPPED,
        "Predictor",
        "v2",
    ),
    (
        event("learning.retraining_due", notices.RetrainingDue("e", "v2", ("old",), 1, 2, None), "Learner", 1),
        AuditType.RETRAINING_DUE,
        "Learner",
        "v2",
    ),
    (
        event("part.started", notices.PartStarted("Desk", 7, True), "monitor", 1),
        AuditType.PART_STARTED,
        "monitor",
        "begun again",
    ),
    (
        event("system.started", notices.SystemStarted("paper", "main", "", "1", ("Desk",)), "monitor", 1),
        AuditType.SYSTEM_STARTED,
        "monitor",
        "1 parts ready",
    ),
    (
        event("system.stopped", notices.SystemStopped("main", "", "asked"), "monitor", 1),
        AuditType.SYSTEM_STOPPED,
        "monitor",
        "ended in order",
    ),
]


def written(happened: Event) -> AuditRecord:
    found = record_of(happened)
    assert found is not None
    return found


@pytest.mark.requirement("S2 AuditLogger")
@pytest.mark.parametrize(("happened", "kind", "actor", "outcome"), TOLD, ids=lambda given: getattr(given, "type", ""))
def test_each_deed_is_written_with_who_did_it_and_what_came_of_it(
    happened: Event, kind: AuditType, actor: str, outcome: str
) -> None:
    record = written(happened)
    assert (record.event_type, record.actor, record.outcome) == (kind, actor, outcome)
    assert event_of(record) == happened.id
    assert record.timestamp.startswith("1970-01-01T00:00:00.0")
    assert canonical(record)


@pytest.mark.requirement("S2 AuditLogger")
def test_nothing_of_the_registry_is_forgotten() -> None:
    assert AUDITED.keys() | NOT_WRITTEN == REGISTRY.keys()
    assert not AUDITED.keys() & NOT_WRITTEN
    assert {happened.type for happened, *_ in TOLD} >= {kind for kind in AUDITED if not kind.startswith("order.")}


def test_a_policy_record_says_what_changed_and_who_agreed() -> None:
    record = written(event("policy.updated", POLICY, "PolicyStore", 1))
    assert record.metadata["approved_by"] == "bob"
    assert record.metadata["changes"][0]["old"] == "5"
    assert (record.action, record.reason) == ("change", "calmer")


def test_leaving_everything_as_it_is_and_a_plan_are_no_deeds() -> None:
    assert record_of(told.decided(wish=2, granted=2, action="hold")) is None
    assert record_of(told.decided(wish=2, granted=1, action="HOLD")) is not None
    assert record_of(told.working()) is None
    assert record_of(told.worth(1, 5)) is None
