"""Requests: how a call travels to the venue and its answer back, and each way in which that can go wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.execution.venue.calls import Answer, Call, Done, Place, PlaceMany, Refused, Throttled, Unsure
from tests.simulation.network import Network
from tests.simulation.timeline import Timeline
from tests.simulation.venue import ACCOUNT, Venue

CLIENT_PATIENCE_MS: Final = 2_000
Say = Callable[[Answer[Any]], None]


def placed_by(call: Call) -> tuple[str, ...]:
    """Return the client ids of the orders that a call places."""
    if isinstance(call, PlaceMany):
        return tuple(intent.client_id for intent in call.intents)
    return (call.intent.client_id,) if isinstance(call, Place) else ()


@dataclass(slots=True)
class Requests:
    """The way there and back; `heard` is told whenever the venue may have said something."""

    timeline: Timeline
    network: Network
    venue: Venue
    window_ms: int
    heard: Callable[[], None]

    def send(self, call: Call, fault: str, say: Say) -> None:
        """Let a call travel; what comes back, if anything does, is said once."""
        WAYS.get(fault, Requests.well)(self, call, say)

    def well(self, call: Call, say: Say) -> None:
        self._arrive(call, lambda answer: self._later(say, answer))

    def lost(self, call: Call, say: Say) -> None:
        self.timeline.after(CLIENT_PATIENCE_MS, lambda: say(Unsure("no answer")))

    def answer_lost(self, call: Call, say: Say) -> None:
        self._arrive(call, lambda answer: None)
        self.lost(call, say)

    def answer_late(self, call: Call, say: Say) -> None:
        self._arrive(
            call, lambda answer: self.timeline.after(self.network.delay_ms(2_000, 12_000), lambda: say(answer))
        )

    def unknown_after(self, call: Call, say: Say) -> None:
        self._arrive(call, lambda answer: self._later(say, Unsure("-1007")))

    def unknown_before(self, call: Call, say: Say) -> None:
        self._later(say, Unsure("-1007"))

    def slow(self, call: Call, say: Say) -> None:
        """Arrive long after the client has given up, and still within the receive window."""
        self.timeline.after(self.network.delay_ms(300, self.window_ms), lambda: self._ask(call))
        self.timeline.after(100, lambda: say(Unsure("no answer")))

    def stale(self, call: Call, say: Say) -> None:
        no = Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
        self.timeline.after(self.window_ms + 3_000, lambda: say(no))

    def overtime(self, call: Call, say: Say) -> None:
        """Arrive after the receive window and be taken all the same, as with a clock that is wrong by seconds."""
        self.timeline.after(self.window_ms + self.network.delay_ms(300, 6_000), lambda: self._ask(call))
        self.timeline.after(100, lambda: say(Unsure("no answer")))

    def repeated(self, call: Call, say: Say) -> None:
        self.well(call, say)
        self.timeline.after(self.network.delay_ms(50, 90), lambda: self._repeat(call))

    def _repeat(self, call: Call) -> None:
        """Ask again. A venue knows only the names of open orders, so a middle box could trade an ended one twice: TLS
        keeps such boxes out, and this one repeats a name only while it is open."""
        exchange = self.venue.exchange
        known = {order.client_id for order in exchange.open_orders(ACCOUNT)}
        known |= {algo.client_id for algo in exchange.open_algos(ACCOUNT)}
        if set(placed_by(call)) <= known:
            self._ask(call)

    def throttled(self, call: Call, say: Say) -> None:
        self._later(say, Throttled(-1003, self.network.delay_ms(200, 1_500)))

    def failed(self, call: Call, say: Say) -> None:
        self._later(say, Refused(-503, "Service Unavailable."))

    def garbled(self, call: Call, say: Say) -> None:
        self._arrive(call, lambda answer: self._later(say, _without_first(answer)))

    def _arrive(self, call: Call, then: Say) -> None:
        self.timeline.after(self.network.delay_ms(), lambda: then(self._ask(call)))

    def _later(self, say: Say, answer: Answer[Any]) -> None:
        self.timeline.after(self.network.delay_ms(), lambda: say(answer))

    def _ask(self, call: Call) -> Answer[Any]:
        answer = self.venue.ask(call, self.timeline.now_ms)
        self.heard()
        return answer


def _without_first(answer: Answer[Any]) -> Answer[Any]:
    if isinstance(answer, Done) and answer.value:
        return Done(answer.value[1:], unread=("quantity: a number is digits",))
    return answer


WAYS: Final[dict[str, Callable[[Requests, Call, Say], None]]] = {
    "request lost": Requests.lost,
    "answer lost": Requests.answer_lost,
    "answer late": Requests.answer_late,
    "unknown after accept": Requests.unknown_after,
    "unknown before accept": Requests.unknown_before,
    "request slow": Requests.slow,
    "request stale": Requests.stale,
    "request overtime": Requests.overtime,
    "request repeated": Requests.repeated,
    "throttled": Requests.throttled,
    "failed": Requests.failed,
    "list garbled": Requests.garbled,
}
