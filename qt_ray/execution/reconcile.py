"""Reconciliation: the venue is the truth about positions, and the books must say the same twice before we open any.

A machine without sockets: it says what to ask, takes answers, and returns what differs and which entries are missing.
A first difference may be news on its way, so it is only a suspicion: missing trades are fetched at once and the look
is repeated. The same difference again is a break, and entries stay closed until both sides agree twice. Nothing is
ever inferred: what is posted has the venue's own number. Dear looks keep to their rhythm, whatever happens in between;
what must be known sooner is asked for cheaply, so that no series of restarts and silences uses up what orders need.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_ray.core.orders import PartiallyFilled, Working
from qt_ray.execution.books import Books
from qt_ray.execution.comparison import Known, orders_apart, positions_apart, stops_apart, wallets_apart
from qt_ray.execution.entries import Moved, Traded, moved_of, traded_of
from qt_ray.execution.findings import (
    Contradiction,
    Finding,
    MissingFill,
    MissingMovement,
    OrderDiffers,
    OrderGone,
    PositionDiffers,
    WalletDiffers,
)
from qt_ray.execution.looks import CADENCE_MS, CALLS, GLANCED, LOOKS, Glance, Look, look_of
from qt_ray.execution.standing import Proven
from qt_ray.execution.venue.calls import (
    Answer,
    AskIncome,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    AskTrades,
    Call,
    Done,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.news import AccountNews, News, StreamDown, StreamUp
from qt_ray.execution.venue.views import IncomeView, OrderView, TradeView

WALLET: Final = ""
AGREED: Final = 2
AGAIN_MS: Final = 1_000
SOON_MS: Final = 250
LATE_MS: Final = 1_000
MISSED_LOOKS_MAX: Final = 3
# Several reasons to ask what moved the wallet within this time are one: the question is dear, and its answer keeps.
INCOME_MS: Final = 5_000
# A trade younger than this may be listed before one with a smaller number, so the next page begins before it.
SETTLED_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer showed: what is certain, what only seems so, and what to journal and post."""

    findings: tuple[Finding, ...] = ()
    suspicions: tuple[Finding, ...] = ()
    entries: tuple[Traded | Moved, ...] = ()


class Reconciler:
    """Compares one account's books with its venue, at the start, after each silence, and all the time."""

    def __init__(self, books: Books, cadence_ms: Mapping[Look, int] = CADENCE_MS, proven: Proven | None = None) -> None:
        """Begin closed; `begin` opens the questions, after what an earlier life has `proven`."""
        self._books, self._cadence_ms = books, dict(cadence_ms)
        self._agreed = dict.fromkeys(Look, 0)
        self._agreed_ms = dict.fromkeys(Look, 0)
        self._looked_ms = dict.fromkeys(Look, 0)
        self._again_ms = dict.fromkeys(Look, AGAIN_MS)
        self._due_ms: dict[Call, int] = {}
        self._glance_ms: dict[Look, int] = {}
        self._glances: dict[Look, Glance] = {}
        self._symbols: frozenset[str] = frozenset()
        self._begun: frozenset[str] = frozenset()
        self._in_flight: set[Call] = set()
        self._late_ms: dict[Call, int] = {}
        self._doubts: dict[Look, frozenset[Finding]] = dict.fromkeys(Look, frozenset())
        self._shown: dict[bool, tuple[OrderView, ...]] = {False: (), True: ()}
        self._told: dict[Look, frozenset[Finding]] = dict.fromkeys(Look, frozenset())
        self._gaps: set[str] = {WALLET}
        self._inherited = Proven(dict(books.opening.cursors), books.opening.at_ms) if proven is None else proven
        self._cursors = dict(self._inherited.cursors)
        self._income_ms = self._inherited.income_ms
        self._income_asked_ms = -INCOME_MS
        self._is_live = False
        self._contradicted = False

    def begin(self, symbols: Iterable[str], at_ms: int) -> None:
        """Forget every agreement and ask for all: at the start, and after nothing could be heard.

        Of open orders all are asked for at the start; later those of symbols where something is known, while the whole
        account keeps to its rhythm. The gate has waited once for what moved the wallet; later balances must agree.
        """
        self._is_live = True
        self._agreed = dict.fromkeys(Look, 0)
        self._doubts = dict.fromkeys(Look, frozenset())
        self._again_ms = dict.fromkeys(Look, AGAIN_MS)
        self._gaps = {*symbols, *(symbol for symbol, _ in self._books.positions), *(self._gaps & {WALLET})}
        self._begun = frozenset(self._gaps - {WALLET})
        self._glances.clear()
        for look, call in CALLS.items():
            if look in GLANCED and self._looked_ms[look]:
                self._glance_ms[look] = at_ms
            else:
                self._due_ms[call] = at_ms
        self._ask_income(max(at_ms, self._income_asked_ms + INCOME_MS))
        for symbol in sorted(self._gaps - {WALLET}):
            self._ask_trades(symbol, at_ms)

    def heard(self, news: News, symbols: Iterable[str], at_ms: int) -> None:
        """Take in what the venue said unasked: a silence closes, its end begins anew, a moved wallet is asked for."""
        if isinstance(news, StreamDown):
            self._is_live = False
        elif isinstance(news, StreamUp):
            self.begin(symbols, at_ms)
        elif isinstance(news, AccountNews) and news.reason != "ORDER":
            self._ask_income(max(at_ms, self._income_asked_ms + INCOME_MS))

    @property
    def proven(self) -> Proven:
        """Return up to where nothing is missing; a contradiction is found again by whoever comes after us."""
        if self._contradicted:
            return self._inherited
        return Proven(dict(self._cursors), max(self._inherited.income_ms, self._income_ms - SETTLED_MS))

    def fetch(self, symbol: str, at_ms: int) -> None:
        """Ask for a symbol's trades, of which the books lack one."""
        self._ask_trades(symbol, at_ms)

    def due(self, at_ms: int) -> tuple[Call, ...]:
        """Return what to ask now: each question once, and a cheap one once more whenever its answer is late."""
        for look in [look for look, due_ms in self._glance_ms.items() if due_ms <= at_ms]:
            self._glance(look, at_ms)
        late = [call for call, late_ms in self._late_ms.items() if at_ms >= late_ms]
        fresh = [call for call, due in self._due_ms.items() if due <= at_ms and call not in self._in_flight]
        for call in fresh:
            if call not in LOOKS:
                del self._due_ms[call]
            if isinstance(call, AskIncome):
                self._income_asked_ms = at_ms
        self._in_flight.update(fresh)
        self._late_ms.update({call: at_ms + LATE_MS for call in (*late, *fresh) if _is_cheap(call)})
        return (*late, *fresh)

    def _glance(self, look: Look, at_ms: int) -> None:
        """Look again where something is known; at the whole account if that is no dearer, or due anyway."""
        del self._glance_ms[look]
        whole = CALLS[look]
        open_there = self._symbols | {symbol for symbol, _ in self._books.positions}
        glance = Glance.at(open_there or self._begun, look)
        if glance is None or (self._due_ms[whole] <= at_ms and whole not in self._in_flight):
            self._due_ms[whole] = min(self._due_ms[whole], at_ms)
        else:
            self._glances[look] = glance
            self._due_ms.update(dict.fromkeys(glance.calls, at_ms))

    @property
    def next_ms(self) -> int | None:
        """Return when the next question is due."""
        waiting = (due for call, due in self._due_ms.items() if call not in self._in_flight)
        return min((*waiting, *self._late_ms.values(), *self._glance_ms.values()), default=None)

    @property
    def conditional(self) -> tuple[OrderView, ...]:
        """Return the open conditional orders of the account that the last look, or glance, has shown."""
        return self._shown[True]

    def why_closed(self, at_ms: int) -> str | None:
        """Return why no entry may be sent, or nothing while books and venue agree."""
        if not self._is_live:
            return "entries wait until the venue can be heard"
        if self._contradicted:
            return "entries wait until a person has looked at a contradiction of the venue"
        if self._gaps:
            return f"entries wait for what was missed, {len(self._gaps)} questions are open"
        for look, agreed in self._agreed.items():
            if agreed < AGREED:
                return f"entries wait until {look.value} agree twice, agreed {agreed} times"
            patience_ms = MISSED_LOOKS_MAX * self._cadence_ms[look]
            if at_ms - self._looked_ms[look] > patience_ms:
                # How long exactly would be another reason at every look, and each of them told to everybody.
                return f"entries wait for {look.value}, not seen for {patience_ms} ms"
        return None

    def answered(self, call: Call, answer: Answer[Any], asked_ms: int, at_ms: int, known: Known) -> Outcome:
        """Take in an answer; one that is not whole is asked for again and proves nothing."""
        self._in_flight.discard(call)
        self._late_ms.pop(call, None)
        if not isinstance(answer, Done) or answer.unread:
            if self._is_awaited(call):
                self._due_ms[call] = at_ms + _patience_ms(call, answer)
            return Outcome()
        if isinstance(call, AskTrades):
            return self._traded(call, answer.value, asked_ms, at_ms, known)
        if isinstance(call, AskIncome):
            return self._moved(call, answer.value, at_ms)
        if isinstance(call, AskOrder):
            return Outcome()
        if isinstance(call, AskOpenOrders) and call.symbol:
            return self._glanced(call, answer.value, asked_ms, at_ms, known)
        look = LOOKS[call]
        self._looked_ms[look] = at_ms
        self._due_ms[call] = at_ms + self._cadence_ms[look]
        self._glances.pop(look, None)
        self._glance_ms.pop(look, None)
        outcome = self._looked(look, answer.value, asked_ms, at_ms, known)
        self._remember(known)
        return outcome

    def _is_awaited(self, call: Call) -> bool:
        """Return whether a question that brought nothing is to be put again."""
        if isinstance(call, AskOpenOrders) and call.symbol:
            return look_of(call) in self._glances
        return not isinstance(call, AskOrder)

    def _glanced(
        self, call: AskOpenOrders, views: tuple[OrderView, ...], asked_ms: int, at_ms: int, known: Known
    ) -> Outcome:
        """Take in a part of a glance; with the last one it is read like a look, at its symbols and no others."""
        look = look_of(call)
        glance = self._glances.get(look)
        if glance is None or not glance.take(call, views, asked_ms) or glance.asked_ms is None:
            return Outcome()
        del self._glances[look]
        orders = {name: order for name, order in known.orders.items() if order.intent.symbol in glance.symbols}
        return self._looked(look, glance.views, glance.asked_ms, at_ms, Known(orders, known.plain_ids))

    def _looked(self, look: Look, value: Any, asked_ms: int, at_ms: int, known: Known) -> Outcome:
        found = frozenset(self._apart(look, value, asked_ms, known))
        doubts = frozenset(finding for finding in found if finding.is_break)
        certain, self._doubts[look] = doubts & self._doubts[look], doubts
        if certain or (doubts and self._agreed[look] < AGREED):
            self._agreed[look] = 0
        elif not doubts and (not self._agreed[look] or at_ms - self._agreed_ms[look] >= AGAIN_MS):
            self._agreed[look], self._agreed_ms[look] = min(self._agreed[look] + 1, AGREED), at_ms
        self._again(look, at_ms + self._pause_ms(look, bool(doubts)))
        self._follow(doubts, known, at_ms)
        return Outcome(self._new(certain | (found - doubts), look), _listed(doubts - certain))

    def _again(self, look: Look, due_ms: int) -> None:
        """Look again then: at open orders with a glance, unless the whole account is looked at by then anyway."""
        if look not in GLANCED:
            self._due_ms[CALLS[look]] = due_ms
        elif due_ms < self._due_ms[CALLS[look]]:
            self._glance_ms[look] = due_ms

    def _remember(self, known: Known) -> None:
        """Remember in which symbols there are open orders, whoever placed them."""
        ours = (order.intent.symbol for order in known.orders.values() if isinstance(order, Working | PartiallyFilled))
        self._symbols = frozenset({*ours, *(view.symbol for views in self._shown.values() for view in views)})

    def _pause_ms(self, look: Look, differs: bool) -> int:
        """Return when to look again: soon while it matters, less soon the longer it differs, for looking is dear."""
        if not differs:
            self._again_ms[look] = AGAIN_MS
            return AGAIN_MS if self._agreed[look] < AGREED else self._cadence_ms[look]
        pause_ms = self._again_ms[look]
        self._again_ms[look] = min(pause_ms * 2, self._cadence_ms[look])
        return pause_ms

    def _apart(self, look: Look, value: Any, asked_ms: int, known: Known) -> Iterable[Finding]:
        if look is Look.POSITIONS:
            return positions_apart(self._books, value)
        if look is Look.BALANCE:
            return wallets_apart(self._books, value)
        conditional = look is Look.ALGOS
        self._shown[conditional] = value
        stops = stops_apart(known, value, self._books) if conditional else ()
        return (*orders_apart(known, value, self._shown[not conditional], conditional, asked_ms), *stops)

    def _new(self, findings: frozenset[Finding], look: Look) -> tuple[Finding, ...]:
        """Return what the look before did not find; what went away and comes back is told anew."""
        fresh, self._told[look] = findings - self._told[look], findings
        return _listed(fresh)

    def _follow(self, doubts: frozenset[Finding], known: Known, at_ms: int) -> None:
        """Ask at once for what would explain a difference, in an order that no hash decides."""
        for doubt in _listed(doubts):
            if isinstance(doubt, PositionDiffers | OrderDiffers):
                self._ask_trades(doubt.symbol, at_ms)
            elif isinstance(doubt, OrderGone):
                conditional = known.orders[doubt.client_id].intent.type.is_conditional
                self._due_ms.setdefault(AskOrder(doubt.symbol, doubt.client_id, conditional), at_ms)
                self._ask_trades(doubt.symbol, at_ms)
            elif isinstance(doubt, WalletDiffers):
                self._ask_income(at_ms)
                for symbol in sorted({*self._cursors, *(order.intent.symbol for order in known.orders.values())}):
                    self._ask_trades(symbol, at_ms)

    def _traded(
        self, call: AskTrades, trades: tuple[TradeView, ...], asked_ms: int, at_ms: int, known: Known
    ) -> Outcome:
        entries = [traded_of(trade, trade.order_id not in known.plain_ids) for trade in trades]
        settled = [e.execution.trade_id for e in entries if e.execution.time_ms <= asked_ms - SETTLED_MS]
        self._cursors[call.symbol] = max([*settled, self._cursors.get(call.symbol, -1)])
        if len(trades) >= call.limit:
            last = max(entry.execution.trade_id for entry in entries)
            self._due_ms[AskTrades(call.symbol, from_id=last + 1)] = at_ms
        else:
            self._gaps.discard(call.symbol)
        return self._posted(entries, MissingFill)

    def _moved(self, call: AskIncome, incomes: tuple[IncomeView, ...], at_ms: int) -> Outcome:
        self._income_ms = max([self._income_ms, *(income.time_ms for income in incomes)])
        if len(incomes) >= call.limit and self._income_ms > call.since_ms:
            self._ask_income(at_ms)
        else:
            self._gaps.discard(WALLET)
        return self._posted([moved for moved in map(moved_of, incomes) if moved is not None], MissingMovement)

    def _posted(self, entries: list[Any], kind: Any) -> Outcome:
        breaches = [rule for rule in map(self._books.contradiction, entries) if rule is not None]
        self._contradicted = self._contradicted or bool(breaches)
        missing = tuple(
            entry for entry in entries if not self._books.knows(entry) and self._books.contradiction(entry) is None
        )
        return Outcome((*map(kind, missing), *map(Contradiction, breaches)), entries=missing)

    def _ask_trades(self, symbol: str, at_ms: int) -> None:
        cursor = self._cursors.setdefault(symbol, -1)
        since = {"since_ms": self._books.opening.at_ms} if cursor < 0 else {"from_id": cursor + 1}
        self._due_ms.setdefault(AskTrades(symbol, **since), at_ms)

    def _ask_income(self, due_ms: int) -> None:
        """Ask by then what moved the wallet since the last movement we know of; two that wait are one question."""
        waiting = [call for call in self._due_ms if isinstance(call, AskIncome)]
        self._due_ms[AskIncome(self._income_ms)] = min([due_ms, *(self._due_ms.pop(call) for call in waiting)])


def _patience_ms(call: Call, answer: Answer[Any]) -> int:
    """Return when to put a question again: what nobody answered soon, if it is cheap; a no of the venue needs time."""
    if isinstance(answer, Throttled):
        return max(AGAIN_MS, answer.retry_after_ms)
    return SOON_MS if isinstance(answer, Unsure) and _is_cheap(call) else AGAIN_MS


def _is_cheap(call: Call) -> bool:
    return isinstance(call, AskPositions | AskTrades) or (isinstance(call, AskOpenOrders) and bool(call.symbol))


def _listed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=repr))
