"""World: an account, the exchange and a faulty network in virtual time; one seed is one history.

The journal is the only thing that survives a crash, and of what was not yet synced only a part, as on a disk. Nothing
here sleeps or asks a clock.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Final

from qt_ray.core.orders import Intent, OrderType
from qt_ray.execution.gateway.book import RESTING
from qt_ray.execution.gateway.budget import weight_of
from qt_ray.execution.gateway.effects import Send
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Answer, Throttled
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import UsageView
from tests.simulation import process
from tests.simulation.checker import Disagreements
from tests.simulation.network import Network, Rates, names_of
from tests.simulation.process import Died, Memory, Process
from tests.simulation.protection import Watch
from tests.simulation.requests import Requests, placed_by
from tests.simulation.stream import Stream
from tests.simulation.timeline import Timeline
from tests.simulation.turns import Turns
from tests.simulation.venue import STEP, SYMBOLS, Venue
from tests.simulation.workload import Workload, amended

START_MS: Final = 1_700_000_100_000
ACTIVE_MS: Final = 20_000
QUIET_MS: Final = 90_000
CALM_MS: Final = 10_000
EPOCH: Final = 7
EFFECTS_MAX: Final = 8
DISTANCES: Final = (Decimal("0.05"), Decimal("0.05"), Decimal("0.01"), Decimal("0.002"))
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
        self.turns = Turns(Random(seed + 4), self.timeline, self.venue)
        self.watch = Watch(self.venue)
        self.memory = Memory(START_MS)
        self.left: Counter[str] = Counter()
        self.weights: Counter[int] = Counter()
        self.orphans: list[str] = []
        self.entries_after_emergency = 0
        self.process: Process | None = None
        self.disagreements = Disagreements(self.venue)
        self.stream = Stream(self.timeline, self.network, self.venue, self.disagreements, self._tell, self._compare)
        self._requests = Requests(self.timeline, self.network, self.venue, rules.receive_window_ms, self.stream.carry)
        self.effects = 0
        self._distance = self.dice.choice(DISTANCES)
        self._dies_after = dies_after
        self._fuse: int | None = None
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
        seen = -1
        while self.timeline.step(self.end_ms + QUIET_MS):
            self.stream.carry()
            if self.stream.said != seen:
                seen = self.stream.said
                self.watch.look(self.now_ms)
            self.watch.ask(self.process, self.now_ms)
            if self.now_ms > self.end_ms + CALM_MS and self.is_settled:
                return

    @property
    def is_settled(self) -> bool:
        """Return whether no question is left, and nothing is to the account what it is not to the venue."""
        if self.process is None or self.disagreements.open or not self.process.gateway.is_settled:
            return False
        custody = self.process.custody
        return custody.why_closed(self.now_ms) is None and self.venue.agrees(custody.books) and not self.watch.open

    def _plan(self) -> None:
        for at_ms in self.workload.moments(START_MS, self.end_ms):
            self.timeline.after(at_ms - START_MS, self._want)
        for moment in range(500, ACTIVE_MS, 1_000):
            self.timeline.after(moment, self.stream.trouble)
        for moment in (*range(0, ACTIVE_MS, 250), *range(ACTIVE_MS, ACTIVE_MS + QUIET_MS, 1_000)):
            self.timeline.after(moment, lambda: self.venue.move(self.dice.choice(SYMBOLS), self.now_ms))
        if self.dice.random() < 0.2:
            self.timeline.after(self.dice.randint(ACTIVE_MS // 2, ACTIVE_MS), self._declare_emergency)
        self.turns.plan(ACTIVE_MS)

    # The process

    def _start(self) -> None:
        """Begin, or begin again, with the journal as the only memory."""
        reach = process.World(lambda: self.now_ms, self._send, self._burn, self._compare)
        self.process = Process(self.memory, self.rules, self._distance, self._fence(), reach)
        self._life += 1
        self.disagreements.forget_all_but(set(self.process.gateway.book.orders))
        self._live(Process.begin)
        self.timeline.after(self.network.delay_ms(), self.stream.connect)

    def _fence(self) -> Fence:
        return Fence(EPOCH + self._is_emergency, self.end_ms + QUIET_MS, self._is_emergency)

    def _declare_emergency(self) -> None:
        self._is_emergency = True
        if self.process is not None:
            self.process.fence = self._fence()
            self._live(Process.show_fence)

    def _live(self, act: Callable[[Process], None]) -> bool:
        """Let the process do something; return whether it lived through it."""
        if self.process is None:
            return False
        self._fuse = self.dice.randint(0, EFFECTS_MAX) if self.network.crashes(self.now_ms) else None
        try:
            act(self.process)
            self.process.release()
            if self._fuse is not None:
                raise Died
        except Died:
            self._crash()
            return False
        self._set_tick()
        return True

    def _burn(self) -> None:
        """Count an effect, before which the process may die."""
        if self._fuse == 0 or self.effects == self._dies_after:
            self.effects += 1
            raise Died
        self.effects += 1
        self._fuse = None if self._fuse is None else self._fuse - 1

    def _crash(self) -> None:
        """Die: of what was not synced some survives, and nobody waits for answers any more."""
        self.memory.survive(self.dice)
        self.process = None
        self._fuse = None
        self.stream.cut()
        for name in self.venue.accepted:
            self.disagreements.note(name, "crash")
        self.timeline.after(self.dice.randint(50, 500), self._start)

    def _set_tick(self) -> None:
        if self.process is None:
            return
        due_ms = self.process.next_ms
        if self._tick_ms is not None and self.now_ms < self._tick_ms <= due_ms:
            return
        self._tick_ms = max(due_ms, self.now_ms + 1)
        self.timeline.after(self._tick_ms - self.now_ms, lambda: self._live(Process.tick) and None)

    # What is wanted, asked and told

    def _want(self) -> None:
        kind = self.dice.random()
        open_orders = () if self.process is None else self.process.gateway.book.open()
        resting = [tracked for tracked in open_orders if isinstance(tracked.order, RESTING)]
        limits = [t.intent for t in resting if t.intent.type is OrderType.LIMIT]
        if kind < 0.15 and resting:
            name = self.dice.choice(resting).intent.client_id
            self._live(lambda p: p.carry(p.gateway.cancel(name, "changed our mind", self.now_ms)))
        elif kind < 0.3 and limits:
            intent = amended(self.dice, self.dice.choice(limits))
            self._live(lambda p: p.carry(p.gateway.amend(intent, self.now_ms)))
        else:
            self._insist(self.workload.intents(self.venue, self.now_ms))

    def _insist(self, intents: tuple[Intent, ...]) -> None:
        """Want intents until the process has lived through it: whoever decides repeats himself after a crash."""
        if not self._live(lambda p: p.carry(p.gateway.want_all(intents, self.now_ms))):
            self.timeline.after(300, lambda: self._insist(intents))

    def _send(self, sent: Send) -> None:
        call = sent.call
        fault = self.network.request(call, self.now_ms)
        for name in names_of(call) if fault else ():
            self.disagreements.note(name, fault)
        self.left.update(placed_by(call))
        self.weights[self.now_ms // 60_000] += weight_of(call)
        self.orphans += [name for name in placed_by(call) if name not in self.memory.durable]
        opens = any(not intent.reduce_only for intent in getattr(call, "intents", ()))
        opens = opens or not getattr(getattr(call, "intent", None), "reduce_only", True)
        self.entries_after_emergency += self._is_emergency and opens
        life = self._life
        self._requests.send(call, fault, lambda answer: self._answer(life, sent, answer))

    def _answer(self, life: int, sent: Send, answer: Answer[Any]) -> None:
        if isinstance(answer, Throttled):
            self.left.subtract(placed_by(sent.call))  # it was not looked at: to send it again is not to send it twice
        if life == self._life:
            self._live(lambda p: p.answer(sent.call_id, answer, self._usage()))

    def _usage(self) -> UsageView:
        """Return what the venue has counted, as it says in every answer."""
        return UsageView(self.weights[self.now_ms // 60_000], None, None, self.now_ms)

    def _tell(self, news: News) -> None:
        self._live(lambda p: p.hear(news))

    def _compare(self, name: str) -> None:
        tracked = self.process.gateway.book.orders.get(name) if self.process else None
        if tracked is not None:
            self.disagreements.compare(tracked, self.now_ms)
