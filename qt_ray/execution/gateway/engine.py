"""Engine: an approved intent becomes at most one order at the venue, and its whole truth comes back.

Every input brings its time and takes all effects with it, in order. An intent is journalled before it is sent, what
nobody answers for is asked after and never sent again, and entries pass the fence twice. State that must survive
is the book; the rest (queue, questions, timers) is made anew after a restart by asking.
"""

from itertools import groupby
from typing import Any

from qt_ray.core.effects import Lane, PlaceOrder, Severity
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Intent, OrderType, Planned, Rejected, Submitted, TimeInForce
from qt_ray.execution.gateway.answers import Answers
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.countdown import Countdowns
from qt_ray.execution.gateway.dispatch import Dispatch
from qt_ray.execution.gateway.door import Door, Family, Listed
from qt_ray.execution.gateway.effects import Answered, Declined, Effect
from qt_ray.execution.gateway.endings import Endings
from qt_ray.execution.gateway.fence import Fence, Gate, ungated
from qt_ray.execution.gateway.lanes import Waiting
from qt_ray.execution.gateway.questions import Questions
from qt_ray.execution.gateway.records import Ending, Heard, Wanted
from qt_ray.execution.gateway.remainder import delay_ms, remainder
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.gateway.truth import Truth
from qt_ray.execution.lifecycle import News as OrderWord
from qt_ray.execution.lifecycle import Signal
from qt_ray.execution.venue.calls import BATCH_MAX, Amend, Answer, Call, Place, PlaceMany
from qt_ray.execution.venue.news import AlgoNews, News, OrderNews, StreamDown, StreamUp
from qt_ray.execution.venue.views import UsageView


class Gateway:
    """Inputs in, effects out; one per account."""

    def __init__(
        self,
        rules: Rules,
        book: Book | None = None,
        source: str = "gateway",
        listed: Listed = lambda symbol: None,
        gate: Gate = ungated,
    ) -> None:
        """Begin with `book`, empty if there is none; entries are held to the rules of their symbol where `listed`."""
        self.book = Book(rules.ended_max, rules.spent_max) if book is None else book
        self._rules = rules
        self._chronicle = Chronicle(self.book, source)
        self._questions = Questions(rules, self._chronicle, lambda call, at_ms: self._dispatch.ask(call, at_ms))
        self._truth = Truth(rules, self._chronicle, self._questions)
        self._dispatch = Dispatch(rules, self._chronicle, self._truth.is_blocked, gate)
        self._door = Door(rules, self.book, self._dispatch, self._truth, listed)
        self._endings = Endings(rules, self._chronicle, self._dispatch)
        self._countdowns = Countdowns(rules.countdown_ms)
        self._answers = Answers(self._chronicle, self._truth, self._questions, self._dispatch, self._countdowns)
        self._retries: dict[str, int] = {}
        self._rested: tuple[int, set[str]] = (-1, set())
        self._is_healthy = True

    def govern(self, limits: Limits, at_ms: int) -> list[Effect]:
        """Let other limits count from now on, for what waits as well."""
        self._door.govern(limits)
        self._dispatch.govern(limits)
        return self._done(at_ms)

    def want(self, intent: Intent, at_ms: int, family: Family | None = None) -> list[Effect]:
        """Let an approved intent in; `family` is the greater order it is a part of, if it is not the whole."""
        return self.want_all((intent,), at_ms, family)

    def want_all(self, intents: tuple[Intent, ...], at_ms: int, family: Family | None = None) -> list[Effect]:
        """Let several intents in that may travel together; each is answered for itself."""
        admitted = [intent for intent in intents if self._admit(intent, at_ms, family)]
        for batch in _batches(admitted):
            self._put(batch, PlaceOrder(batch[0]).lane, at_ms)
        return self._done(at_ms)

    def refuse(self, intent: Intent, reason: str, at_ms: int) -> list[Effect]:
        """Write a declined intent down as an order that ended before it left, so that its asker hears so in any life.

        Its name is spent by that: what was refused under one lease is not sent under the next.
        """
        name = intent.client_id
        if name not in self.book.orders and name not in self.book.spent:
            family = self._door.family(intent)
            self._chronicle.write(Wanted(intent, family.name, family.quantity, at_ms))
            self._chronicle.hear(Heard(name, OrderWord(Signal.REJECTED, at_ms, reason=reason)))
        return self._done(at_ms)

    def cancel(self, client_id: str, reason: str, at_ms: int) -> list[Effect]:
        """Want an order no more; it is cancelled until it has ended. Saying so twice changes nothing."""
        tracked = self.book.orders.get(client_id)
        if tracked is not None and tracked.is_open and not tracked.ending:
            self._chronicle.write(Ending(client_id, reason or "cancelled", at_ms))
        return self._done(at_ms)

    def cancel_entries(self, reason: str, at_ms: int, symbol: str | None = None) -> list[Effect]:
        """Want no order any more that may open, of one symbol or of all; those on their way out end here as well."""
        for tracked in list(self.book.open()):
            intent = tracked.intent
            if not intent.reduce_only and symbol in (None, intent.symbol) and not tracked.ending:
                self._chronicle.write(Ending(intent.client_id, reason, at_ms))
        return self._done(at_ms)

    def amend(self, intent: Intent, at_ms: int) -> list[Effect]:
        """Want a resting order with this quantity and price, under this intent's own stamp."""
        refusal = self._door.why_not_amend(intent, at_ms)
        if refusal is not None:
            self._chronicle.add(Declined(intent, refusal))
        elif intent.limit_price is not None:
            call = Amend(intent.symbol, intent.client_id, intent.side, intent.quantity, intent.limit_price)
            self._dispatch.put(Waiting(call, PlaceOrder(intent).lane, at_ms, stamp=intent))
        return self._done(at_ms)

    def ask(self, call: Call, lane: Lane, tag: str, at_ms: int) -> list[Effect]:
        """Send somebody else's call in its lane; what comes of it is an `Answered` with his tag.

        Orders pass the same door as any intent, and one that opens goes in no lane but that of entries.
        """
        if isinstance(call, Amend):
            self._chronicle.alert(Severity.CRITICAL, "an order is amended as an intent or not at all", tag, at_ms)
        elif isinstance(call, Place | PlaceMany):
            intents = (call.intent,) if isinstance(call, Place) else call.intents
            admitted = tuple(intent for intent in intents if self._admit(intent, at_ms, None))
            if admitted:
                opens = any(not intent.reduce_only for intent in admitted)
                self._put(admitted, Lane.ENTRY if opens else min(lane, Lane.EXIT), at_ms, tag=tag)
            else:
                self._chronicle.add(Answered(tag, call, None))
        else:
            self._dispatch.put(Waiting(call, lane, at_ms, tag=tag))
        return self._done(at_ms)

    def answered(self, call_id: int, answer: Answer[Any], at_ms: int) -> list[Effect]:
        """Take in what came of a call; an answer nobody waits for any more changes nothing."""
        flight = self._dispatch.landed(call_id, answer, at_ms)
        if flight is not None:
            self._answers.take(flight, answer, at_ms)
        return self._done(at_ms)

    def heard(self, news: News, at_ms: int) -> list[Effect]:
        """Take in what the venue says unasked; what is not about orders is for the books."""
        if isinstance(news, OrderNews):
            self._truth.order_news(news, at_ms)
        elif isinstance(news, AlgoNews):
            self._truth.algo_news(news, at_ms)
        elif isinstance(news, StreamUp | StreamDown):
            self._questions.stream(isinstance(news, StreamUp), at_ms)
        return self._done(at_ms)

    def fenced(self, fence: Fence, at_ms: int) -> list[Effect]:
        """Take in the lease; entries that wait meet it when they would leave, which is now."""
        self._dispatch.fence = fence
        return self._done(at_ms)

    def felt(self, is_healthy: bool, at_ms: int) -> list[Effect]:
        """Take in whether the program is well; only then is the dead man's timer wound."""
        self._is_healthy = is_healthy
        return self._done(at_ms)

    def metered(self, usage: UsageView, at_ms: int) -> list[Effect]:
        """Take in the venue's own count of what we asked."""
        self._dispatch.observe(usage, at_ms)
        return self._done(at_ms)

    def ticked(self, at_ms: int) -> list[Effect]:
        """Do what time alone makes due."""
        return self._done(at_ms)

    def recovered(self, at_ms: int) -> list[Effect]:
        """Begin after a restart: what was never sent waits again, everything else is asked for before any entry."""
        for client_id, tracked in list(self.book.orders.items()):
            if isinstance(tracked.order, Planned):
                self._put((tracked.intent,), PlaceOrder(tracked.intent).lane, tracked.wanted_ms)
            elif tracked.is_open:
                if isinstance(tracked.order, Submitted):
                    self._truth.lost(client_id, at_ms)
                self._questions.reread(client_id, at_ms)
                self._questions.doubt.starting.add(client_id)
            elif isinstance(tracked.order, Rejected) and at_ms - tracked.order.at_ms < self._rules.watch_ms[-1]:
                self._questions.watch(client_id, at_ms)
            self._settle(client_id, at_ms)
        return self._done(at_ms)

    @property
    def fence(self) -> Fence:
        """Return the lease in force."""
        return self._dispatch.fence

    @property
    def next_ms(self) -> int | None:
        """Return when to tick next, if nothing comes before."""
        countdown = self._countdowns.next_ms(self._resting(), self._is_healthy)
        parts = (self._dispatch.next_ms, self._questions.next_ms, self._endings.next_ms, countdown)
        return min([at for at in (*parts, *self._retries.values()) if at is not None], default=None)

    def opens(self, call_id: int) -> bool:
        """Return whether a call on its way may open or enlarge a position."""
        return self._dispatch.opens(call_id)

    def why_late(self, call_id: int, at_ms: int) -> str | None:
        """Return why a call that was to leave may not any more, or nothing: a disk may have been slow meanwhile."""
        return self._dispatch.why_late(call_id, at_ms)

    @property
    def is_starting(self) -> bool:
        """Return whether an order from before the start has not been answered for; every entry waits until then."""
        return bool(self._questions.doubt.starting)

    @property
    def is_settled(self) -> bool:
        """Return whether nothing of our orders is in doubt, missing, watched for, on its way or waiting."""
        known = self._questions.is_settled and not self._questions.is_watching
        return known and not self._endings.next_ms and not self._retries and not self._dispatch.is_busy

    def _admit(self, intent: Intent, at_ms: int, family: Family | None) -> bool:
        family = family or self._door.family(intent)
        refusal = self._door.why_not(intent, family, at_ms)
        if refusal is not None:
            if refusal:
                self._chronicle.add(Declined(intent, refusal))
            return False
        self._chronicle.write(Wanted(intent, family.name, family.quantity, at_ms))
        return True

    def _put(self, intents: tuple[Intent, ...], lane: Lane, since_ms: int, tag: str = "") -> None:
        call = Place(intents[0]) if len(intents) == 1 else PlaceMany(intents)
        self._dispatch.put(Waiting(call, lane, since_ms, tag=tag))

    def _done(self, at_ms: int) -> list[Effect]:
        """Do all that is due, follow what it changed, send what may leave, and hand over the effects."""
        for flight in self._dispatch.overdue(at_ms):
            self._answers.unsure(flight, at_ms)
        self._retry(at_ms)
        self._follow(at_ms)
        self._questions.ask_what_is_due(at_ms)
        self._endings.pursue(at_ms)
        self._dispatch.pump(at_ms)
        self._wind(at_ms)
        self._follow(at_ms)
        return self._chronicle.taken()

    def _wind(self, at_ms: int) -> None:
        """Let the timer of an order leave with it, so that neither sickness nor death comes between the two."""
        due = self._countdowns.due(self._resting(), self._is_healthy, at_ms)
        for countdown in due:
            self._dispatch.ask(countdown, at_ms, Lane.STOP)
        if due:
            self._dispatch.pump(at_ms)

    def _follow(self, at_ms: int) -> None:
        while changed := self._chronicle.changed():
            for client_id in changed:
                if client_id in self.book.orders:  # it may have ended, and been forgotten, within one input
                    self._settle(client_id, at_ms)

    def _settle(self, client_id: str, at_ms: int) -> None:
        """See to it that what a change of an order asks for will happen."""
        tracked = self.book.orders[client_id]
        self._questions.follow(client_id, at_ms)
        self._endings.follow(client_id, at_ms)
        self._keep_within(tracked.parent, at_ms)
        wait_ms = delay_ms(tracked, self._rules, at_ms)
        if wait_ms is not None and remainder(tracked, self.book, self._rules) is not None:
            self._retries.setdefault(client_id, at_ms + wait_ms)

    def _keep_within(self, parent: str, at_ms: int) -> None:
        """End what would exceed its parent, should the venue have traded or enlarged an order behind our back."""
        if self.book.claimed(parent) <= self.book.parents[parent].quantity:
            return
        for child in self.book.children(parent):
            if child.is_open and not child.ending:
                self._chronicle.write(Ending(child.intent.client_id, "its parent has all that it wanted", at_ms))

    def _retry(self, at_ms: int) -> None:
        for client_id in [name for name, due_ms in self._retries.items() if at_ms >= due_ms]:
            del self._retries[client_id]
            tracked = self.book.orders.get(client_id)
            rest = remainder(tracked, self.book, self._rules) if tracked else None
            if tracked and rest:
                family = Family(tracked.parent, self.book.parents[tracked.parent].quantity)
                if self._admit(rest, at_ms, family):
                    self._put((rest,), PlaceOrder(rest).lane, at_ms)

    def _resting(self) -> set[str]:
        """Return the symbols in which an order of ours may rest in the book, looked for once for each change of it."""
        if self._rested[0] != self.book.index.changes:
            resting = (t.intent for t in self.book.open() if not isinstance(t.order, Planned))
            self._rested = self.book.index.changes, {intent.symbol for intent in resting if _may_rest(intent)}
        return self._rested[1]


def _batches(intents: list[Intent]) -> list[tuple[Intent, ...]]:
    """Return intents as they may travel together: plain ones of one lane, a conditional one alone."""
    found: list[tuple[Intent, ...]] = [(intent,) for intent in intents if intent.type.is_conditional]
    plain = sorted((i for i in intents if not i.type.is_conditional), key=lambda intent: PlaceOrder(intent).lane)
    for _, group in groupby(plain, key=lambda intent: PlaceOrder(intent).lane):
        ours = tuple(group)
        found += [ours[first : first + BATCH_MAX] for first in range(0, len(ours), BATCH_MAX)]
    return found


def _may_rest(intent: Intent) -> bool:
    return intent.type is OrderType.LIMIT and intent.time_in_force in (TimeInForce.GTC, TimeInForce.GTX)
