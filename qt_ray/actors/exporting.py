"""Exporting: the fund's metrics through Ray, whose agent on each machine shows them to Prometheus.

A call costs microseconds and is seen within ten seconds, so nobody counts in a loop that sends orders. Ray keeps a
metric's name and labels for the life of a process: each is declared once, as the table has it.
"""

from collections.abc import Mapping

from ray.util.metrics import Counter, Gauge, Histogram

from qt_ray.monitoring.metrics import Metric


class RayExporter:
    """One process's numbers, handed to Ray."""

    def __init__(self) -> None:
        """Declare nothing yet."""
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, metric: Metric, labels: Mapping[str, str], by: float) -> None:
        """Let a counter grow; Ray knows no growth of nothing."""
        counter = self._counters.get(metric.name)
        if counter is None:
            counter = self._counters[metric.name] = Counter(metric.name, metric.help, metric.labels)
        if by > 0:
            counter.inc(by, dict(labels))

    def set(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        """Let a gauge show a value."""
        gauge = self._gauges.get(metric.name)
        if gauge is None:
            gauge = self._gauges[metric.name] = Gauge(metric.name, metric.help, metric.labels)
        gauge.set(value, dict(labels))

    def observe(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        """Let a histogram take a value in; for Ray bounds begin above zero, and what lies below is in the first."""
        histogram = self._histograms.get(metric.name)
        if histogram is None:
            bounds = [bound for bound in metric.bounds if bound > 0]
            histogram = self._histograms[metric.name] = Histogram(metric.name, metric.help, bounds, metric.labels)
        histogram.observe(value, dict(labels))
