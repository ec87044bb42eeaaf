"""Doubt: which orders we must ask after, and when; asking is cheap, believing in absence is not.

An order nobody answers for is asked after on a ladder of delays, and on the same one again from the moment when its
request can no longer arrive. Only after that "I hold no such order" counts, together with open orders and trades.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Call


@dataclass(slots=True)
class Inquiry:
    """A question about one order that is open until it is answered."""

    since_ms: int
    due_ms: int
    deadline_ms: int
    asked: int = 0
    proofs: tuple[Call, ...] = ()


@dataclass(slots=True)
class Doubt:
    """The open questions by client id; those of the start keep every entry out."""

    rules: Rules
    inquiries: dict[str, Inquiry] = field(default_factory=dict)
    starting: set[str] = field(default_factory=set)

    def open(self, client_id: str, at_ms: int, in_ms: int, sent_ms: int | None) -> None:
        """Ask after an order in so long, or sooner if that was meant already."""
        deadline_ms = (at_ms if sent_ms is None else sent_ms) + self.rules.deadline_ms
        known = self.inquiries.setdefault(client_id, Inquiry(at_ms, at_ms + in_ms, deadline_ms))
        known.due_ms = min(known.due_ms, at_ms + in_ms)
        if deadline_ms > known.deadline_ms:
            known.deadline_ms, known.proofs = deadline_ms, ()

    def close(self, client_id: str) -> None:
        """Ask no more."""
        self.inquiries.pop(client_id, None)
        self.starting.discard(client_id)

    def due(self, at_ms: int) -> Iterator[str]:
        """Yield the orders to ask after now, and set when each is asked after again."""
        for client_id, inquiry in tuple(self.inquiries.items()):
            if at_ms >= inquiry.due_ms:
                inquiry.asked += 1
                inquiry.due_ms = self._next_ms(inquiry, at_ms)
                yield client_id

    def needs_proof(self, client_id: str, asked_ms: int) -> bool:
        """Return whether an order's absence, learned at `asked_ms`, is worth proving."""
        inquiry = self.inquiries.get(client_id)
        return inquiry is not None and asked_ms >= inquiry.deadline_ms

    def is_fresh(self, client_id: str, asked_ms: int) -> bool:
        """Return whether the venue may, as of `asked_ms`, still know a trade before it knows its order."""
        inquiry = self.inquiries.get(client_id)
        return inquiry is not None and asked_ms < inquiry.deadline_ms + self.rules.stranger_ms

    def prove(self, client_id: str, proofs: tuple[Call, ...]) -> tuple[Call, ...]:
        """Believe in absence when each of these calls has come back without the order; return those still to come."""
        inquiry = self.inquiries[client_id]
        inquiry.proofs = inquiry.proofs or proofs
        return inquiry.proofs

    def rests_on(self, call: Call) -> bool:
        """Return whether the absence of an order rests on what a call will bring."""
        return any(call in inquiry.proofs for inquiry in self.inquiries.values())

    def proven(self, call: Call, asked_ms: int) -> list[str]:
        """Take one proof as given, and return the orders that are absent by now."""
        absent = []
        for client_id, inquiry in self.inquiries.items():
            if call in inquiry.proofs and asked_ms >= inquiry.deadline_ms:
                inquiry.proofs = tuple(proof for proof in inquiry.proofs if proof != call)
                if not inquiry.proofs:
                    absent.append(client_id)
        return absent

    @property
    def next_ms(self) -> int | None:
        """Return when the next question is due."""
        return min((inquiry.due_ms for inquiry in self.inquiries.values()), default=None)

    def _next_ms(self, inquiry: Inquiry, at_ms: int) -> int:
        """Return the next rung after now: of the ladder, of the same ladder from the deadline, then its last step.

        One more is the moment from which a trade of an unknown order hides the absence no longer.
        """
        ladder = self.rules.ladder_ms
        rungs = [start_ms + rung for start_ms in (inquiry.since_ms, inquiry.deadline_ms) for rung in (0, *ladder)]
        rungs.append(inquiry.deadline_ms + self.rules.stranger_ms)
        return min((at for at in rungs if at > at_ms), default=at_ms + ladder[-1] - ladder[-2])
