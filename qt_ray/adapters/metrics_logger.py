"""Metrics logger: what a module counts and measures, checked against the table and handed to whoever exports it.

A number that is not finite is no measurement: it is counted as dropped and never exported. Recording never fails in a
way that could stop a trade: what breaks the table is a mistake of ours that a test finds, so it raises.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from types import TracebackType
from typing import Protocol, Self

from qt_ray.adapters.clock import monotonic_ns
from qt_ray.core.payloads import TradeClosed
from qt_ray.monitoring.metrics import Kind, Labels, Metric, checked


class Exporter(Protocol):
    """Who makes numbers visible."""

    def count(self, metric: Metric, labels: Mapping[str, str], by: float) -> None:
        """Let a counter grow."""

    def set(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        """Let a gauge show a value."""

    def observe(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        """Let a histogram take a value in."""


class MetricsLogger:
    """One process's way to its metrics; `dropped` counts numbers that were none."""

    def __init__(self, exporter: Exporter, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self.dropped = 0
        self._exporter, self._clock_ns, self._labels = exporter, clock_ns, Labels()

    def record_counter(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Let a counter grow; by nothing below zero."""
        metric, bounded = self._checked(name, Kind.COUNTER, labels)
        if self._is_number(by) and by >= 0:
            self._exporter.count(metric, bounded, by)

    def record_gauge(self, name: str, value: float, **labels: str) -> None:
        """Show a value."""
        metric, bounded = self._checked(name, Kind.GAUGE, labels)
        if self._is_number(value):
            self._exporter.set(metric, bounded, value)

    def record_histogram(self, name: str, value: float, **labels: str) -> None:
        """Take a value in."""
        metric, bounded = self._checked(name, Kind.HISTOGRAM, labels)
        if self._is_number(value):
            self._exporter.observe(metric, bounded, value)

    def record_trade(self, trade: TradeClosed) -> None:
        """Count a round trip and what it came to."""
        self.record_counter("qt_trades_total", symbol=trade.symbol, cause=trade.cause)
        if trade.r_multiple is not None:
            self.record_histogram("qt_trade_result_r", float(trade.r_multiple), cause=trade.cause)

    def record_latency(self, of: str, seconds: float) -> None:
        """Take in how long something took."""
        self.record_histogram("qt_latency_seconds", seconds, of=of)

    def record_model_prediction(self, model: str, confidence: float | None) -> None:
        """Count a forecast, and how sure it was, or that there was none."""
        self.record_counter("qt_predictions_total", model=model, outcome="abstained" if confidence is None else "made")
        if confidence is not None:
            self.record_histogram("qt_prediction_confidence", confidence, model=model)

    def timer(self, of: str) -> "MetricsTimer":
        """Return a timer of what is done within it."""
        return MetricsTimer(self, of, self._clock_ns)

    def _checked(self, name: str, kind: Kind, labels: Mapping[str, str]) -> tuple[Metric, dict[str, str]]:
        metric = checked(name, kind, labels)
        return metric, self._labels.bounded(metric, labels)

    def _is_number(self, value: float) -> bool:
        self.dropped += not isfinite(value)
        return isfinite(value)


class MetricsTimer:
    """Measures a block, whether it ends well or not."""

    def __init__(self, logger: MetricsLogger, of: str, clock_ns: Callable[[], int]) -> None:
        self._logger, self._of, self._clock_ns = logger, of, clock_ns
        self._began_ns = 0

    def __enter__(self) -> Self:
        self._began_ns = self._clock_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._logger.record_latency(self._of, (self._clock_ns() - self._began_ns) / 1e9)
