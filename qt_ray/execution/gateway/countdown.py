"""Countdown: the venue cancels our resting orders if it no longer hears from us.

It is wound only while we are well, for a timer that a sick program keeps winding protects nobody. Conditional orders
are protection and outlive us; the venue leaves them alone.
"""

from dataclasses import dataclass, field

from qt_ray.execution.venue.calls import Countdown

AGAIN_MS = 1_000


@dataclass(slots=True)
class Countdowns:
    """When each symbol's timer is to be wound again."""

    after_ms: int
    wind_ms: dict[str, int] = field(default_factory=dict)

    def due(self, resting: set[str], is_healthy: bool, at_ms: int) -> list[Countdown]:
        """Return the timers to wind, and those to stop since nothing has rested when they were due."""
        calls = []
        for symbol in sorted(resting | set(self.wind_ms)):
            if at_ms < self.wind_ms.get(symbol, 0):
                continue
            if symbol not in resting:
                del self.wind_ms[symbol]
                calls.append(Countdown(symbol, 0))
            elif is_healthy:
                self.wind_ms[symbol] = at_ms + self.after_ms // 4
                calls.append(Countdown(symbol, self.after_ms))
        return calls

    def failed(self, call: Countdown, at_ms: int) -> None:
        """Wind a timer again soon, since the last time may not have reached the venue."""
        if call.symbol in self.wind_ms:
            self.wind_ms[call.symbol] = min(self.wind_ms[call.symbol], at_ms + AGAIN_MS)

    def next_ms(self, resting: set[str], is_healthy: bool) -> int | None:
        """Return when a timer is due; one that may not be wound is nothing to wake up for."""
        due = [at for symbol, at in self.wind_ms.items() if is_healthy or symbol not in resting]
        fresh = [0] if is_healthy and resting - set(self.wind_ms) else []
        return min([*due, *fresh], default=None)
