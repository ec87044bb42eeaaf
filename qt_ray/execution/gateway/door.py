"""Door: which intents come in. What was wanted once is never wanted again, and children never exceed their parent.

A no is a value with its rule and leaves no trace in the journal; the same intent again is no error and no effect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.ids import ClientOrderId
from qt_ray.core.limits import Limits
from qt_ray.core.orders import ZERO, Intent
from qt_ray.execution.gateway.book import RESTING, Book, Tracked
from qt_ray.execution.gateway.dispatch import Dispatch
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.gateway.truth import Truth
from qt_ray.execution.precision import why_unfit
from qt_ray.execution.venue.views import SymbolRules

NOTHING_NEW: Final = ""
# The rules of a symbol as the venue had them last, or nothing where nobody knows them: then the venue says so itself.
Listed = Callable[[str], SymbolRules | None]


@dataclass(frozen=True, slots=True)
class Family:
    """The greater order that several intents carry out together: its name, and all they may trade in sum."""

    name: str
    quantity: Decimal


class Door:
    """The checks at the entrance; each is made again, where it can change, when the bytes leave."""

    def __init__(self, rules: Rules, book: Book, dispatch: Dispatch, truth: Truth, listed: Listed) -> None:
        self._rules, self._limits = rules, rules.limits
        self._listed = listed
        self._book = book
        self._dispatch = dispatch
        self._truth = truth

    def govern(self, limits: Limits) -> None:
        """Let other limits count."""
        self._limits = limits

    def family(self, intent: Intent) -> Family:
        """Return the family of an intent that is its own parent; later attempts at it belong to the first."""
        first = self._attempts(intent)
        if first:
            return Family(first[0].parent, self._book.parents[first[0].parent].quantity)
        return Family(intent.client_id.rpartition("-")[0], intent.quantity)

    def why_not(self, intent: Intent, family: Family, at_ms: int) -> str | None:
        """Return the rule that keeps an intent out, `NOTHING_NEW` if it is in already, or nothing."""
        known = self._book.orders.get(intent.client_id)
        if known is not None:
            return NOTHING_NEW if known.intent == intent else "one name is one intent"
        refusal = self._why_not_ever(intent, family)
        if refusal is None and not intent.reduce_only:
            refusal = self._dispatch.why_not(intent, at_ms) or self._why_not_now(intent, family, at_ms)
            refusal = refusal or self._why_unfit(intent)
        return refusal

    def why_not_amend(self, intent: Intent, at_ms: int) -> str | None:
        """Return the rule that forbids to change a resting order into `intent`, or nothing."""
        tracked = self._book.orders.get(intent.client_id)
        if tracked is None or not isinstance(tracked.order, RESTING) or tracked.ending:
            return "only an order that rests and is wanted is amended"
        was = tracked.intent
        if (intent.symbol, intent.side, intent.type) != (was.symbol, was.side, was.type) or not was.type.has_limit:
            return "an amend changes quantity and price of a limit order and nothing else"
        if intent.type.is_conditional or intent.reduce_only is not was.reduce_only:
            return "an amend changes quantity and price of a limit order and nothing else"
        parent = self._book.parents[tracked.parent]
        if self._book.claimed(tracked.parent) - was.quantity + intent.quantity > parent.quantity:
            return f"orders of one parent never exceed its {parent.quantity}"
        return self._dispatch.why_not(intent, at_ms) or self._why_unfit(intent)

    def _why_not_ever(self, intent: Intent, family: Family) -> str | None:
        try:
            ClientOrderId.parse(intent.client_id)
        except Invalid as error:
            return str(error)
        if intent.client_id in self._book.spent or family.name in self._book.spent:
            return "what was wanted once is not wanted again"
        if any(attempt.is_open for attempt in self._attempts(intent)):
            return "an intent is tried again after the last attempt has ended"
        parent = self._book.parents.get(family.name)
        most = family.quantity if parent is None else parent.quantity
        claimed = self._book.claimed(family.name)
        if claimed + intent.quantity > most:
            return f"orders of one parent never exceed its {most}, were {claimed} and {intent.quantity} more"
        return None

    def _why_not_now(self, intent: Intent, family: Family, at_ms: int) -> str | None:
        if self._truth.is_blocked(intent.symbol):
            return f"no entry while an order of {intent.symbol} is in doubt"
        if self._dispatch.lanes.is_full:
            return f"no entry while {self._rules.waiting_max} calls wait"
        window_ms = self._limits.duplicate_window_ms
        recent = takewhile(lambda known: at_ms - known.wanted_ms < window_ms, reversed(self._book.orders.values()))
        # What never left, because it was refused or withdrawn, is no entry that another could double.
        left = (known for known in recent if known.is_open or known.sent_ms is not None)
        if any(known.parent != family.name and _looks(known.intent) == _looks(intent) for known in left):
            return f"no second entry like another within {window_ms} ms"
        return None

    def _why_unfit(self, intent: Intent) -> str | None:
        """Return the venue's own rule that an entry breaks; an exit is never judged by what may be old by now."""
        rules = None if intent.reduce_only else self._listed(intent.symbol)
        return None if rules is None else why_unfit(intent, rules)

    def _attempts(self, intent: Intent) -> list[Tracked]:
        """Return the earlier attempts at the same intent; they bear its name but for the number."""
        number = _attempt(intent)
        if number == 0:
            return []
        stem = intent.client_id.rpartition("-")[0]
        names = (f"{stem}-{attempt}" for attempt in range(number))
        return [self._book.orders[name] for name in names if name in self._book.orders]


def _attempt(intent: Intent) -> int:
    number = intent.client_id.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) <= 3 else 0


def _looks(intent: Intent) -> tuple[str, str, Decimal, Decimal, bool]:
    return intent.symbol, intent.side, intent.quantity, intent.limit_price or ZERO, intent.reduce_only
