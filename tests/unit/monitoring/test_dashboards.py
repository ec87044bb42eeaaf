"""SPEC 7: dashboards are provisioned, every number on them exists, and every number of the table is on one of them."""

import json
import re
from pathlib import Path

import pytest
import yaml

from docs.generate import PAGES
from qt_ray.core.errors import Invalid
from qt_ray.monitoring.dashboards import ALARMS, ROWS, View, alarm_rules, dashboard, exported, queried
from qt_ray.monitoring.metrics import METRICS, Kind

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S7 MetricsLogger")]

DEPLOY = Path(__file__).parents[3] / "deploy" / "monitoring"
KNOWN = {exported(metric) for metric in METRICS.values()}
NAME = re.compile(r"\bray_[a-z_]+")


def names_in(query: str) -> set[str]:
    return {re.sub(r"_bucket$", "", name) for name in NAME.findall(query)}


def test_every_metric_of_a_panel_or_a_rule_is_in_the_table() -> None:
    for panel in json.loads((DEPLOY / "grafana" / "qt-ray.json").read_text("utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            assert names_in(target["expr"])
            assert names_in(target["expr"]) <= KNOWN
    for rule in yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]:
        assert names_in(rule["expr"])
        assert names_in(rule["expr"]) <= KNOWN


def test_every_metric_of_the_table_is_on_a_panel() -> None:
    assert {panel.metric for panels in ROWS.values() for panel in panels} == set(METRICS)


def test_what_is_delivered_is_what_the_code_says() -> None:
    assert json.loads((DEPLOY / "grafana" / "qt-ray.json").read_text("utf-8")) == dashboard()
    assert (DEPLOY / "alerts.yml").read_text("utf-8") == alarm_rules()
    assert {"../deploy/monitoring/grafana/qt-ray.json", "../deploy/monitoring/alerts.yml"} <= PAGES.keys()


def test_panels_do_not_lie_on_one_another_and_have_ids_of_their_own() -> None:
    panels = dashboard()["panels"]
    cells = [
        (place["x"] + dx, place["y"] + dy)
        for place in (panel["gridPos"] for panel in panels)
        for dx in range(place["w"])
        for dy in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(x < 24 for x, _ in cells)


@pytest.mark.parametrize(
    ("name", "view", "query"),
    [
        ("qt_positions", View.VALUE, "max (ray_qt_positions)"),
        ("risk_denials", View.HOUR, "sum by (reason, symbol) (increase(ray_risk_denials_total[1h]))"),
        (
            "qt_latency_seconds",
            View.SLOWEST,
            "histogram_quantile(0.99, sum by (le, of) (rate(ray_qt_latency_seconds_bucket[5m])))",
        ),
    ],
)
def test_a_query_is_spelled_as_ray_exports_the_metric(name: str, view: View, query: str) -> None:
    assert queried(METRICS[name], view) == query


def test_a_metric_is_looked_at_as_what_it_is() -> None:
    with pytest.raises(Invalid, match="is not looked at as RATE"):
        queried(METRICS["qt_positions"], View.RATE)


def test_an_alarm_has_a_name_of_its_own_and_counters_are_never_compared_whole() -> None:
    assert len({alarm.name for alarm in ALARMS}) == len(ALARMS)
    assert all(METRICS[alarm.metric].kind is not Kind.COUNTER or alarm.view is View.HOUR for alarm in ALARMS)
