"""Endings: what is no longer wanted is cancelled until the venue says it has ended.

A cancel is not a message but a state we insist on: lost, refused or overtaken, it is asked again with growing
patience, and between two attempts the truth is read anew.
"""

from qt_ray.core.effects import Lane
from qt_ray.core.orders import Planned
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.dispatch import Dispatch
from qt_ray.execution.gateway.records import Heard
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.venue.calls import Cancel


class Endings:
    """The orders that must end, with the next attempt at each."""

    def __init__(self, rules: Rules, chronicle: Chronicle, dispatch: Dispatch) -> None:
        self._rules = rules
        self._chronicle = chronicle
        self._dispatch = dispatch
        self._due: dict[str, tuple[int, int]] = {}

    def follow(self, client_id: str, at_ms: int) -> None:
        """After an order changed: end it if it must, forget it if it has."""
        tracked = self._chronicle.book.orders[client_id]
        if not tracked.is_open:
            self._due.pop(client_id, None)
        elif tracked.ending and client_id not in self._due:
            self._due[client_id] = (at_ms, 0)

    def pursue(self, at_ms: int) -> None:
        """Cancel what is due; what never left is withdrawn without a word to the venue."""
        for client_id, (due_ms, attempt) in tuple(self._due.items()):
            tracked = self._chronicle.book.orders[client_id]
            if isinstance(tracked.order, Planned):
                self._chronicle.hear(Heard(client_id, News(Signal.REJECTED, at_ms, reason=tracked.ending)))
            elif at_ms >= due_ms:
                ladder = self._rules.ladder_ms
                self._due[client_id] = (at_ms + ladder[min(attempt, len(ladder) - 1)], attempt + 1)
                conditional = tracked.intent.type.is_conditional and tracked.plain_id is None
                self._dispatch.ask(Cancel(tracked.intent.symbol, client_id, conditional), at_ms, Lane.CANCEL)

    @property
    def next_ms(self) -> int | None:
        """Return when the next attempt is due."""
        return min((due_ms for due_ms, _ in self._due.values()), default=None)
