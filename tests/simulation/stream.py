"""Stream: how the venue's news reaches us: in order, unless it is lost, repeated, held, cut off or silently stalled."""

from collections.abc import Callable
from dataclasses import dataclass

from qt_ray.execution.venue.news import AlgoNews, News, OrderNews, StreamDown, StreamUp
from tests.simulation.checker import Disagreements
from tests.simulation.network import Network
from tests.simulation.timeline import Timeline
from tests.simulation.venue import Venue


@dataclass(slots=True)
class Stream:
    """One connection at a time; what was on its way in an old one never arrives."""

    timeline: Timeline
    network: Network
    venue: Venue
    disagreements: Disagreements
    tell: Callable[[News], None]
    compare: Callable[[str], None]
    connection: int = 0
    is_up: bool = False
    stalled_until_ms: int = 0
    last_ms: int = 0
    said: int = 0

    def connect(self) -> None:
        """Hear again from now on."""
        self.connection += 1
        self.is_up = True
        self.tell(StreamUp(self.timeline.now_ms))

    def cut(self) -> None:
        """Hear nothing more, and not even that."""
        self.connection += 1
        self.is_up = False

    def trouble(self) -> None:
        """Let a second's trouble begin, if there is any."""
        fault = self.network.stream(self.timeline.now_ms)
        if fault == "stream stalled":
            self.stalled_until_ms = self.timeline.now_ms + self.network.delay_ms(1_000, 6_000)
        elif fault == "stream closed" and self.is_up:
            self.cut()
            connection = self.connection
            self.timeline.after(self.network.delay_ms(0, 1_000), lambda: self._notice(connection))

    def carry(self) -> None:
        """Take what the venue has said, and carry it towards us."""
        for news in self.venue.news():
            self.said += 1
            name = news.client_id if isinstance(news, OrderNews | AlgoNews) else ""
            self.compare(name)
            hidden = "" if self.is_up else "stream closed"
            if self.timeline.now_ms < self.stalled_until_ms:
                hidden = "stream stalled"
            fault = hidden or self.network.event(self.timeline.now_ms)
            if fault:
                self.disagreements.note(name, fault)
            if not hidden and fault != "event lost":
                self._deliver(news, fault)

    def _notice(self, connection: int) -> None:
        if connection == self.connection:
            self.tell(StreamDown(self.timeline.now_ms, "closed"))
            self.timeline.after(self.network.delay_ms(50, 1_500), lambda: self._return(connection))

    def _return(self, connection: int) -> None:
        if connection == self.connection:
            self.connect()

    def _deliver(self, news: News, fault: str) -> None:
        connection = self.connection

        def reach() -> None:
            if connection == self.connection:
                self.tell(news)

        self.last_ms = max(self.last_ms, self.timeline.now_ms + self.network.delay_ms())
        in_ms = self.last_ms - self.timeline.now_ms
        self.timeline.after(in_ms + (self.network.delay_ms(50, 800) if fault == "event held" else 0), reach)
        if fault == "event repeated":
            self.timeline.after(in_ms + self.network.delay_ms(0, 500), reach)
