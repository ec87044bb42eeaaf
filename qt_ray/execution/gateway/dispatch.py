"""Dispatch: the last hop. Whatever is about to leave is looked at once more, as if it had never been looked at.

Fence, age, doubt about the symbol, the parent's quantity, the budget and our own message limits are all asked at
the moment of sending; an intent they refuse ends as a rejected order with the rule as its reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from qt_ray.core.effects import Lane
from qt_ray.core.limits import Limits
from qt_ray.core.orders import ZERO, Intent, Planned, Submitted
from qt_ray.execution.gateway.budget import Budget, Share, share_of
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.effects import Answered, Declined, Send
from qt_ray.execution.gateway.fence import SHUT, Fence, Gate, ungated, why_not
from qt_ray.execution.gateway.lanes import Lanes, Waiting
from qt_ray.execution.gateway.records import Heard, Sent
from qt_ray.execution.gateway.rules import SLOTS_KEPT, Rules
from qt_ray.execution.gateway.throttle import Throttle
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.venue.calls import Amend, Answer, Call, Place, PlaceMany, Throttled, Unsure
from qt_ray.execution.venue.views import UsageView


@dataclass(slots=True)
class Flight:
    """A call on its way; an overdue one no longer counts, but its answer is still worth hearing."""

    waiting: Waiting
    sent_ms: int
    is_overdue: bool = False

    @property
    def call(self) -> Call:
        """Return what was asked."""
        return self.waiting.call


class Step(Enum):
    """What came of looking at a waiting call."""

    GONE = "gone"
    WAITS = "waits"
    SHARE_WAITS = "share waits"


class Dispatch:
    """The queue, the calls in flight, and everything that may hold a call back."""

    def __init__(
        self, rules: Rules, chronicle: Chronicle, blocked: Callable[[str], bool], gate: Gate = ungated
    ) -> None:
        self.fence: Fence = SHUT
        self.lanes = Lanes(rules.waiting_max)
        self.flights: dict[int, Flight] = {}
        self.wake_ms: int | None = None
        self._rules = rules
        self._chronicle = chronicle
        self._blocked = blocked
        self._gate = gate
        self._budget = Budget(rules.allowance)
        self._throttle = Throttle(rules.limits)
        self._last_call_id = 0

    @property
    def is_busy(self) -> bool:
        """Return whether anything waits or is on its way."""
        return bool(len(self.lanes)) or any(not flight.is_overdue for flight in self.flights.values())

    def govern(self, limits: Limits) -> None:
        """Let other limits count; what has left already counts under them."""
        self._throttle.limits = limits

    def why_not(self, intent: Intent, at_ms: int) -> str | None:
        """Return why an intent may not leave now by fence or gate, or nothing."""
        return why_not(self.fence, intent, at_ms, self._gate)

    def opens(self, call_id: int) -> bool:
        """Return whether a call on its way may open or enlarge a position."""
        flight = self.flights.get(call_id)
        return flight is not None and any(not intent.reduce_only for intent in flight.waiting.intents)

    def why_late(self, call_id: int, at_ms: int) -> str | None:
        """Return why a call whose bytes are about to leave may not any more, or nothing; it was sent a moment ago."""
        flight = self.flights.get(call_id)
        intents = () if flight is None else flight.waiting.intents
        return next((why for intent in intents if (why := self.why_not(intent, at_ms)) is not None), None)

    def put(self, waiting: Waiting) -> None:
        """Let a call wait; an outside asker whose query is shed is told so."""
        for shed in self.lanes.put(waiting):
            if shed.tag:
                self._chronicle.add(Answered(shed.tag, shed.call, None))

    def ask(self, call: Call, at_ms: int, lane: Lane = Lane.QUERY) -> None:
        """Let a call of our own wait."""
        self.put(Waiting(call, lane, at_ms))

    def pump(self, at_ms: int) -> None:
        """Send what may leave, the more urgent first; a share that is used up holds back its own and nobody else's."""
        self.wake_ms = None
        for queue in self.lanes.queues.values():
            spent: set[Share] = set()
            for waiting in tuple(queue):
                share = _share(waiting)
                if share not in spent and self._step(waiting, at_ms) is Step.SHARE_WAITS:
                    spent.add(share)

    def landed(self, call_id: int, answer: Answer[Any], at_ms: int) -> Flight | None:
        """Return what a number stands for, and forget it; what the venue has answered, it has counted."""
        flight = self.flights.pop(call_id, None)
        if flight is not None and not isinstance(answer, Unsure):
            self._budget.landed(flight.call, at_ms)
        return flight

    def overdue(self, at_ms: int) -> list[Flight]:
        """Return the calls that have been away too long since the last time; long after that they are forgotten."""
        for number in [n for n, f in self.flights.items() if at_ms >= f.sent_ms + self._rules.forget_ms]:
            del self.flights[number]
        late = [f for f in self.flights.values() if not f.is_overdue and at_ms >= self._due_ms(f)]
        for flight in late:
            flight.is_overdue = True
        return late

    def throttled(self, flight: Flight, answer: Throttled, at_ms: int) -> None:
        """Be silent as told; what was not looked at waits again."""
        share = _share(flight.waiting)
        self._budget.throttled(share, answer, at_ms)
        if flight.waiting.intents:
            self.put(replace(flight.waiting, not_before_ms=at_ms + answer.retry_after_ms))

    def observe(self, usage: UsageView, at_ms: int) -> None:
        """Take the venue's own count of what we used."""
        self._budget.observe(usage, tuple(f.call for f in self.flights.values() if not f.is_overdue), at_ms)

    @property
    def next_ms(self) -> int | None:
        """Return when a call will be overdue or may leave, if time alone can do that."""
        due = [self._due_ms(f) for f in self.flights.values() if not f.is_overdue]
        return min([*due, *([] if self.wake_ms is None else [self.wake_ms])], default=None)

    def _due_ms(self, flight: Flight) -> int:
        """Return until when an answer is waited for; a question changes nothing, so it is sooner put again."""
        is_question = flight.waiting.lane is Lane.QUERY and not flight.waiting.tag
        return flight.sent_ms + (self._rules.question_ms if is_question else self._rules.answer_ms)

    def _step(self, waiting: Waiting, at_ms: int) -> Step:
        passed = self._passed(waiting, at_ms)
        if waiting.intents and not passed:
            self.lanes.drop(waiting)
            return Step.GONE
        held = self._held(waiting, passed, at_ms)
        if held is None:
            self.lanes.drop(waiting)
            self._send(_with(waiting, passed), at_ms)
            return Step.GONE
        return held

    def _passed(self, waiting: Waiting, at_ms: int) -> tuple[Intent, ...]:
        """Return the intents that may still be carried out; the others end here."""
        passed = []
        for intent in waiting.intents:
            refusal = self._refusal(waiting, intent, at_ms)
            if refusal is None:
                passed.append(intent)
            elif isinstance(waiting.call, Amend):
                self._chronicle.add(Declined(intent, refusal))
            elif isinstance(self._chronicle.book.orders[intent.client_id].order, Planned | Submitted):
                self._chronicle.hear(Heard(intent.client_id, News(Signal.REJECTED, at_ms, reason=refusal)))
        return tuple(passed)

    def _refusal(self, waiting: Waiting, intent: Intent, at_ms: int) -> str | None:
        book = self._chronicle.book
        tracked = book.orders.get(intent.client_id)
        if tracked is None or tracked.ending:
            return tracked.ending if tracked else "what is forgotten is not amended"
        more, is_fit = ZERO, isinstance(tracked.order, Planned | Submitted)
        if isinstance(waiting.call, Amend):
            more, is_fit = intent.quantity - tracked.intent.quantity, tracked.is_open
        if not is_fit:
            return (
                f"an order is sent while nothing is known of it, and amended while it is open, was {tracked.order.kind}"
            )
        parent = book.parents[tracked.parent]
        if book.claimed(tracked.parent) + more > parent.quantity:
            return f"orders of one parent never exceed its {parent.quantity}"
        refusal = self.why_not(intent, at_ms)
        age_ms = at_ms - waiting.since_ms
        if refusal is None and not intent.reduce_only and age_ms > self._rules.entry_age_max_ms:
            return f"an entry waits at most {self._rules.entry_age_max_ms} ms, this one {age_ms}"
        return refusal

    def _held(self, waiting: Waiting, passed: tuple[Intent, ...], at_ms: int) -> Step | None:
        """Return what holds a call back, or nothing."""
        share = _share(waiting)
        flying = sum(not flight.is_overdue for flight in self.flights.values())
        if flying >= self._rules.in_flight_max - SLOTS_KEPT[share]:
            return Step.SHARE_WAITS
        opening = tuple(intent.symbol for intent in passed if not intent.reduce_only)
        if opening:
            self._wake(waiting.since_ms + self._rules.entry_age_max_ms + 1)
        if at_ms < waiting.not_before_ms:
            self._wake(waiting.not_before_ms)
            return Step.WAITS
        if any(map(self._blocked, opening)):
            return Step.WAITS
        if not self._budget.allows(share, waiting.call, at_ms):
            self._wake(self._budget.next_ms(share, at_ms))
            return Step.SHARE_WAITS
        free_ms = self._throttle.wait_until(opening, at_ms) if opening else at_ms
        if free_ms > at_ms:
            self._wake(free_ms)
            return Step.WAITS
        return None

    def _send(self, waiting: Waiting, at_ms: int) -> None:
        self._last_call_id += 1
        if not isinstance(waiting.call, Amend):
            for intent in waiting.intents:
                self._chronicle.write(Sent(intent.client_id, at_ms))
        self._budget.spend(waiting.call, at_ms)
        self._throttle.count(tuple(intent.symbol for intent in waiting.intents), at_ms)
        self.flights[self._last_call_id] = Flight(waiting, at_ms)
        self._chronicle.add(Send(self._last_call_id, waiting.lane, waiting.call))

    def _wake(self, at_ms: int) -> None:
        self.wake_ms = at_ms if self.wake_ms is None else min(self.wake_ms, at_ms)


def _share(waiting: Waiting) -> Share:
    return share_of(waiting.lane, waiting.call, is_ours=not waiting.tag)


def _with(waiting: Waiting, passed: tuple[Intent, ...]) -> Waiting:
    if not isinstance(waiting.call, PlaceMany) or passed == waiting.call.intents:
        return waiting
    return replace(waiting, call=Place(passed[0]) if len(passed) == 1 else PlaceMany(passed))
