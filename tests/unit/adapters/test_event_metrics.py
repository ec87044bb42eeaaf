"""Each event moves the numbers that the table says, and every number is one of the table's."""

from collections.abc import Mapping

import pytest

from qt_ray.adapters.event_metrics import MEASURED, measure
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.core import notices, payloads
from qt_ray.core.events import REGISTRY, Event, event
from qt_ray.monitoring.metrics import Metric
from tests.unit.monitoring import happenings as told

pytestmark = pytest.mark.unit


class Heard:
    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}

    def count(self, metric: Metric, labels: Mapping[str, str], by: float) -> None:
        self.numbers[metric.name] = self.numbers.get(metric.name, 0) + by

    def set(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        self.numbers[metric.name] = value

    def observe(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        self.numbers[metric.name] = value


STORIES: list[tuple[Event, dict[str, float]]] = [
    (told.decided(), {"qt_decisions_total": 1}),
    (told.filled(), {"qt_orders_total": 1}),
    (told.executed(), {"qt_fills_total": 1}),
    (told.closed(), {"qt_trades_total": 1}),
    (told.blocked(), {"risk_denials": 1}),
    (told.worth(1, 9_000), {"qt_equity_quote": 9_000}),
    (
        event("risk.drawdown.soft_breach", payloads.DrawdownBreach("m", "day", 500, 500, told.ONE, told.ONE), "r", 1),
        {"qt_drawdown_ratio": 0.05},
    ),
    (
        event("system.emergency.tripped", notices.EmergencyTripped("manual", "r", "ann", 2), "e", 1),
        {"qt_emergencies_total": 1},
    ),
    (
        event("policy.updated", payloads.PolicyUpdated(4, 2, "d", "a", "r", ()), "p", 1),
        {"qt_policy_version": 4, "qt_policy_epoch": 2},
    ),
    (
        event("model.prediction_ready", payloads.PredictionReady("B", 1, 0.1, 0.6, {"a": 0.3, "b": None}), "p", 1),
        {"qt_predictions_total": 2, "qt_prediction_confidence": 0.7},
    ),
    (
        event("rl.fallback", notices.SizeFallback("B", "HIGH", told.ONE, told.ONE, "r"), "s", 1),
        {"rl_fallback_high_vol_total": 1},
    ),
    (event("health.changed", payloads.HealthChanged("Desk", "HEALTHY", "UNKNOWN", ""), "m", 1), {"qt_actor_up": 0}),
    (event("part.started", notices.PartStarted("Desk", 1, False), "m", 1), {"qt_actor_starts_total": 1}),
    (
        event("hfos.mode.changed", notices.RiskModeChanged("A", "B", 1.0, "r", 1, 1, True), "f", 1),
        {"risk_mode_transitions": 1},
    ),
    (event("market.tick", payloads.Tick("B", told.ONE, told.ONE), "f", 1), {}),
]


@pytest.mark.parametrize(("happened", "numbers"), STORIES, ids=lambda given: getattr(given, "type", ""))
def test_an_event_moves_its_numbers(happened: Event, numbers: dict[str, float]) -> None:
    heard = Heard()
    measure(MetricsLogger(heard), happened)
    assert heard.numbers == {**numbers, "qt_events_total": 1}


def test_every_measured_payload_is_told_of_and_has_a_story() -> None:
    assert set(MEASURED) <= set(REGISTRY.values())
    assert set(MEASURED) == {type(happened.payload) for happened, numbers in STORIES if numbers}
