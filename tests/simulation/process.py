"""Process: gateway and custody of one life, and the memory that is all the next one has.

It does what the real shells do, effect by effect, and may die before any of them. What one input leads to is one turn,
synced at its end before any call of it leaves; of a turn that ends earlier only a part survives, as on a disk.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Final

from qt_ray.core.effects import Alert
from qt_ray.execution.books import Books
from qt_ray.execution.custody import TAG, Custody
from qt_ray.execution.deeds import Ask, Deed, Post, Unwant, Want
from qt_ray.execution.entries import Moved, Opening, Traded
from qt_ray.execution.exchange.shown import symbol_rules
from qt_ray.execution.gateway.book import Book, replay
from qt_ray.execution.gateway.effects import Effect, Send, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.records import Record, Sent, Wanted
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Answer
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import RulesView, UsageView
from tests.simulation.venue import SYMBOLS, WALLET, listing

Entry = Traded | Moved
Line = Record | Entry
LISTED: Final = RulesView({symbol: symbol_rules(listing(symbol)) for symbol in SYMBOLS}, 2_400, 300, 1_200, 0)
QUOTES: Final = dict.fromkeys(SYMBOLS, "USDT")


class Died(Exception):
    """The process is no more."""


@dataclass(slots=True)
class Memory:
    """The journal: what was written, and how much of it is promised."""

    opened_ms: int
    journal: list[Line] = field(default_factory=list)
    synced: int = 0
    durable: set[str] = field(default_factory=set)

    def sync(self) -> None:
        """Promise all that was written."""
        self.durable |= {line.client_id for line in self.journal[self.synced :] if isinstance(line, Sent)}
        self.synced = len(self.journal)

    def survive(self, dice: Random) -> None:
        """Keep what was promised, and of the rest what the disk happens to have."""
        self.journal = self.journal[: dice.randint(self.synced, len(self.journal))]
        self.sync()

    def book(self) -> Book:
        """Return the orders that the journal tells of."""
        return replay(line for line in self.journal if not isinstance(line, Entry))

    def books(self) -> Books:
        """Return the ledger that the journal tells of."""
        entries = [line for line in self.journal if isinstance(line, Entry)]
        return Books.of(Opening(self.opened_ms - 1, {"USDT": WALLET}), QUOTES, entries)


@dataclass(slots=True)
class World:
    """What a process reaches of its world."""

    now_ms: Callable[[], int]
    send: Callable[[Send], None]
    burn: Callable[[], None]
    compare: Callable[[str], None]


class Process:
    """One life of the account."""

    def __init__(self, memory: Memory, rules: Rules, distance: Decimal, fence: Fence, world: World) -> None:
        self.gateway = Gateway(rules, memory.book())
        self.custody = Custody(self.gateway.book, memory.books(), LISTED, "guard", distance)
        self.alerts: list[Alert] = []
        self.fence = fence
        self._memory = memory
        self._world = world
        self._effects: deque[Effect] = deque()
        self._leaving: deque[Send] = deque()
        self._is_carrying = False
        self._weight: int | None = None

    def begin(self) -> None:
        """Ask for all that the journal leaves open."""
        self.show_fence()
        self.carry(self.gateway.recovered(self._world.now_ms()))

    def hear(self, news: News) -> None:
        """Take in what the venue says: the gateway first."""
        now_ms = self._world.now_ms()
        self.carry(self.gateway.heard(news, now_ms))
        self.do(self.custody.heard(news, now_ms))

    def answer(self, call_id: int, answer: Answer[Any], usage: UsageView) -> None:
        """Take in what came of a call, and what the venue has counted."""
        now_ms = self._world.now_ms()
        if usage.weight_minute != self._weight:
            self._weight = usage.weight_minute
            self.carry(self.gateway.metered(usage, now_ms))
        self.carry(self.gateway.answered(call_id, answer, now_ms))

    def tick(self) -> None:
        """Do what time alone makes due."""
        now_ms = self._world.now_ms()
        self.carry(self.gateway.ticked(now_ms))
        if now_ms >= self.custody.next_ms:
            self.do(self.custody.ticked(now_ms))

    @property
    def next_ms(self) -> int:
        """Return when to tick next."""
        due_ms = self.gateway.next_ms
        return self.custody.next_ms if due_ms is None else min(due_ms, self.custody.next_ms)

    def release(self) -> None:
        """End a turn: promise what was written, and only then let calls leave."""
        self._memory.sync()
        while self._leaving:
            self._world.burn()
            self._world.send(self._leaving.popleft())

    def show_fence(self) -> None:
        """Let the gateway know whether entries may leave."""
        now_ms = self._world.now_ms()
        closed = self.custody.why_closed(now_ms) or ""
        shown = Fence(self.fence.epoch, self.fence.lease_until_ms, self.fence.emergency, closed=closed)
        if shown != self.gateway.fence:
            self.carry(self.gateway.fenced(shown, now_ms))

    def carry(self, effects: list[Effect]) -> None:
        """Carry effects out: what is to be written at once, the rest in its turn."""
        for effect in effects:
            if isinstance(effect, Write):
                self._write(effect.record)
        self._effects.extend(effect for effect in effects if not isinstance(effect, Write))
        if self._is_carrying:
            return
        self._is_carrying = True
        while self._effects:
            self._world.burn()
            self._carry_one(self._effects.popleft())
        self._is_carrying = False

    def do(self, deeds: list[Deed]) -> None:
        """Do what custody wants: journal first, then its books, then the rest."""
        posts = [deed.entry for deed in deeds if isinstance(deed, Post)]
        for entry in posts:
            self._world.burn()
            self._memory.journal.append(entry)
        if posts:
            deeds = deeds + self.custody.posted(posts, self._world.now_ms())
        for deed in deeds:
            self._world.burn()
            self._do_one(deed)
        self.show_fence()

    def _write(self, record: Record) -> None:
        self._world.burn()
        self._memory.journal.append(record)
        self._world.compare(record.intent.client_id if isinstance(record, Wanted) else record.client_id)

    def _carry_one(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._leaving.append(effect)
            return
        if isinstance(effect, Alert):
            self.alerts.append(effect)
        self.do(self.custody.overheard(effect, self._world.now_ms()))

    def _do_one(self, deed: Deed) -> None:
        now_ms = self._world.now_ms()
        if isinstance(deed, Want):
            self.carry(self.gateway.want(deed.intent, now_ms))
        elif isinstance(deed, Unwant):
            self.carry(self.gateway.cancel(deed.client_id, deed.reason, now_ms))
        elif isinstance(deed, Ask):
            self.carry(self.gateway.ask(deed.call, deed.lane, TAG, now_ms))
        elif isinstance(deed, Alert):
            self.alerts.append(deed)
