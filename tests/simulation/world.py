"""World: the gateway, the exchange and a faulty network in virtual time; one seed is one history.

The journal is the only thing that survives a crash, and of what was not yet synced only a part, as on a disk. Nothing
here sleeps or asks a clock.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Final

from qt_ray.core.codec import canonical, decode
from qt_ray.core.orders import Intent, OrderType
from qt_ray.execution.gateway.book import RESTING, replay
from qt_ray.execution.gateway.budget import weight_of
from qt_ray.execution.gateway.effects import Effect, Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.records import Record, Sent, Wanted, record_of
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Answer, Call, Throttled
from qt_ray.execution.venue.news import News
from tests.simulation.checker import Disagreements
from tests.simulation.network import Network, Rates, names_of
from tests.simulation.requests import Requests, placed_by
from tests.simulation.stream import Stream
from tests.simulation.timeline import Timeline
from tests.simulation.venue import STEP, SYMBOLS, Venue
from tests.simulation.workload import Workload, amended

START_MS: Final = 1_700_000_100_000
ACTIVE_MS: Final = 20_000
QUIET_MS: Final = 60_000
CALM_MS: Final = 10_000
EPOCH: Final = 7
RULES: Final = Rules(receive_window_ms=2_000, countdown_ms=10_000, residual_min=dict.fromkeys(SYMBOLS, STEP * 10))


class World:
    """One history; what the checker wants to know of it is public."""

    def __init__(self, seed: int, rates: Rates, rules: Rules = RULES, dies_after: int | None = None) -> None:
        """Begin a history; `dies_after` so many effects the process dies once, whatever the dice say."""
        self.timeline = Timeline(START_MS)
        self.end_ms = START_MS + ACTIVE_MS
        self.rules = rules
        self.dice = Random(seed)
        self.network = Network(Random(seed + 1), rates, self.end_ms)
        self.venue = Venue(Random(seed + 2), START_MS)
        self.workload = Workload(Random(seed + 3), EPOCH)
        self.journal: list[Record] = []
        self.synced = 0
        self.durable: set[str] = set()
        self.left: Counter[str] = Counter()
        self.weights: Counter[int] = Counter()
        self.orphans: list[str] = []
        self.entries_after_emergency = 0
        self.gateway: Gateway | None = None
        self.disagreements = Disagreements(self.venue)
        self.stream = Stream(self.timeline, self.network, self.venue, self.disagreements, self._tell, self._compare)
        self._requests = Requests(self.timeline, self.network, self.venue, rules.receive_window_ms, self.stream.carry)
        self.effects = 0
        self._dies_after = dies_after
        self._is_emergency = False
        self._life = 0
        self._tick_ms: int | None = None

    @property
    def now_ms(self) -> int:
        """Return the time."""
        return self.timeline.now_ms

    def run(self) -> None:
        """Let everything happen, until all has been quiet and is settled, or the time for that is over."""
        self._start()
        self._plan()
        while self.timeline.step(self.end_ms + QUIET_MS):
            self.stream.carry()
            if self.now_ms > self.end_ms + CALM_MS and self.is_settled:
                return

    @property
    def is_settled(self) -> bool:
        """Return whether the gateway has no question left, and no order is to it what it is not to the venue."""
        return self.gateway is not None and self.gateway.is_settled and not self.disagreements.open

    def _plan(self) -> None:
        for at_ms in self.workload.moments(START_MS, self.end_ms):
            self.timeline.after(at_ms - START_MS, self._want)
        for moment in range(500, ACTIVE_MS, 1_000):
            self.timeline.after(moment, self.stream.trouble)
        for moment in range(0, ACTIVE_MS, 250):
            self.timeline.after(moment, lambda: self.venue.move(self.dice.choice(SYMBOLS), self.now_ms))
        if self.dice.random() < 0.2:
            self.timeline.after(self.dice.randint(ACTIVE_MS // 2, ACTIVE_MS), self._declare_emergency)

    # The process

    def _start(self) -> None:
        """Begin, or begin again, with the journal as the only memory."""
        self.gateway = Gateway(self.rules, replay(record_of(decode(canonical(r))) for r in self.journal))
        self._life += 1
        self.disagreements.forget_all_but(set(self.gateway.book.orders))
        self._give(lambda gateway: gateway.fenced(self._fence(), self.now_ms))
        self._give(lambda gateway: gateway.recovered(self.now_ms))
        self.timeline.after(self.network.delay_ms(), self.stream.connect)

    def _fence(self) -> Fence:
        return Fence(EPOCH + self._is_emergency, self.end_ms + QUIET_MS, self._is_emergency)

    def _declare_emergency(self) -> None:
        self._is_emergency = True
        self._give(lambda gateway: gateway.fenced(self._fence(), self.now_ms))

    def _give(self, take: Callable[[Gateway], list[Effect]]) -> bool:
        """Give the gateway an input and carry out its effects; return whether the process lived through it."""
        if self.gateway is None:
            return False
        effects = take(self.gateway)
        dies_at = self._death(len(effects))
        for effect in effects[:dies_at]:
            self._carry_out(effect)
        if dies_at is not None:
            self._crash()
            return False
        self._sync()
        self._set_tick()
        return True

    def _death(self, count: int) -> int | None:
        """Return after how many of these effects the process dies, if it does."""
        first, self.effects = self.effects, self.effects + count
        if self._dies_after is not None and first <= self._dies_after < self.effects:
            return self._dies_after - first
        return self.dice.randint(0, count) if count and self.network.crashes(self.now_ms) else None

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Write):
            record = effect.record
            self.journal.append(record)
            self._compare(record.intent.client_id if isinstance(record, Wanted) else record.client_id)
        elif isinstance(effect, Send):
            self._sync()
            self._send(effect.call_id, effect.call)

    def _sync(self) -> None:
        self.durable |= {record.client_id for record in self.journal[self.synced :] if isinstance(record, Sent)}
        self.synced = len(self.journal)

    def _crash(self) -> None:
        """Die: of what was not synced some survives, and nobody waits for answers any more."""
        self.journal = self.journal[: self.dice.randint(self.synced, len(self.journal))]
        self._sync()
        self.gateway = None
        self.stream.cut()
        for name in self.venue.accepted:
            self.disagreements.note(name, "crash")
        self.timeline.after(self.dice.randint(50, 500), self._start)

    def _set_tick(self) -> None:
        due_ms = self.gateway.next_ms if self.gateway else None
        if due_ms is None or (self._tick_ms is not None and self.now_ms < self._tick_ms <= due_ms):
            return
        self._tick_ms = max(due_ms, self.now_ms + 1)
        self.timeline.after(self._tick_ms - self.now_ms, lambda: self._give(lambda g: g.ticked(self.now_ms)) and None)

    # What is wanted, asked and told

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
            self.timeline.after(300, lambda: self._insist(intents))

    def _send(self, call_id: int, call: Call) -> None:
        fault = self.network.request(call, self.now_ms)
        for name in names_of(call) if fault else ():
            self.disagreements.note(name, fault)
        self.left.update(placed_by(call))
        self.weights[self.now_ms // 60_000] += weight_of(call)
        self.orphans += [name for name in placed_by(call) if name not in self.durable]
        opens = any(not intent.reduce_only for intent in getattr(call, "intents", ()))
        opens = opens or not getattr(getattr(call, "intent", None), "reduce_only", True)
        self.entries_after_emergency += self._is_emergency and opens
        life = self._life
        self._requests.send(call, fault, lambda answer: self._answer(life, call_id, call, answer))

    def _answer(self, life: int, call_id: int, call: Call, answer: Answer[Any]) -> None:
        if isinstance(answer, Throttled):
            self.left.subtract(placed_by(call))  # it was not looked at, so to send it again is not to send it twice
        if life == self._life:
            self._give(lambda gateway: gateway.answered(call_id, answer, self.now_ms))

    def _tell(self, news: News) -> None:
        self._give(lambda gateway: gateway.heard(news, self.now_ms))

    def _compare(self, name: str) -> None:
        tracked = self.gateway.book.orders.get(name) if self.gateway else None
        if tracked is not None:
            self.disagreements.compare(tracked, self.now_ms)
