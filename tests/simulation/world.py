"""World: the gateway, the exchange and a faulty network in virtual time; one seed is one history.

The journal is the only thing that survives a crash. What was written and not yet synced survives in part, as on a
disk. Nothing here sleeps or asks a clock: the next thing that happens is the earliest in a heap.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from qt_ray.core.codec import canonical, decode
from qt_ray.core.effects import Publish
from qt_ray.core.orders import Intent, OrderType
from qt_ray.core.payloads import TradeExecuted
from qt_ray.execution.gateway.book import RESTING, replay
from qt_ray.execution.gateway.effects import Declined, Effect, Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.records import Record, Sent, Wanted, record_of
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import (
    Answer,
    Call,
    Done,
    Place,
    PlaceMany,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.news import AlgoNews, News, OrderNews, StreamDown, StreamUp
from tests.simulation.checker import Disagreements
from tests.simulation.network import Network, Rates, names_of
from tests.simulation.venue import ACCOUNT, STEP, SYMBOLS, Venue
from tests.simulation.workload import Workload, amended

START_MS: Final = 1_700_000_100_000
ACTIVE_MS: Final = 20_000
QUIET_MS: Final = 40_000
RULES: Final = Rules(receive_window_ms=2_000, countdown_ms=10_000, residual_min=dict.fromkeys(SYMBOLS, STEP * 10))
EPOCH: Final = 7


@dataclass(order=True, slots=True)
class Happening:
    """Something that will happen."""

    at_ms: int
    number: int
    what: Callable[[], None] = field(compare=False)


class World:
    """One history."""

    def __init__(self, seed: int, rates: Rates, rules: Rules = RULES) -> None:
        self.now_ms = START_MS
        self.end_ms = START_MS + ACTIVE_MS
        self.rules = rules
        self.dice = Random(seed)
        self.network = Network(Random(seed + 1), rates, self.end_ms)
        self.venue = Venue(Random(seed + 2), START_MS)
        self.workload = Workload(Random(seed + 3), EPOCH)
        self.journal: list[Record] = []
        self.synced = 0
        self.events: dict[str, TradeExecuted] = {}
        self.sends: list[tuple[int, Call]] = []
        self.resent: dict[str, int] = {}
        self.orphans: list[str] = []
        self.declined: list[Declined] = []
        self.entries_after_emergency = 0
        self.emergency_ms: int | None = None
        self.gateway: Gateway | None = None
        self._heap: list[Happening] = []
        self._number = 0
        self._life = 0
        self._calls: dict[int, Call] = {}
        self._connection = 0
        self._hears = False
        self._stalled_until_ms = 0
        self._last_event_ms = 0
        self._tick_ms: int | None = None
        self.disagreements = Disagreements(self.venue)

    # Time

    def run(self) -> None:
        """Let everything happen, until all is quiet and settled or the time for that is over."""
        self._start()
        self._plan()
        while self._heap and self._heap[0].at_ms <= self.end_ms + QUIET_MS:
            happening = heappop(self._heap)
            self.now_ms = max(self.now_ms, happening.at_ms)
            happening.what()
            self._listen()
            if self.now_ms > self.end_ms + 5_000 and self.gateway is not None and self._is_over():
                return

    def after(self, delay_ms: int, what: Callable[[], None]) -> None:
        """Let something happen in so long."""
        self._number += 1
        heappush(self._heap, Happening(self.now_ms + delay_ms, self._number, what))

    def _is_over(self) -> bool:
        return self.gateway is not None and self.gateway.is_settled and not self.disagreements.open

    def _plan(self) -> None:
        for at_ms in self.workload.moments(START_MS, self.end_ms):
            self.after(at_ms - START_MS, self._want)
        for second in range(0, ACTIVE_MS, 1_000):
            self.after(second + 500, self._trouble_the_stream)
        for moment in range(0, ACTIVE_MS, 250):
            self.after(moment, lambda: self.venue.move(self.dice.choice(SYMBOLS), self.now_ms))
        if self.dice.random() < 0.2:
            self.after(self.dice.randint(ACTIVE_MS // 2, ACTIVE_MS), self._declare_emergency)

    # The process

    def _start(self) -> None:
        """Begin, or begin again, with the journal as the only memory."""
        copies = [record_of(decode(canonical(record))) for record in self.journal]
        self.gateway = Gateway(self.rules, replay(copies))
        self._life += 1
        self.disagreements.forget_all_but(set(self.gateway.book.orders))
        self._give(lambda gateway: gateway.fenced(self._fence(), self.now_ms))
        self._give(lambda gateway: gateway.recovered(self.now_ms))
        self.after(self.network.delay_ms(), self._connect)

    def _fence(self) -> Fence:
        if self.emergency_ms is None:
            return Fence(EPOCH, self.end_ms + QUIET_MS)
        return Fence(EPOCH + 1, self.end_ms + QUIET_MS, emergency=True)

    def _declare_emergency(self) -> None:
        self.emergency_ms = self.now_ms
        self._give(lambda gateway: gateway.fenced(self._fence(), self.now_ms))

    def _give(self, take: Callable[[Gateway], list[Effect]]) -> bool:
        """Give the gateway an input and carry out its effects; return whether the process lived through it."""
        if self.gateway is None:
            return False
        effects = take(self.gateway)
        last = self.dice.randint(0, len(effects)) if effects and self.network.crashes(self.now_ms) else None
        for effect in effects[:last]:
            self._carry_out(effect)
        if last is not None:
            self._crash()
            return False
        self.synced = len(self.journal)
        self._set_tick()
        return True

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Write):
            self.journal.append(effect.record)
            record = effect.record
            self._compare(record.intent.client_id if isinstance(record, Wanted) else record.client_id)
        elif isinstance(effect, Send):
            self.synced = len(self.journal)
            self._send(effect.call_id, effect.call)
        elif isinstance(effect, Declined):
            self.declined.append(effect)
        elif isinstance(effect, Publish) and isinstance(effect.event.payload, TradeExecuted):
            self.events[effect.event.id] = effect.event.payload

    def _crash(self) -> None:
        """Die: of what was not synced some survives, and nobody waits for answers any more."""
        self.journal = self.journal[: self.dice.randint(self.synced, len(self.journal))]
        self.synced = len(self.journal)
        self.gateway = None
        self._connection += 1
        self._hears = False
        for name in self.venue.accepted:
            self.disagreements.note(name, "crash")
        self.after(self.dice.randint(50, 500), self._start)

    def _set_tick(self) -> None:
        due_ms = self.gateway.next_ms if self.gateway else None
        if due_ms is None or (self._tick_ms is not None and self.now_ms < self._tick_ms <= due_ms):
            return
        self._tick_ms = max(due_ms, self.now_ms + 1)
        self.after(self._tick_ms - self.now_ms, self._tick)

    def _tick(self) -> None:
        self._give(lambda gateway: gateway.ticked(self.now_ms))

    # What is wanted

    def _want(self) -> None:
        kind = self.dice.random()
        resting = [] if self.gateway is None else [t for t in self.gateway.book.open() if isinstance(t.order, RESTING)]
        limits = [t.intent for t in resting if t.intent.type is OrderType.LIMIT]
        if kind < 0.15 and resting:
            name = self.dice.choice(resting).intent.client_id
            self._give(lambda gateway: gateway.cancel(name, "changed our mind", self.now_ms))
        elif kind < 0.3 and limits:
            intent = amended(self.dice, self.dice.choice(limits))
            self._give(lambda gateway: gateway.amend(intent, self.now_ms))
        else:
            self._insist(self.workload.intents(self.venue, self.now_ms))

    def _insist(self, intents: tuple[Intent, ...]) -> None:
        """Want intents until the gateway has lived through it: whoever decides repeats himself after a crash."""
        if not self._give(lambda gateway: gateway.want_all(intents, self.now_ms)):
            self.after(300, lambda: self._insist(intents))

    # Requests

    def _send(self, call_id: int, call: Call) -> None:
        fault = self.network.request(call, self.now_ms)
        self._calls[call_id] = call
        self._note_send(call)
        for name in names_of(call):
            if fault:
                self.disagreements.note(name, fault)
        life, there_ms, back_ms = self._life, self.network.delay_ms(), self.network.delay_ms()
        window_ms = self.rules.receive_window_ms

        def arrive(answers_in_ms: int | None, altered: Answer[Any] | None = None) -> None:
            answer = self._ask(call)
            if answers_in_ms is not None:
                self.after(answers_in_ms, lambda: self._answer(life, call_id, altered or answer))

        def say(answer: Answer[Any], in_ms: int) -> None:
            self.after(in_ms, lambda: self._answer(life, call_id, answer))

        if fault == "request lost":
            say(Unsure("no answer"), 2_000)
        elif fault == "answer lost":
            self.after(there_ms, lambda: arrive(None))
            say(Unsure("no answer"), 2_000)
        elif fault == "answer late":
            self.after(there_ms, lambda: arrive(self.network.delay_ms(2_000, 12_000)))
        elif fault == "unknown after accept":
            self.after(there_ms, lambda: arrive(back_ms, Unsure("-1007")))
        elif fault == "unknown before accept":
            say(Unsure("-1007"), there_ms + back_ms)
        elif fault == "request slow":
            self.after(self.network.delay_ms(300, window_ms), lambda: arrive(None))
            say(Unsure("no answer"), 100)
        elif fault == "request stale":
            say(Refused(-1021, "Timestamp for this request is outside of the recvWindow."), window_ms + 3_000)
        elif fault == "request repeated":
            self.after(there_ms, lambda: arrive(back_ms))
            self.after(there_ms + self.network.delay_ms(1, 50), lambda: self._repeat(call))
        elif fault == "throttled":
            say(Throttled(-1003, self.network.delay_ms(200, 1_500)), there_ms + back_ms)
        elif fault == "failed":
            say(Refused(-503, "Service Unavailable."), there_ms + back_ms)
        elif fault == "list garbled":
            self.after(there_ms, lambda: self._garble(life, call_id, call, back_ms))
        else:
            self.after(there_ms, lambda: arrive(back_ms))

    def _note_send(self, call: Call) -> None:
        placed = call.intents if isinstance(call, PlaceMany) else (call.intent,) if isinstance(call, Place) else ()
        sent = {r.client_id for r in self.journal[: self.synced] if isinstance(r, Sent)} if placed else set()
        for intent in placed:
            self.resent[intent.client_id] = self.resent.get(intent.client_id, 0) + 1
            if intent.client_id not in sent:
                self.orphans.append(intent.client_id)
            if self.emergency_ms is not None and not intent.reduce_only:
                self.entries_after_emergency += 1

    def _ask(self, call: Call) -> Answer[Any]:
        answer = self.venue.ask(call, self.now_ms)
        self._listen()
        return answer

    def _repeat(self, call: Call) -> None:
        """Let a middle box send a request again; a real venue would trade an ended order's name again, so not that."""
        still_open = {order.client_id for order in self.venue.exchange.open_orders(ACCOUNT)}
        still_open |= {algo.client_id for algo in self.venue.exchange.open_algos(ACCOUNT)}
        if not isinstance(call, Place | PlaceMany) or set(names_of(call)) <= still_open:
            self._ask(call)

    def _garble(self, life: int, call_id: int, call: Call, back_ms: int) -> None:
        answer = self._ask(call)
        if isinstance(answer, Done) and answer.value:
            answer = Done(answer.value[1:], unread=("quantity: a number is digits",))
        self.after(back_ms, lambda: self._answer(life, call_id, answer))

    def _answer(self, life: int, call_id: int, answer: Answer[Any]) -> None:
        if isinstance(answer, Throttled) and life == self._life and self.gateway is not None:
            self._forgive(call_id)
        if life == self._life:
            self._give(lambda gateway: gateway.answered(call_id, answer, self.now_ms))

    def _forgive(self, call_id: int) -> None:
        """A throttled request was not looked at, so to send it again is not to send it twice."""
        call = self._calls[call_id]
        for name in names_of(call) if isinstance(call, Place | PlaceMany) else ():
            self.resent[name] -= 1

    # The stream

    def _connect(self) -> None:
        self._connection += 1
        self._hears = True
        self._give(lambda gateway: gateway.heard(StreamUp(self.now_ms), self.now_ms))

    def _trouble_the_stream(self) -> None:
        fault = self.network.stream(self.now_ms)
        if fault == "stream stalled":
            self._stalled_until_ms = self.now_ms + self.dice.randint(1_000, 6_000)
        elif fault == "stream closed" and self._hears:
            self._hears = False
            self._connection += 1
            down_ms = self.dice.randint(0, 1_000)
            connection = self._connection
            self.after(down_ms, lambda: self._lose(connection))

    def _lose(self, connection: int) -> None:
        if connection == self._connection and self.gateway is not None:
            self._give(lambda gateway: gateway.heard(StreamDown(self.now_ms, "closed"), self.now_ms))
            self.after(self.dice.randint(50, 1_500), self._connect)

    def _listen(self) -> None:
        """Carry what the venue has said towards us, through whatever the stream suffers."""
        for news in self.venue.news():
            name = news.client_id if isinstance(news, OrderNews | AlgoNews) else ""
            self._compare(name)
            if not self._hears or self.now_ms < self._stalled_until_ms:
                self.disagreements.note(name, "stream closed" if not self._hears else "stream stalled")
                continue
            fault = self.network.event(self.now_ms)
            if fault:
                self.disagreements.note(name, fault)
            if fault != "event lost":
                self._deliver(news, fault)

    def _deliver(self, news: News, fault: str) -> None:
        connection = self._connection

        def reach() -> None:
            if connection == self._connection:
                self._give(lambda gateway: gateway.heard(news, self.now_ms))

        self._last_event_ms = max(self._last_event_ms, self.now_ms + self.network.delay_ms())
        held_ms = self.network.delay_ms(50, 800) if fault == "event held" else 0
        self.after(self._last_event_ms - self.now_ms + held_ms, reach)
        if fault == "event repeated":
            self.after(self._last_event_ms - self.now_ms + self.network.delay_ms(0, 500), reach)

    def _compare(self, name: str) -> None:
        tracked = self.gateway.book.orders.get(name) if self.gateway else None
        if tracked is not None:
            self.disagreements.compare(tracked, self.now_ms)


