"""Custody: what an account owns, proven against the venue and protected, beside the gateway that trades it.

Three machines that know nothing of each other meet here: books, reconciliation and protection. What they want of the
world comes out as deeds in order: an entry is journalled before anything that rests on it is done. Questions travel
through the gateway, which hears every list of open orders that comes back, so nobody asks the venue twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_ray.core.effects import Alert, Lane, Publish, Severity
from qt_ray.core.ids import is_ours, token
from qt_ray.core.orders import Intent, OrderType
from qt_ray.core.payloads import TradeExecuted
from qt_ray.execution.books import Books
from qt_ray.execution.comparison import Known
from qt_ray.execution.entries import Moved, Traded, traded_in
from qt_ray.execution.exposure import Exposure, Key, fallback_stop
from qt_ray.execution.findings import Finding, OrphanStop
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.effects import Answered, Effect
from qt_ray.execution.protection import Protection
from qt_ray.execution.reconcile import CALLS, Look, Outcome, Reconciler
from qt_ray.execution.venue.calls import Call, Done, Place, Unsure
from qt_ray.execution.venue.news import AlgoNews, News, OrderNews
from qt_ray.execution.venue.views import OrderView, PositionView, SymbolRules

TAG: Final = "custody"
STEP_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Post:
    """Journal an entry; the books hold it already."""

    entry: Traded | Moved


@dataclass(frozen=True, slots=True)
class Want:
    """Let the gateway place a protective or closing order."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Unwant:
    """Let the gateway end an order of ours."""

    client_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Let the gateway carry a question in its lane."""

    call: Call
    lane: Lane


Deed = Post | Want | Unwant | Ask | Alert


@dataclass(frozen=True, slots=True)
class StopPlan:
    """Where a position is to be given up, and which decision says so."""

    price: Decimal
    decision_id: str
    policy_version: int
    epoch: int


class Custody:
    """Books, reconciliation and protection of one account."""

    def __init__(
        self, book: Book, books: Books, rules: Mapping[str, SymbolRules], strategy: str, distance: Decimal
    ) -> None:
        """Keep `books` true; a position without a plan gets a stop at `distance` (a share) of its mark."""
        self.books = books
        self._book = book
        self._rules = rules
        self._distance = distance
        self._reconciler = Reconciler(books)
        self._protection = Protection(strategy)
        self._plans: dict[Key, StopPlan] = {}
        self._marks: dict[str, Decimal] = {}
        self._foreign: tuple[OrderView, ...] = ()
        self._asked_ms: dict[Call, int] = {}
        self._step_ms = 0

    def plan(self, key: Key, plan: StopPlan | None) -> None:
        """Take in where a position is to be given up; nothing leaves it to the fallback."""
        if plan is None:
            self._plans.pop(key, None)
        else:
            self._plans[key] = plan

    def marked(self, symbol: str, mark: Decimal) -> None:
        """Take in a symbol's mark price."""
        self._marks[symbol] = mark

    def heard(self, news: News, at_ms: int) -> list[Deed]:
        """Take in what the venue says unasked, after the gateway has."""
        deeds: list[Deed] = []
        if isinstance(news, OrderNews):
            trade = traded_in(news, not self._is_ours(news.client_id, news.venue_id))
            deeds += self._posted((trade,) if trade else ())
        self._reconciler.heard(news, self._symbols(), at_ms)
        if isinstance(news, OrderNews | AlgoNews):
            self._step_ms = at_ms
        return deeds + self.ticked(at_ms)

    def overheard(self, effect: Effect, at_ms: int) -> list[Deed]:
        """Take in what the gateway did: a trade it heard of and we did not, and answers to our questions."""
        if isinstance(effect, Answered) and effect.tag == TAG:
            return self._answered(effect, at_ms) + self.ticked(at_ms)
        if isinstance(effect, Publish):
            payload = effect.event.payload
            if isinstance(payload, TradeExecuted) and not self.books.has_trade(
                payload.symbol, payload.trade_id, payload.side
            ):
                self._reconciler.fetch(payload.symbol, at_ms)
            self._step_ms = at_ms
            return self.ticked(at_ms)
        return []

    def ticked(self, at_ms: int) -> list[Deed]:
        """Ask what is due, and protect what is held."""
        calls = self._reconciler.due(at_ms)
        self._asked_ms.update(dict.fromkeys(calls, at_ms))
        deeds: list[Deed] = [Ask(call, Lane.QUERY) for call in calls]
        if at_ms >= self._step_ms:
            self._step_ms = at_ms + STEP_MS
            deeds += self._protected(at_ms)
        return deeds

    @property
    def next_ms(self) -> int:
        """Return when to tick next, if nothing comes before."""
        due = self._reconciler.next_ms
        return self._step_ms if due is None else min(due, self._step_ms)

    def why_closed(self, at_ms: int) -> str | None:
        """Return why no entry may be sent, or nothing while books and venue agree."""
        return self._reconciler.why_closed(at_ms)

    def unprotected_ms(self, at_ms: int) -> dict[Key, int]:
        """Return for each position how long it had no stop the last time."""
        return {key: gap.length_ms(at_ms) for key, gap in self._protection.gaps().items()}

    # Reconciliation

    def _answered(self, said: Answered, at_ms: int) -> list[Deed]:
        asked_ms = self._asked_ms.pop(said.call, at_ms)
        answer = Unsure("the question was shed") if said.answer is None else said.answer
        outcome = self._reconciler.answered(said.call, answer, asked_ms, at_ms, self._known())
        if isinstance(answer, Done) and said.call == CALLS[Look.POSITIONS]:
            self._see(answer.value)
        deeds = self._posted(outcome.entries)
        if said.call == CALLS[Look.ALGOS] and isinstance(answer, Done) and not answer.unread:
            self._foreign = tuple(view for view in answer.value if view.client_id not in self._book.orders)
        return deeds + self._followed(outcome, at_ms)

    def _followed(self, outcome: Outcome, at_ms: int) -> list[Deed]:
        return [
            Unwant(finding.client_id, "it protects nothing")
            if isinstance(finding, OrphanStop)
            else _told(finding, at_ms)
            for finding in outcome.findings
        ]

    def _see(self, positions: Iterable[PositionView]) -> None:
        for position in positions:
            if position.mark > 0:
                self._marks[position.symbol] = position.mark

    def _posted(self, entries: Iterable[Traded | Moved]) -> list[Deed]:
        return [Post(entry) for entry in entries if not self.books.contradiction(entry) and self.books.post(entry)]

    def _known(self) -> Known:
        orders = {name: tracked.order for name, tracked in self._book.orders.items()}
        plain = {t.plain_id: name for name, t in self._book.orders.items() if t.plain_id}
        return Known(orders, plain)

    def _is_ours(self, client_id: str, venue_id: str) -> bool:
        return client_id in self._book.orders or (is_ours(client_id) and client_id in self._book.spent)

    def _symbols(self) -> set[str]:
        return {tracked.intent.symbol for tracked in self._book.orders.values()}

    # Protection

    def _protected(self, at_ms: int) -> list[Deed]:
        exposures = [exposure for key in self.books.positions if (exposure := self._exposure(key)) is not None]
        orders = {name: t.order for name, t in self._book.orders.items() if t.intent.reduce_only}
        steps = self._protection.step(exposures, orders, self._foreign, at_ms)
        deeds: list[Deed] = [
            Want(call.intent) if isinstance(call, Place) else Unwant(call.client_id, "another stop took its place")
            for call in steps.calls
        ]
        for (symbol, side), reason in steps.given_up.items():
            detail = f"{symbol} {side}: closed because {reason}"
            deeds.append(Alert(Severity.CRITICAL, "a position could not be protected", detail, at_ms))
        return deeds

    def _exposure(self, key: Key) -> Exposure | None:
        symbol, side = key
        held, rules = self.books.position(*key), self._rules.get(symbol)
        mark = self._marks.get(symbol) or held.average_entry
        if rules is None or mark is None:
            return None
        opener = self._opener(key, held.quantity)
        plan = self._plans.get(key)
        stop = plan.price if plan else fallback_stop(held.quantity, mark, rules.tick, self._distance)
        return Exposure(
            symbol=symbol,
            side=side,
            quantity=held.quantity,
            mark=mark,
            stop_price=stop if plan else self._kept(key, held.quantity, stop),
            slice_max=rules.market_quantity_max,
            decision_id=plan.decision_id if plan else opener.decision_id if opener else token("adopted", symbol, side),
            policy_version=plan.policy_version if plan else opener.policy_version if opener else 1,
            epoch=plan.epoch if plan else opener.epoch if opener else 1,
            adopted=opener is None,
        )

    def _opener(self, key: Key, quantity: Decimal) -> Intent | None:
        """Return the last intent of ours that opened a position this way round."""
        found = None
        for tracked in self._book.orders.values():
            intent = tracked.intent
            if (intent.symbol, intent.position_side) == key and not intent.reduce_only:
                found = intent if intent.side.sign * quantity > 0 else found
        return found

    def _kept(self, key: Key, quantity: Decimal, fallback: Decimal) -> Decimal:
        """Return where the fallback stop stands already, so that a moving mark does not move it."""
        for tracked in self._book.open():
            intent = tracked.intent
            is_stop = intent.type is OrderType.STOP_MARKET and intent.reduce_only and not tracked.ending
            is_for_it = (intent.symbol, intent.position_side) == key and intent.side.sign * quantity < 0
            if is_stop and is_for_it and intent.trigger_price is not None:
                return intent.trigger_price
        return fallback


def _told(finding: Finding, at_ms: int) -> Alert:
    severity = Severity.CRITICAL if finding.is_break else Severity.WARNING
    return Alert(severity, f"venue and books: {type(finding).__name__}", str(finding), at_ms)
