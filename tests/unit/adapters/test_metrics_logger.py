"""SPEC chapter 7, MetricsLogger: a closed table, closed labels, and no number that is none."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.core.payloads import TradeClosed
from qt_ray.monitoring.metrics import METRICS, OTHERS, Kind, Labels, Metric

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S7 MetricsLogger")]


class Kept:
    """An exporter that remembers."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, dict[str, str], float]] = []

    def count(self, metric: Metric, labels: Mapping[str, str], by: float) -> None:
        self.said.append(("count", metric.name, dict(labels), by))

    def set(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        self.said.append(("set", metric.name, dict(labels), value))

    def observe(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        self.said.append(("observe", metric.name, dict(labels), value))


def test_each_metric_is_recorded_as_what_it_is() -> None:
    kept = Kept()
    logger = MetricsLogger(kept)
    logger.record_counter("risk_denials", reason="max_leverage", symbol="BTCUSDT")
    logger.record_gauge("qt_equity_quote", 10_000.5)
    logger.record_histogram("qt_latency_seconds", 0.002, of="decision")
    assert kept.said == [
        ("count", "risk_denials", {"reason": "max_leverage", "symbol": "BTCUSDT"}, 1.0),
        ("set", "qt_equity_quote", {}, 10_000.5),
        ("observe", "qt_latency_seconds", {"of": "decision"}, 0.002),
    ]


def test_a_trade_a_prediction_and_a_time_are_more_than_one_number() -> None:
    kept, now = Kept(), iter([1_000_000_000, 1_250_000_000])
    logger = MetricsLogger(kept, lambda: next(now))
    logger.record_trade(
        TradeClosed("t", "BTCUSDT", Side.BUY, "stop", Decimal(-5), Decimal(1), Decimal(0), Decimal("-1.02"), 5)
    )
    logger.record_model_prediction("xgboost", 0.7)
    logger.record_model_prediction("patchtst", None)
    with pytest.raises(KeyError), logger.timer("review"):
        raise KeyError
    assert [(what, name, value) for what, name, _, value in kept.said] == [
        ("count", "qt_trades_total", 1.0),
        ("observe", "qt_trade_result_r", -1.02),
        ("count", "qt_predictions_total", 1.0),
        ("observe", "qt_prediction_confidence", 0.7),
        ("count", "qt_predictions_total", 1.0),
        ("observe", "qt_latency_seconds", 0.25),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_dropped_and_counted(value: float) -> None:
    kept = Kept()
    logger = MetricsLogger(kept)
    logger.record_gauge("qt_equity_quote", value)
    logger.record_histogram("qt_latency_seconds", value, of="x")
    logger.record_counter("qt_decisions_total", value, action="enter")
    assert (kept.said, logger.dropped) == ([], 3)


def test_a_counter_never_goes_down() -> None:
    kept = Kept()
    MetricsLogger(kept).record_counter("qt_decisions_total", -1.0, action="enter")
    assert kept.said == []


def test_what_the_table_does_not_know_is_a_mistake() -> None:
    logger = MetricsLogger(Kept())
    with pytest.raises(Invalid, match="in the table, was 'nonsense'"):
        logger.record_counter("nonsense")
    with pytest.raises(Invalid, match="a gauge is recorded as one, was a counter"):
        logger.record_counter("qt_equity_quote")
    with pytest.raises(Invalid, match="its labels are action, were symbol"):
        logger.record_counter("qt_decisions_total", symbol="BTCUSDT")
    with pytest.raises(Invalid, match="its labels are none, were symbol"):
        logger.record_gauge("qt_equity_quote", 1.0, symbol="BTCUSDT")


@given(st.lists(st.text(max_size=4), max_size=60), st.integers(min_value=1, max_value=10))
def test_a_label_has_so_many_values_and_no_more(values: list[str], most: int) -> None:
    labels = Labels(most)
    shown = [labels.bounded(METRICS["qt_venue_errors_total"], {"code": value})["code"] for value in values]
    assert len(set(shown) - {OTHERS}) <= most
    assert all(one in (value, OTHERS) for one, value in zip(shown, values, strict=True))


def test_the_founding_names_are_there_and_histograms_have_bounds() -> None:
    for name in (
        "risk_denials",
        "system_health_critical_subsystems",
        "system_health_degraded_subsystems",
        "risk_mode_transitions",
    ):
        assert name in METRICS
    assert METRICS["risk_mode_transitions"].labels == ("from", "to")
    for metric in METRICS.values():
        assert (metric.kind is Kind.HISTOGRAM) is bool(metric.bounds)
        assert list(metric.bounds) == sorted(set(metric.bounds))
