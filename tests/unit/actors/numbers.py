"""An exporter without Ray: the sum of each counter, and the last value of everything else, by name and labels."""

from collections.abc import Mapping

from qt_ray.monitoring.metrics import Metric


class CountedNumbers:
    """Takes what an `Exporter` takes."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, ...], float] = {}

    def count(self, metric: Metric, labels: Mapping[str, str], by: float) -> None:
        key = (metric.name, *labels.values())
        self.said[key] = self.said.get(key, 0) + by

    def set(self, metric: Metric, labels: Mapping[str, str], value: float) -> None:
        self.said[metric.name, *labels.values()] = value

    observe = set
