"""Network: what may go wrong between us and the venue, each kind by its name, all of it by one seed.

A fault never lies about what the venue did: it loses, delays, repeats or hides. Every injected fault is counted, and
noted with the order it was about, so that a settle time can be told by what caused it.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from qt_ray.execution.venue.calls import AskOpenOrders, AskTrades, Call, Place, PlaceMany

REQUEST_FAULTS: Final = (
    "request lost",
    "answer lost",
    "answer late",
    "unknown after accept",
    "unknown before accept",
    "request slow",
    "request stale",
    "request overtime",
    "request repeated",
    "throttled",
    "failed",
    "list garbled",
)
EVENT_FAULTS: Final = ("event lost", "event repeated", "event held")
STREAM_FAULTS: Final = ("stream closed", "stream stalled")
PROCESS_FAULTS: Final = ("crash",)
HIDES: Final = frozenset({"event lost", "stream closed", "stream stalled", "crash"})


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each group of faults strikes: per request, per event, per second, per input."""

    request: float = 0.25
    event: float = 0.12
    stream: float = 0.06
    crash: float = 0.004


CALM: Final = Rates(0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class Network:
    """The dice, and what they have done so far."""

    dice: Random
    rates: Rates
    until_ms: int
    counts: Counter[str] = field(default_factory=Counter)

    def request(self, call: Call, now_ms: int) -> str:
        """Return what goes wrong with a request, or nothing."""
        if now_ms >= self.until_ms or self.dice.random() >= self.rates.request:
            return ""
        kinds = [k for k in REQUEST_FAULTS if k != "list garbled" or isinstance(call, AskOpenOrders | AskTrades)]
        return self._struck(self.dice.choice(kinds))

    def event(self, now_ms: int) -> str:
        """Return what goes wrong with an event, or nothing."""
        return self._drawn(EVENT_FAULTS, self.rates.event, now_ms)

    def stream(self, now_ms: int) -> str:
        """Return what goes wrong with the stream in this second, or nothing."""
        return self._drawn(STREAM_FAULTS, self.rates.stream, now_ms)

    def crashes(self, now_ms: int) -> bool:
        """Return whether the process dies while it carries out the effects at hand."""
        return bool(self._drawn(PROCESS_FAULTS, self.rates.crash, now_ms))

    def delay_ms(self, low: int = 5, high: int = 40) -> int:
        """Return how long something takes."""
        return self.dice.randint(low, high)

    def _drawn(self, kinds: tuple[str, ...], rate: float, now_ms: int) -> str:
        if now_ms >= self.until_ms or self.dice.random() >= rate:
            return ""
        return self._struck(self.dice.choice(kinds))

    def _struck(self, kind: str) -> str:
        self.counts[kind] += 1
        return kind


def names_of(call: Call) -> tuple[str, ...]:
    """Return the client ids that a call is about."""
    if isinstance(call, Place):
        return (call.intent.client_id,)
    if isinstance(call, PlaceMany):
        return tuple(intent.client_id for intent in call.intents)
    name = getattr(call, "client_id", None)
    return (name,) if isinstance(name, str) else ()
