"""Fence histories: many seeds, and what they came to together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulation.fence_world import FenceHistory, fence_history


@dataclass(slots=True)
class FenceCampaign:
    """Many histories of the fence."""

    seeds: int = 0
    bad: list[FenceHistory] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    waits_ms: list[int] = field(default_factory=list)

    def add(self, history: FenceHistory) -> None:
        """Take one more in."""
        self.seeds += 1
        self.violations.update(history.violations)
        self.counts.update(history.counts)
        self.faults.update(history.faults)
        self.waits_ms.extend(history.waits_ms)
        if history.violations:
            self.bad.append(history)


def fence_campaign(seeds: Iterable[int]) -> FenceCampaign:
    """Return what many seeds lead to."""
    found = FenceCampaign()
    for seed in seeds:
        found.add(fence_history(seed))
    return found
