"""Timeline: virtual time. What happens next is the earliest that was asked for; equal moments keep their order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

What = Callable[[], None]


@dataclass(slots=True)
class Timeline:
    """The time, and everything that will happen."""

    now_ms: int
    heap: list[tuple[int, int, What]] = field(default_factory=list)
    number: int = 0

    def after(self, delay_ms: int, what: What) -> None:
        """Let something happen in so long."""
        self.number += 1
        heappush(self.heap, (self.now_ms + delay_ms, self.number, what))

    def step(self, until_ms: int) -> bool:
        """Let the next thing happen, if there is one until then."""
        if not self.heap or self.heap[0][0] > until_ms:
            return False
        self.now_ms, _, what = heappop(self.heap)
        what()
        return True
