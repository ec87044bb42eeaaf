"""Answers: what each kind of answer to each kind of call means for the orders it was about.

Only the venue's own word is believed. A no to an order ends it, unless it is "you have sent this name before", which
says that an earlier copy may live; anything unsure puts the order in doubt, and an unsure cancel or amend is read anew.
"""

from typing import Any, Final

from qt_ray.core.orders import Intent
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.countdown import Countdowns
from qt_ray.execution.gateway.dispatch import Dispatch, Flight
from qt_ray.execution.gateway.effects import Answered
from qt_ray.execution.gateway.questions import Questions
from qt_ray.execution.gateway.truth import Truth
from qt_ray.execution.venue.calls import (
    Amend,
    Answer,
    AskOpenOrders,
    AskOrder,
    AskTrades,
    Cancel,
    CancelAll,
    CancelById,
    CancelMany,
    Countdown,
    Done,
    Place,
    PlaceMany,
    Refused,
    Throttled,
    Unsure,
)

NAME_TAKEN: Final = -4116
NO_SUCH_ORDER: Final = -2013


class Answers:
    """Where an answer goes."""

    def __init__(
        self,
        chronicle: Chronicle,
        truth: Truth,
        questions: Questions,
        dispatch: Dispatch,
        countdowns: Countdowns,
    ) -> None:
        self._chronicle = chronicle
        self._truth = truth
        self._dispatch = dispatch
        self._questions = questions
        self._countdowns = countdowns

    def take(self, flight: Flight, answer: Answer[Any], at_ms: int) -> None:
        """Take in what came of a call."""
        if flight.waiting.tag:
            self._chronicle.add(Answered(flight.waiting.tag, flight.call, answer))
        if isinstance(answer, Throttled):
            self._dispatch.throttled(flight, answer, at_ms)
            self._again(flight, at_ms)
        elif isinstance(answer, Unsure):
            self.unsure(flight, at_ms)
        elif isinstance(answer, Refused):
            self._refused(flight, answer, at_ms)
        else:
            self._done(flight, answer, at_ms)

    def unsure(self, flight: Flight, at_ms: int) -> None:
        """Take in that nobody knows whether a call was carried out."""
        for intent in flight.waiting.intents:
            if isinstance(flight.call, Amend):
                self._reread(intent.client_id, at_ms)
            else:
                self._truth.lost(intent.client_id, at_ms)
        self._again(flight, at_ms)

    def _again(self, flight: Flight, at_ms: int) -> None:
        """Read anew what a call that was not carried out, or perhaps was, would have changed."""
        call = flight.call
        if isinstance(call, Countdown):
            self._countdowns.failed(call, at_ms)
        elif isinstance(call, AskOrder | AskTrades | AskOpenOrders) and not flight.waiting.tag:
            self._questions.struck(call, at_ms)
        for client_id in self._touched(flight):
            self._reread(client_id, at_ms)

    def _refused(self, flight: Flight, answer: Refused, at_ms: int) -> None:
        call = flight.call
        if isinstance(call, Place):
            self._place_refused(call.intent, answer, at_ms)
        elif isinstance(call, PlaceMany):
            for intent in call.intents:
                self._place_refused(intent, answer, at_ms)
        elif isinstance(call, Amend):
            self._reread(call.client_id, at_ms)
        elif isinstance(call, AskOrder) and answer.code == NO_SUCH_ORDER:
            self._questions.answered(call)
            self._truth.not_found(call, flight.sent_ms, at_ms)
        else:
            self._again(flight, at_ms)

    def _place_refused(self, intent: Intent, answer: Refused, at_ms: int) -> None:
        if answer.code == NAME_TAKEN:
            self._truth.lost(intent.client_id, at_ms)
        else:
            self._truth.refused(intent.client_id, f"{answer.code} {answer.message}", at_ms)

    def _done(self, flight: Flight, answer: Done[Any], at_ms: int) -> None:
        call, value = flight.call, answer.value
        self._questions.answered(call)
        if isinstance(call, Place | Cancel | Amend):
            self._truth.view(value, at_ms)
        elif isinstance(call, PlaceMany):
            self._placed_many(flight, call, value, at_ms)
        elif isinstance(call, AskOrder):
            self._truth.looked(call.client_id, value, at_ms)
        elif isinstance(call, AskOpenOrders):
            self._truth.listed(call, value, flight.sent_ms if not answer.unread else None, at_ms)
        elif isinstance(call, AskTrades):
            self._truth.traded(call, value, flight.sent_ms if not answer.unread else None, at_ms)
        else:
            self._again_if_cancelled(flight, at_ms)

    def _placed_many(
        self, flight: Flight, call: PlaceMany, elements: tuple[Done[Any] | Refused, ...], at_ms: int
    ) -> None:
        if len(elements) != len(call.intents):
            self.unsure(flight, at_ms)  # which element is missing nobody can say
            return
        for intent, element in zip(call.intents, elements, strict=True):
            if isinstance(element, Refused):
                self._place_refused(intent, element, at_ms)
            else:
                self._truth.view(element.value, at_ms)

    def _again_if_cancelled(self, flight: Flight, at_ms: int) -> None:
        if isinstance(flight.call, CancelAll | CancelById | CancelMany):
            self._again(flight, at_ms)

    def _touched(self, flight: Flight) -> list[str]:
        """Return the open orders that a cancel was about."""
        call = flight.call
        if not isinstance(call, Cancel | CancelMany | CancelAll | CancelById):
            return []
        about = [t for t in self._chronicle.book.open() if t.intent.symbol == call.symbol]
        if isinstance(call, Cancel):
            about = [t for t in about if t.intent.client_id == call.client_id]
        elif isinstance(call, CancelMany):
            about = [t for t in about if t.intent.client_id in call.client_ids]
        elif isinstance(call, CancelById):
            about = [t for t in about if t.plain_id == call.venue_id]
        return [t.intent.client_id for t in about]

    def _reread(self, client_id: str, at_ms: int) -> None:
        tracked = self._chronicle.book.orders.get(client_id)
        if tracked is not None and tracked.sent_ms is not None:
            self._questions.reread(client_id, at_ms)
