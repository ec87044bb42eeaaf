"""Protection, as the exchange sees it: from when to when a position stood there without a stop that covers it."""

from dataclasses import dataclass, field

from tests.simulation.venue import SYMBOLS, Venue


@dataclass(slots=True)
class Watch:
    """The times without cover: those that go on, and how long those took that are over."""

    venue: Venue
    open: dict[str, int] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)

    def look(self, now_ms: int) -> None:
        """Look at every symbol."""
        for symbol in SYMBOLS:
            if self.venue.is_protected(symbol):
                since_ms = self.open.pop(symbol, None)
                if since_ms is not None:
                    self.gaps.append(now_ms - since_ms)
            else:
                self.open.setdefault(symbol, now_ms)
