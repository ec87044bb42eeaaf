"""Custody: what an account owns, proven against the venue and protected, beside the gateway that trades it.

Three machines that know nothing of each other meet here: books, reconciliation and protection. What they want of the
world comes out as deeds in order. The books hold nothing that the journal does not: an entry is a deed first, and is
posted once the shell has written it down; it is durable before anything that follows from it leaves. Questions
travel through the gateway, which hears every list of open orders that comes back, so nobody asks the venue twice.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from qt_ray.core.effects import Alert, Lane, Severity
from qt_ray.core.ids import is_ours
from qt_ray.core.orders import Planned, Rejected, progress_of
from qt_ray.core.payloads import OrderChanged, TradeExecuted
from qt_ray.execution.awaited import Awaited
from qt_ray.execution.books import Books
from qt_ray.execution.comparison import Known
from qt_ray.execution.deeds import Ask, Deed, Halt, Post, Unwant, Want
from qt_ray.execution.entries import Moved, Traded, traded_in
from qt_ray.execution.exposure import Key
from qt_ray.execution.findings import Finding, OrphanStop
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.effects import Answered, Effect, Tell
from qt_ray.execution.listings import Listings
from qt_ray.execution.looks import CALLS, Look
from qt_ray.execution.protection import Protection
from qt_ray.execution.reconcile import Outcome, Reconciler
from qt_ray.execution.standing import Proven
from qt_ray.execution.stops import StopPlan as StopPlan
from qt_ray.execution.stops import Stops
from qt_ray.execution.venue.calls import AskOpenOrders, AskRules, Call, Done, Place, Refused, Unsure
from qt_ray.execution.venue.news import (
    AccountNews,
    AlgoNews,
    LeverageNews,
    MarginCallNews,
    News,
    OrderNews,
    Unheeded,
    Unreadable,
)
from qt_ray.execution.venue.views import OrderView, RulesView

TAG: Final = "custody"
STEP_MS: Final = 500
HURRY_MS: Final = 100
KINDS_MAX: Final = 100
KEY_REFUSED: Final = frozenset({-2014, -2015})
UNLISTED_MAX: Final = 1_000
LIQUIDATED: Final = "autoclose-"
FORCED: Final = (LIQUIDATED, "adl_autoclose")


class Custody:
    """Books, reconciliation and protection of one account; `counts` is what was heard and is of no use, by kind."""

    def __init__(
        self,
        book: Book,
        books: Books,
        rules: RulesView,
        strategy: str,
        distance: Decimal,
        proven: Proven | None = None,
    ) -> None:
        """Keep `books` true; a position without a plan gets a stop at `distance` (a share) of its mark.

        What an earlier life has `proven` is not asked for again.
        """
        self.books = books
        self.listings = Listings(rules)
        self.counts: Counter[str] = Counter()
        self._book = book
        self._reconciler = Reconciler(books, proven=proven)
        self._begun = self._reconciler.proven
        self._protection = Protection(strategy)
        self._stops = Stops(book, books, distance)
        self._foreign: tuple[OrderView, ...] = ()
        self._asked_ms: dict[Call, int] = {}
        self._awaited = Awaited(books)
        self._unlisted: list[Traded] = []
        self._is_key_refused = False
        self._step_ms = 0
        self._touched = set[str]()

    def plan(self, key: Key, plan: StopPlan | None, at_ms: int) -> list[Deed]:
        """Take in where a position is to be given up; nothing leaves it to the fallback."""
        self._stops.plan(key, plan)
        return self._protected(at_ms, {key[0]})

    def marked(self, symbol: str, mark: Decimal, at_ms: int) -> list[Deed]:
        """Take in a symbol's mark price."""
        self._stops.marked(symbol, mark)
        return self.ticked(at_ms)

    def heard(self, news: News, at_ms: int) -> list[Deed]:
        """Take in what the venue says unasked, after the gateway has."""
        symbols = self._symbols() if not isinstance(news, OrderNews | AlgoNews) else ()
        self._reconciler.heard(news, symbols, at_ms)
        deeds = self._noted(news, at_ms)
        if isinstance(news, AlgoNews) and news.status != "NEW":
            self._foreign = tuple(view for view in self._foreign if view.venue_id != news.venue_id)
        if any(isinstance(deed, Post) for deed in deeds):
            # What was traded is protected once it is posted; until then its order and its position do not tie.
            return deeds + self._questions(at_ms)
        if isinstance(news, OrderNews | AlgoNews):
            self._touched.add(news.symbol)
        return deeds + self.ticked(at_ms)

    def overheard(self, effect: Effect, at_ms: int) -> list[Deed]:
        """Take in what the gateway did: a trade that we may never hear of, a refusal, answers to our questions."""
        if isinstance(effect, Answered) and effect.tag == TAG:
            return self._answered(effect, at_ms) + self.ticked(at_ms)
        if not isinstance(effect, Tell):
            return []
        payload, deeds = effect.payload, list[Deed]()
        if isinstance(payload, OrderChanged) and isinstance(payload.order, Planned):
            return []  # nothing is known of it but that we want it, and it is about to leave
        if isinstance(payload, TradeExecuted):
            deeds = self._executed(payload, at_ms)
            self._touched.add(payload.symbol)
        elif isinstance(payload, OrderChanged):
            self._touched.add(payload.order.intent.symbol)
            if isinstance(payload.order, Rejected):
                self.listings.refused(payload.order.reason, at_ms)
        return deeds + self.ticked(at_ms)

    def posted(self, entries: Iterable[Traded | Moved], at_ms: int) -> list[Deed]:
        """Take in that entries are written: they are in the books now, and what they leave open is protected."""
        symbols = set[str]()
        for entry in entries:
            self.books.post(entry)
            if isinstance(entry, Traded):
                symbols.add(entry.symbol)
        return self._protected(at_ms, symbols)

    def ticked(self, at_ms: int) -> list[Deed]:
        """Ask what is due, and protect what is held: what was touched at once, and all of it now and then."""
        deeds = self._questions(at_ms)
        if at_ms >= self._step_ms:
            return deeds + self._protected(at_ms)
        return deeds + (self._protected(at_ms, self._touched) if self._touched else [])

    @property
    def next_ms(self) -> int:
        """Return when to tick next, if nothing comes before."""
        others = (self._reconciler.next_ms, self.listings.next_ms, self._awaited.next_ms)
        return min([self._step_ms, *(due for due in others if due is not None)])

    def why_closed(self, at_ms: int) -> str | None:
        """Return why no entry may be sent, or nothing while books and venue agree."""
        return self._reconciler.why_closed(at_ms)

    def unprotected_ms(self, at_ms: int) -> dict[Key, int]:
        """Return for each position how long it had no stop the last time."""
        return {key: gap.length_ms(at_ms) for key, gap in self._protection.gaps().items()}

    @property
    def proven(self) -> Proven:
        """Return up to where nothing is missing; trades that no symbol could be found for are to be shown again."""
        return self._begun if self._unlisted else self._reconciler.proven

    def review(self, at_ms: int) -> list[Deed]:
        """Let the venue show all trades since the last review, so that what is proven keeps up with what is posted."""
        for symbol in sorted(self._symbols()):
            self._reconciler.fetch(symbol, at_ms)
        return self.ticked(at_ms)

    # What is heard

    def _noted(self, news: News, at_ms: int) -> list[Deed]:
        if isinstance(news, OrderNews):
            return self._traded(news, at_ms)
        if isinstance(news, AccountNews):
            self._awaited.shown(news.positions, at_ms)
        if isinstance(news, LeverageNews):
            detail = f"{news.symbol}: {news.leverage}"
            return [Alert(Severity.WARNING, "a symbol's leverage was set", detail, at_ms)]
        if isinstance(news, MarginCallNews):
            return [Alert(Severity.CRITICAL, "the venue calls for margin", ", ".join(news.symbols), at_ms)]
        if isinstance(news, Unreadable):
            is_first = self._count(f"unreadable: {news.rule}")
            return [Alert(Severity.WARNING, "the venue said what breaks a rule", news.rule, at_ms)] if is_first else []
        if isinstance(news, Unheeded):
            self._count(f"unheeded: {news.kind}")
        return []

    def _count(self, kind: str) -> bool:
        """Count one of a kind, the rarest together once there are many; return whether it is the first."""
        name = kind if kind in self.counts or len(self.counts) < KINDS_MAX else "others"
        self.counts[name] += 1
        return self.counts[name] == 1

    def _traded(self, news: OrderNews, at_ms: int) -> list[Deed]:
        trade = traded_in(news, not self._is_ours(news.client_id))
        deeds = self._fresh((trade,) if trade else ())
        if trade is not None and trade.foreign and deeds:
            is_forced = news.client_id.startswith(FORCED)
            severity = Severity.CRITICAL if is_forced else Severity.WARNING
            title = "the venue closed a position by force" if is_forced else "somebody else trades this account"
            detail = f"{news.symbol}: {news.side} {trade.execution.quantity} by {news.client_id or news.venue_id}"
            deeds.append(Alert(severity, title, detail, at_ms))
            if news.client_id.startswith(LIQUIDATED):
                deeds.append(Halt(f"the venue liquidates, {detail}"))
        return deeds

    def _executed(self, trade: TradeExecuted, at_ms: int) -> list[Deed]:
        """Post what an order of ours traded, by whatever door the gateway has heard of it: news of it may be lost."""
        key = (trade.symbol, trade.trade_id, trade.side)
        self._awaited.told(key, at_ms)
        known = self.books.trade(*key)  # what was held to be foreign is not
        entry = replace(known, foreign=False) if known else self._entry(trade)
        return self._fresh((entry,) if entry else ())

    def _entry(self, trade: TradeExecuted) -> Traded | None:
        """Return the entry that the venue's own words about an order of ours make; nothing if they are not complete."""
        tracked = self._book.orders.get(trade.client_id)
        progress = progress_of(tracked.order) if tracked else None
        if tracked is None or tracked.plain_id is None or progress is None:
            return None
        found = next((e for e in progress.executions if e.trade_id == trade.trade_id), None)
        side, number = tracked.intent.position_side, tracked.plain_id
        return Traded(trade.symbol, side, trade.side, number, found, trade.realised) if found else None

    def _fresh(self, entries: Iterable[Traded | Moved]) -> list[Deed]:
        """Return what the books lack and can hold; of two under one name the first counts, as on any later day."""
        found: dict[str, Post] = {}
        for entry in entries:
            if isinstance(entry, Traded) and entry.symbol not in self.listings.symbols:
                self._unlisted = [*self._unlisted, entry][-UNLISTED_MAX:]
                self.listings.doubt(entry.execution.time_ms)
            elif not self.books.contradiction(entry) and not self.books.knows(entry):
                found.setdefault(entry.key, Post(entry))
        return list(found.values())

    # Reconciliation

    def _questions(self, at_ms: int) -> list[Deed]:
        for symbol in self._awaited.overdue(at_ms):
            self._reconciler.fetch(symbol, at_ms)
        calls = self._reconciler.due(at_ms) + ((AskRules(),) if self.listings.is_due(at_ms) else ())
        for call in calls:
            self._asked_ms.setdefault(call, at_ms)  # of a question asked twice the first answer may be to either
        return [Ask(call, Lane.QUERY) for call in calls]

    def _answered(self, said: Answered, at_ms: int) -> list[Deed]:
        asked_ms = self._asked_ms.pop(said.call, at_ms)
        answer = Unsure("the question was shed") if said.answer is None else said.answer
        told = self._key_told(answer, at_ms)
        if isinstance(said.call, AskRules):
            return told + self._ruled(answer, at_ms)
        outcome = self._reconciler.answered(said.call, answer, asked_ms, at_ms, self._known())
        if isinstance(answer, Done) and said.call == CALLS[Look.POSITIONS]:
            for position in answer.value:
                if position.mark > 0:
                    self._stops.marked(position.symbol, position.mark)
        if isinstance(said.call, AskOpenOrders) and said.call.conditional:
            shown = self._reconciler.conditional
            self._foreign = tuple(view for view in shown if view.client_id not in self._book.orders)
        return told + self._fresh(outcome.entries) + self._followed(outcome, at_ms)

    def _key_told(self, answer: Any, at_ms: int) -> list[Deed]:
        """Tell a person once that our key is refused, and again only after it was not."""
        was_refused = self._is_key_refused
        if isinstance(answer, Refused | Done):
            self._is_key_refused = isinstance(answer, Refused) and answer.code in KEY_REFUSED
        if was_refused or not self._is_key_refused:
            return []
        return [Alert(Severity.CRITICAL, "the venue refuses our key", str(answer), at_ms)]

    def _ruled(self, answer: Any, at_ms: int) -> list[Deed]:
        if not isinstance(answer, Done):
            self.listings.doubt(at_ms)
            return []
        symbols = self._symbols() | {symbol for symbol, _ in self.books.positions}
        alerts = self.listings.read(answer.value, symbols, at_ms)
        self.books.quoted(self.listings.quotes)
        waiting, self._unlisted = self._unlisted, []
        return [*self._fresh(waiting), *alerts]

    def _followed(self, outcome: Outcome, at_ms: int) -> list[Deed]:
        return [
            Unwant(finding.client_id, "it protects nothing")
            if isinstance(finding, OrphanStop)
            else _told(finding, at_ms)
            for finding in outcome.findings
        ]

    def _known(self) -> Known:
        return Known(self._book.index.orders, self._book.index.names)

    def _is_ours(self, client_id: str) -> bool:
        return client_id in self._book.orders or (is_ours(client_id) and client_id in self._book.spent)

    def _symbols(self) -> set[str]:
        return {tracked.intent.symbol for tracked in self._book.orders.values()}

    # Protection

    def _protected(self, at_ms: int, among: Collection[str] | None = None) -> list[Deed]:
        """Return what protects these symbols, or all: a fund of a hundred pays for the one that somebody spoke of."""
        exposures = self._stops.exposures(self.listings.symbols, among)
        index, unsure = self._book.index, self._awaited.unsure()
        steps = self._protection.step(exposures, index.exits, index.stops, self._foreign, at_ms, unsure, among)
        due_ms = at_ms + (STEP_MS if self._protection.is_whole else HURRY_MS)
        self._step_ms = due_ms if among is None else min(self._step_ms, due_ms)
        self._touched = set() if among is None else self._touched - set(among)
        deeds: list[Deed] = [
            Want(call.intent) if isinstance(call, Place) else Unwant(call.client_id, "it is not needed any more")
            for call in steps.calls
        ]
        for (symbol, side), reason in steps.given_up.items():
            detail = f"{symbol} {side}: closed because {reason}"
            deeds.append(Alert(Severity.CRITICAL, "a position could not be protected", detail, at_ms))
        return deeds


def _told(finding: Finding, at_ms: int) -> Alert:
    severity = Severity.CRITICAL if finding.is_break else Severity.WARNING
    return Alert(severity, f"venue and books: {type(finding).__name__}", str(finding), at_ms)
