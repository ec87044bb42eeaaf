"""Dashboards: what people look at and are woken by, made from the table of metrics, so that no panel asks for nothing.

A panel names a metric of the table and how it is looked at; the query follows. Every metric stands on a panel, because
a number that nobody looks at is not worth its series.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from qt_ray.core.errors import Invalid
from qt_ray.monitoring.metrics import METRICS, Kind, Metric

PREFIX: Final = "ray_"
TOTAL: Final = "_total"
TITLE: Final = "QT-Ray"
UID: Final = "qt-ray"
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


class View(Enum):
    """How a metric is looked at."""

    VALUE = "max by ({by}) ({name})"
    RATE = "sum by ({by}) (rate({name}[5m]))"
    HOUR = "sum by ({by}) (increase({name}[1h]))"
    SLOWEST = "histogram_quantile(0.99, sum by (le, {by}) (rate({name}_bucket[5m])))"
    MEDIAN = "histogram_quantile(0.5, sum by (le, {by}) (rate({name}_bucket[5m])))"


FITTING: Final = {
    Kind.GAUGE: {View.VALUE},
    Kind.COUNTER: {View.RATE, View.HOUR},
    Kind.HISTOGRAM: {View.SLOWEST, View.MEDIAN},
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph: a metric and how it is looked at."""

    title: str
    metric: str
    view: View
    unit: str = "short"

    @property
    def query(self) -> str:
        """Return what Prometheus is asked."""
        return queried(METRICS[self.metric], self.view)


@dataclass(frozen=True, slots=True)
class Alarm:
    """When a person is told: a comparison of what a panel would show, for how long, and how bad it is."""

    name: str
    metric: str
    view: View
    holds: str
    lasts: str
    severity: str
    summary: str
    where: str = ""

    @property
    def condition(self) -> str:
        """Return what Prometheus watches."""
        return f"{queried(METRICS[self.metric], self.view, self.where)} {self.holds}"


# By row of the dashboard.
ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Money": (
        Panel("Equity", "qt_equity_quote", View.VALUE, "currencyUSD"),
        Panel("Drawdown", "qt_drawdown_ratio", View.VALUE, "percentunit"),
        Panel("Realised profit", "qt_realised_quote", View.VALUE, "currencyUSD"),
        Panel("Exposure", "qt_exposure_quote", View.VALUE, "currencyUSD"),
        Panel("Positions", "qt_positions", View.VALUE),
        Panel("Round trips in an hour", "qt_trades_total", View.HOUR),
        Panel("Result of a round trip, median R", "qt_trade_result_r", View.MEDIAN),
    ),
    "Safety": (
        Panel("Emergency stop", "qt_ess_state", View.VALUE),
        Panel("Emergencies in an hour", "qt_emergencies_total", View.HOUR),
        Panel("Critical subsystems", "system_health_critical_subsystems", View.VALUE),
        Panel("Degraded subsystems", "system_health_degraded_subsystems", View.VALUE),
        Panel("Changes of the risk mode in an hour", "risk_mode_transitions", View.HOUR),
        Panel("Wishes refused or shrunk in an hour", "risk_denials", View.HOUR),
        Panel("Policy version", "qt_policy_version", View.VALUE),
        Panel("Policy epoch", "qt_policy_epoch", View.VALUE),
        Panel("Audit records in an hour", "qt_audit_records_total", View.HOUR),
    ),
    "Decisions and orders": (
        Panel("Decisions", "qt_decisions_total", View.RATE, "ops"),
        Panel("Orders", "qt_orders_total", View.RATE, "ops"),
        Panel("Fills", "qt_fills_total", View.RATE, "ops"),
        Panel("Latency, slowest hundredth", "qt_latency_seconds", View.SLOWEST, "s"),
        Panel("Latency, median", "qt_latency_seconds", View.MEDIAN, "s"),
    ),
    "Models": (
        Panel("Forecasts", "qt_predictions_total", View.RATE, "ops"),
        Panel("Confidence, median", "qt_prediction_confidence", View.MEDIAN, "percentunit"),
        Panel("Disagreement", "qt_model_disagreement", View.VALUE, "percentunit"),
        Panel("Sizes cut by high volatility in an hour", "rl_fallback_high_vol_total", View.HOUR),
    ),
    "Market and venue": (
        Panel("Age of the market's last word", "qt_feed_age_seconds", View.VALUE, "s"),
        Panel("Bars missing in an hour", "qt_bars_missing_total", View.HOUR),
        Panel("Weight used of the venue's minute", "qt_venue_weight_ratio", View.VALUE, "percentunit"),
        Panel("Refusals of the venue", "qt_venue_errors_total", View.RATE, "ops"),
        Panel("Differences to the venue in an hour", "qt_reconcile_breaks_total", View.HOUR),
    ),
    "Cluster": (
        Panel("Parts that are well", "qt_actor_up", View.VALUE),
        Panel("Lives of parts in an hour", "qt_actor_starts_total", View.HOUR),
        Panel("Events", "qt_events_total", View.RATE, "ops"),
        Panel("Events that wait", "qt_events_waiting", View.VALUE),
    ),
}

CRITICAL, WARNING = "critical", "warning"
V, H = View.VALUE, View.HOUR
TRIPPED: Final = '{state=~"(?i)tripped.*|flatten.*"}'
ALARMS: Final[tuple[Alarm, ...]] = (
    Alarm("QtEmergency", "qt_ess_state", V, "> 0", "0s", CRITICAL, "The emergency stop has tripped.", TRIPPED),
    Alarm("QtSubsystemCritical", "system_health_critical_subsystems", V, "> 0", "1m", CRITICAL, "A subsystem is down."),
    Alarm("QtSubsystemsDegraded", "system_health_degraded_subsystems", V, "> 2", "10m", WARNING, "Much is not well."),
    Alarm("QtPartDown", "qt_actor_up", V, "< 1", "30s", CRITICAL, "A part of the fund is not well."),
    Alarm("QtPartsReborn", "qt_actor_starts_total", H, "> 5", "0s", WARNING, "A part is born again and again."),
    Alarm("QtMarketOld", "qt_feed_age_seconds", V, "> 30", "0s", CRITICAL, "The market is not heard."),
    Alarm("QtMarketLate", "qt_feed_age_seconds", V, "> 5", "1m", WARNING, "The market is heard late."),
    Alarm("QtDrawdownHard", "qt_drawdown_ratio", V, ">= 0.10", "0s", CRITICAL, "Equity is far below its peak."),
    Alarm("QtDrawdownSoft", "qt_drawdown_ratio", V, ">= 0.05", "0s", WARNING, "Equity is below its peak."),
    Alarm("QtBooksDiffer", "qt_reconcile_breaks_total", H, "> 0", "0s", CRITICAL, "Books and venue differ."),
    Alarm("QtVenueRefuses", "qt_venue_errors_total", H, "> 50", "0s", WARNING, "The venue refuses much."),
    Alarm("QtWeight", "qt_venue_weight_ratio", V, "> 0.8", "1m", WARNING, "The venue's limit is near."),
    Alarm("QtEventsWait", "qt_events_waiting", V, "> 1000", "1m", WARNING, "Events do not reach the bus."),
    Alarm("QtBarsMissing", "qt_bars_missing_total", H, "> 10", "0s", WARNING, "Bars are missing."),
)
SILENT: Final = "qt_equity_quote"


def exported(metric: Metric) -> str:
    """Return the name that Prometheus knows a metric by: Ray's prefix, and a counter's ending once."""
    is_bare = metric.kind is Kind.COUNTER and not metric.name.endswith(TOTAL)
    return f"{PREFIX}{metric.name}{TOTAL if is_bare else ''}"


def queried(metric: Metric, view: View, where: str = "") -> str:
    """Return the query of a metric, one line for each of its labels' values; processes are not told apart."""
    if view not in FITTING[metric.kind]:
        raise Invalid(f"{metric.name}: a {metric.kind} is not looked at as {view.name}")
    query = view.value.format(by=", ".join(metric.labels), name=exported(metric) + where)
    return query.replace("by (le, )", "by (le)").replace(" by () ", " ")


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    return {
        "uid": UID,
        "title": TITLE,
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": list(_placed()),
    }


def alarm_rules() -> str:
    """Return the rules as Prometheus reads them; a fund that says nothing at all is the last of them."""
    lines = ["groups:", "  - name: qt-ray", "    rules:"]
    for alarm in ALARMS:
        lines += _rule(alarm.name, alarm.condition, alarm.lasts, alarm.severity, alarm.summary)
    silence = f"absent({exported(METRICS[SILENT])})"
    lines += _rule("QtSilent", silence, "2m", CRITICAL, "Nothing is heard of the fund.")
    return "\n".join(lines) + "\n"


def _rule(name: str, condition: str, lasts: str, severity: str, summary: str) -> list[str]:
    return [
        f"      - alert: {name}",
        f"        expr: '{condition}'",
        f"        for: {lasts}",
        f"        labels: {{severity: {severity}}}",
        f'        annotations: {{summary: "{summary}"}}',
    ]


def _placed() -> Iterator[dict[str, Any]]:
    number = top = 0
    for title, panels in ROWS.items():
        number += 1
        yield {"id": number, "type": "row", "title": title, "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}}
        top += 1
        for at, panel in enumerate(panels):
            number += 1
            place = {"x": at % COLUMNS * WIDTH, "y": top + at // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT}
            yield _graph(number, panel, place)
        top += -(-len(panels) // COLUMNS) * HEIGHT


def _graph(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    metric = METRICS[panel.metric]
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or panel.title
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": metric.help,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": SOURCE, "expr": panel.query, "legendFormat": legend}],
    }
