"""One suite for every exporter: each metric of the table, with its labels, as often as it comes."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.actors.exporting import RayExporter
from qt_ray.adapters.metrics_logger import Exporter, MetricsLogger
from qt_ray.monitoring.metrics import METRICS, Kind
from tests.unit.actors.numbers import CountedNumbers

pytestmark = pytest.mark.unit


EXPORTERS: dict[str, Callable[[], Exporter]] = {"counted": CountedNumbers, "ray": RayExporter}


@pytest.fixture(params=sorted(EXPORTERS), scope="module")
def exporter(request: pytest.FixtureRequest) -> Exporter:
    return EXPORTERS[request.param]()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_of_the_table_is_taken_again_and_again(exporter: Exporter, name: str) -> None:
    metric, logger = METRICS[name], MetricsLogger(exporter)
    for value in (0.0, 0.5, 3.0):
        labels = dict.fromkeys(metric.labels, f"value {value}")
        if metric.kind is Kind.COUNTER:
            logger.record_counter(name, value, **labels)
        elif metric.kind is Kind.GAUGE:
            logger.record_gauge(name, -value, **labels)
        else:
            logger.record_histogram(name, value - 1, **labels)
    assert logger.dropped == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=30, deadline=None)
def test_every_finite_number_is_taken(value: float) -> None:
    for build in EXPORTERS.values():
        logger = MetricsLogger(build())
        logger.record_gauge("qt_equity_quote", value)
        logger.record_histogram("qt_trade_result_r", value, cause="stop")
