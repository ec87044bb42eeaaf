"""Metrics: every number that is exported, declared once, with the only labels it may bear.

The table is closed: a metric that is not in it, or a label that it does not declare, is a mistake found at once and not
a new time series. Values of labels are bounded as well, because a series for each order would end the monitoring first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from qt_ray.core.errors import Invalid

VALUES_MAX: Final = 500
OTHERS: Final = "others"


class Kind(StrEnum):
    """How a metric adds up."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured, in which unit its name ends, and by which labels it is told apart."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


LATENCIES_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

_TABLE: Final = (
    Metric("qt_decisions_total", Kind.COUNTER, "Decisions made.", ("action",)),
    Metric("qt_orders_total", Kind.COUNTER, "Orders by what became of them.", ("outcome",)),
    Metric("qt_fills_total", Kind.COUNTER, "Executions.", ("symbol", "cause")),
    Metric("qt_trades_total", Kind.COUNTER, "Round trips by how they ended.", ("symbol", "cause")),
    Metric("qt_trade_result_r", Kind.HISTOGRAM, "Result of a round trip in R.", ("cause",), (-2, -1, 0, 1, 2, 3, 5)),
    Metric("qt_realised_quote", Kind.GAUGE, "Realised profit since the start."),
    Metric("qt_equity_quote", Kind.GAUGE, "Equity with marks."),
    Metric("qt_drawdown_ratio", Kind.GAUGE, "Equity below its peak.", ("scope",)),
    Metric("qt_exposure_quote", Kind.GAUGE, "Exposure.", ("kind",)),
    Metric("qt_positions", Kind.GAUGE, "Positions that are held."),
    Metric("risk_denials", Kind.COUNTER, "Wishes refused or shrunk.", ("reason", "symbol")),
    Metric("qt_latency_seconds", Kind.HISTOGRAM, "How long something took.", ("of",), LATENCIES_S),
    Metric("qt_predictions_total", Kind.COUNTER, "Forecasts by model and outcome.", ("model", "outcome")),
    Metric("qt_prediction_confidence", Kind.HISTOGRAM, "Confidence of forecasts.", ("model",), SHARES),
    Metric("qt_model_disagreement", Kind.GAUGE, "Share of members against the majority.", ("symbol",)),
    Metric("rl_fallback_high_vol_total", Kind.COUNTER, "Sizes cut because volatility was high.", ("symbol",)),
    Metric("qt_emergencies_total", Kind.COUNTER, "Trips of the emergency stop.", ("cause",)),
    Metric("qt_ess_state", Kind.GAUGE, "State of the emergency stop: 1 for the one it is in.", ("state",)),
    Metric("qt_policy_version", Kind.GAUGE, "Version of the policy in force."),
    Metric("qt_policy_epoch", Kind.GAUGE, "Epoch of the policy in force."),
    Metric("qt_events_total", Kind.COUNTER, "Events by what became of them.", ("type", "outcome")),
    Metric("qt_events_waiting", Kind.GAUGE, "Events that wait for the bus.", ("where",)),
    Metric("qt_venue_weight_ratio", Kind.GAUGE, "Used weight of the venue's minute."),
    Metric("qt_venue_errors_total", Kind.COUNTER, "Refusals of the venue.", ("code",)),
    Metric("qt_reconcile_breaks_total", Kind.COUNTER, "Differences between venue and books.", ("kind",)),
    Metric("qt_feed_age_seconds", Kind.GAUGE, "Age of what the market said last.", ("part",)),
    Metric("qt_bars_missing_total", Kind.COUNTER, "Bars that were not there at their close.", ("symbol",)),
    Metric("qt_actor_up", Kind.GAUGE, "Whether an actor is well.", ("actor",)),
    Metric("qt_actor_starts_total", Kind.COUNTER, "Lives of an actor.", ("actor",)),
    Metric("system_health_critical_subsystems", Kind.GAUGE, "Subsystems whose health is critical."),
    Metric("system_health_degraded_subsystems", Kind.GAUGE, "Subsystems whose health is degraded."),
    Metric("risk_mode_transitions", Kind.COUNTER, "Changes of the system's risk mode.", ("from", "to")),
    Metric("qt_audit_records_total", Kind.COUNTER, "Audit records.", ("type",)),
)
METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _TABLE}


def checked(name: str, kind: Kind, labels: Mapping[str, str]) -> Metric:
    """Return the metric of that name, if it is used as it was declared."""
    metric = METRICS.get(name)
    if metric is None:
        raise Invalid(f"a metric is in the table, was {name!r:.60}")
    if metric.kind is not kind:
        raise Invalid(f"{name}: a {metric.kind} is recorded as one, was a {kind}")
    if tuple(sorted(labels)) != tuple(sorted(metric.labels)):
        raise Invalid(
            f"{name}: its labels are {', '.join(metric.labels) or 'none'}, were {', '.join(labels) or 'none'}"
        )
    return metric


class Labels:
    """Which values a label has had; beyond so many, further ones are told apart no more."""

    def __init__(self, values_max: int = VALUES_MAX) -> None:
        """Begin with none."""
        self._max = values_max
        self._seen: dict[tuple[str, str], set[str]] = {}

    def bounded(self, metric: Metric, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels as they may be exported."""
        return {name: self._one(metric.name, name, str(value)) for name, value in labels.items()}

    def _one(self, metric: str, label: str, value: str) -> str:
        seen = self._seen.setdefault((metric, label), set())
        if value not in seen and len(seen) >= self._max:
            return OTHERS
        seen.add(value)
        return value
