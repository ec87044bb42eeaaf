"""Events: everything that happened, in one typed envelope with one spelling.

The registry is the closed list of kinds; a kind that is not in it, or a payload of another kind, is refused
at both ends. An event's id is a function of its source and content, so a repeat is recognised and dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.core import notices, payloads
from qt_ray.core.codec import canonical, decode, digest, plain
from qt_ray.core.errors import Invalid
from qt_ray.core.ids import event_id, trace_id
from qt_ray.core.orders import Order, Status
from qt_ray.core.restore import restore

REGISTRY: Final[Mapping[str, type[Any]]] = {
    "market.tick": payloads.Tick,
    "market.regime.changed": payloads.RegimeChanged,
    "signal.generated": payloads.SignalGenerated,
    "decision.made": payloads.DecisionMade,
    "trade.execution_requested": payloads.ExecutionRequested,
    **{f"order.{status}": payloads.OrderChanged for status in Status},
    "trade.executed": payloads.TradeExecuted,
    "trade.closed": payloads.TradeClosed,
    "trade.by_hand": notices.ClosedByHand,
    "position.opened": payloads.PositionChanged,
    "position.closed": payloads.PositionChanged,
    "account.equity.updated": payloads.EquityUpdated,
    "risk.alert": payloads.RiskAlert,
    "risk.block": payloads.RiskBlock,
    "risk.drawdown.soft_breach": payloads.DrawdownBreach,
    "risk.drawdown.hard_breach": payloads.DrawdownBreach,
    "system.emergency.triggered": payloads.EmergencyTriggered,
    "system.emergency.recovered": payloads.EmergencyRecovered,
    "system.redis_recovered": payloads.BusRecovered,
    "policy.updated": payloads.PolicyUpdated,
    "policy.mode.changed": payloads.ModeChanged,
    "model.promoted": payloads.ModelPromoted,
    "model.drift_detected": payloads.ModelDrift,
    "model.prediction_ready": payloads.PredictionReady,
    "model.swapped": notices.ModelSwapped,
    "learning.retraining_due": notices.RetrainingDue,
    "rl.fallback": notices.SizeFallback,
    "risk.kill.changed": notices.KillChanged,
    "system.emergency.tripped": notices.EmergencyTripped,
    "system.emergency.cause_cleared": notices.CauseCleared,
    "system.started": notices.SystemStarted,
    "system.stopped": notices.SystemStopped,
    "part.started": notices.PartStarted,
    "health.changed": payloads.HealthChanged,
    "hfos.mode.changed": notices.RiskModeChanged,
    "policy.proposed": notices.LooseningProposed,
    "policy.dismissed": notices.LooseningDismissed,
    "policy.restrained": notices.FundRestrained,
    "security.denied": notices.SecurityDenied,
    "security.refused": notices.DeedRefused,
    "security.granted": notices.AccessGranted,
    "security.revoked": notices.AccessRevoked,
    "alert.raised": notices.AlertRaised,
}

# What no full queue and no slow client may ever cost.
CRITICAL_PREFIXES: Final = (
    "system.emergency.",
    "risk.drawdown.",
    "risk.kill.",
    "order.",
    "trade.",
    "position.",
    "policy.",
    "security.",
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `time_ms`; `causation` is the id of the event that led to it."""

    id: str
    type: str
    payload: Any
    trace_id: str
    causation: str | None
    source: str
    time_ms: int

    def __post_init__(self) -> None:
        kind = payload_type(self.type)
        if type(self.payload) is not kind:
            raise Invalid(f"{self.type}: carries {kind.__name__}, was {type(self.payload).__name__}")
        if not self.id or not self.source:
            raise Invalid(f"{self.type}: an event has an id and a source")
        if isinstance(self.payload, payloads.OrderChanged) and self.type != f"order.{self.payload.order.kind}":
            raise Invalid(f"{self.type}: names the state of its order, {self.payload.order.kind}")

    @property
    def is_critical(self) -> bool:
        """Return whether the event must never be shed."""
        return self.type.startswith(CRITICAL_PREFIXES)


def payload_type(kind: str) -> type[Any]:
    """Return the class of payload that a kind of event carries."""
    if kind not in REGISTRY:
        raise Invalid(f"an event type is in the registry, was {kind!r:.60}")
    return REGISTRY[kind]


def event(kind: str, payload: Any, source: str, time_ms: int, cause: Event | None = None) -> Event:
    """Return a new event; it belongs to its cause's trace, or begins one."""
    name = event_id(source, kind, time_ms, digest(payload))
    trace = cause.trace_id if cause else trace_id(name)
    return Event(name, kind, payload, trace, cause.id if cause else None, source, time_ms)


def order_event(order: Order, source: str, cause: Event | None = None) -> Event:
    """Return the event that says how an order stands."""
    return event(f"order.{order.kind}", payloads.OrderChanged(order), source, order.at_ms, cause)


def encode_event(happened: Event) -> bytes:
    """Return an event's canonical bytes."""
    return canonical(happened)


def decode_event(data: bytes) -> Event:
    """Return the event that canonical bytes spell; what the registry does not know is refused."""
    shown = decode(data)
    if not isinstance(shown, dict) or not isinstance(shown.get("type"), str):
        raise Invalid(f"an event is a table with a type, was {data[:60]!r}")
    payload = restore(payload_type(shown["type"]), shown.get("payload"), shown["type"])
    envelope = restore(_Envelope, {k: v for k, v in shown.items() if k != "payload"}, "event")
    return Event(payload=payload, **plain(envelope))


@dataclass(frozen=True, slots=True)
class _Envelope:
    id: str
    type: str
    trace_id: str
    causation: str | None
    source: str
    time_ms: int
