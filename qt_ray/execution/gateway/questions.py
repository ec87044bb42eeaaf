"""Questions: what we ask the venue while it has not said enough, and when.

Orders in doubt are asked after by name, missing trades by symbol and time, and now and then what rests is compared
with the list of what is open. All of it is made anew after a restart, so none of it is written down.
"""

from collections.abc import Callable

from qt_ray.core.effects import Severity
from qt_ray.core.orders import OrderType, Planned, Rejected, Submitted, TimeInForce, Unknown
from qt_ray.execution.gateway.book import RESTING, Tracked
from qt_ray.execution.gateway.chronicle import Chronicle
from qt_ray.execution.gateway.doubt import Doubt
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import AskOpenOrders, AskOrder, AskTrades, Call

Ask = Callable[[Call, int], None]
ASKED_ALARM = 10


def waits(tracked: Tracked) -> bool:
    """Return whether an order is, as far as we know, still one that waits for its trigger."""
    return tracked.intent.type.is_conditional and tracked.plain_id is None


class Questions:
    """The questions that are open, and those that come round again."""

    def __init__(self, rules: Rules, chronicle: Chronicle, ask: Ask) -> None:
        self.doubt = Doubt(rules)
        self._rules = rules
        self._chronicle = chronicle
        self._book = chronicle.book
        self._ask = ask
        self._repairs: dict[str, int] = {}
        self._watched: dict[str, tuple[int, ...]] = {}
        self._struck: dict[Call, int] = {}
        self._again: dict[Call, int] = {}
        self._rested: tuple[int, list[tuple[str, bool]]] = (-1, [])
        self._check_ms = 0
        self._is_live = False

    def reread(self, client_id: str, at_ms: int, in_ms: int = 0) -> None:
        """Ask what became of an order, unless it is long forgotten."""
        tracked = self._book.orders.get(client_id)
        if tracked is not None:
            self.doubt.open(client_id, at_ms, in_ms, tracked.sent_ms)

    def watch(self, client_id: str, at_ms: int) -> None:
        """Look a few times more for an order that was given up: a clock may be wrong by more than we allow for."""
        self._watched[client_id] = tuple(at_ms + later for later in self._rules.watch_ms)

    def prove(self, client_id: str, conditional: bool, at_ms: int) -> None:
        """Ask for all that would show an order which the venue says it does not hold."""
        tracked = self._book.orders[client_id]
        since_ms = (tracked.sent_ms or tracked.wanted_ms) - self._rules.clock_error_ms
        symbol = tracked.intent.symbol
        proofs = AskOpenOrders(symbol, conditional), AskTrades(symbol, since_ms=since_ms)
        for proof in self.doubt.prove(client_id, proofs):
            self._ask(proof, at_ms)

    def struck(self, call: Call, at_ms: int) -> None:
        """Put a question that brought nothing again, with growing patience, not only when its turn comes."""
        times = self._struck.get(call, 0)
        self._struck[call] = times + 1
        self._again[call] = at_ms + self._rules.ladder_ms[min(times, len(self._rules.ladder_ms) - 1)]

    def answered(self, call: Call) -> None:
        """Be patient again with a question that brought something."""
        self._struck.pop(call, None)
        self._again.pop(call, None)

    def look_at_watched(self, symbol: str | None, at_ms: int) -> None:
        """Look at once for orders that were given up: something was said, or not heard, that may have been of them."""
        for client_id in self._watched:
            tracked = self._book.orders.get(client_id)
            if tracked is not None and symbol in (None, tracked.intent.symbol):
                self._ask_after(tracked, at_ms)

    def follow(self, client_id: str, at_ms: int) -> None:
        """After an order changed: what it still leaves to ask, and what it has settled."""
        tracked = self._book.orders[client_id]
        if tracked.missing:
            self._repairs.setdefault(tracked.intent.symbol, at_ms + self._rules.repair_ms)
        if not tracked.is_open:
            self.doubt.close(client_id)
        elif isinstance(tracked.order, RESTING) and _is_fleeting(tracked) and client_id not in self.doubt.inquiries:
            self.reread(client_id, at_ms, self._rules.fleeting_ms)

    def next_page(self, call: AskTrades, last_id: int, at_ms: int) -> None:
        """Ask for the trades after a page that was full."""
        self._ask(AskTrades(call.symbol, from_id=last_id + 1), at_ms)

    def traded(self, symbol: str, at_ms: int) -> None:
        """Ask for a symbol's trades again only if some are missing still."""
        self._repairs.pop(symbol, None)
        if self._book.incomplete(symbol):
            self._repairs[symbol] = at_ms + self._rules.check_unsettled_ms

    def check_again(self, at_ms: int) -> None:
        """Look at the open orders again soon, since the last look has shown less than all."""
        self._check_ms = min(self._check_ms, at_ms + self._rules.check_unsettled_ms)

    def stream(self, is_live: bool, at_ms: int) -> None:
        """Know whether news reaches us; what was said while it did not is looked for at once."""
        self._is_live, self._check_ms = is_live, at_ms
        if is_live:
            self.look_at_watched(None, at_ms)

    def ask_what_is_due(self, at_ms: int) -> None:
        """Put the questions that are due."""
        for client_id in self.doubt.due(at_ms):
            if client_id not in self._book.orders:
                self.doubt.close(client_id)
                continue
            if self.doubt.inquiries[client_id].asked == ASKED_ALARM:
                self._chronicle.alert(Severity.CRITICAL, "an order stays in doubt", client_id, at_ms)
            self._ask_after(self._book.orders[client_id], at_ms)
        for client_id in [name for name, times in self._watched.items() if at_ms >= times[0]]:
            self._look_again(client_id, at_ms)
        for symbol in [symbol for symbol, due_ms in self._repairs.items() if at_ms >= due_ms]:
            self._repair(symbol, at_ms)
        for call in [call for call, due_ms in self._again.items() if at_ms >= due_ms]:
            self._put_again(call, at_ms)
        self._check(at_ms)

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is in doubt and no trade is missing."""
        return not self.doubt.inquiries and not self._repairs

    @property
    def is_watching(self) -> bool:
        """Return whether an order that was given up will be looked for again."""
        return bool(self._watched)

    @property
    def next_ms(self) -> int | None:
        """Return when the next question is due."""
        check = [self._check_ms] if self._where_we_rest() else []
        asks = [] if self.doubt.next_ms is None else [self.doubt.next_ms]
        watches = [times[0] for times in self._watched.values()]
        return min([*check, *asks, *watches, *self._repairs.values(), *self._again.values()], default=None)

    def _ask_after(self, tracked: Tracked, at_ms: int) -> None:
        self._ask(AskOrder(tracked.intent.symbol, tracked.intent.client_id, waits(tracked)), at_ms)

    def _put_again(self, call: Call, at_ms: int) -> None:
        del self._again[call]
        if self._is_open(call):
            self._ask(call, at_ms)
        else:
            del self._struck[call]

    def _is_open(self, call: Call) -> bool:
        """Return whether anybody still waits for what a question would bring."""
        if isinstance(call, AskOrder):
            tracked = self._book.orders.get(call.client_id)
            is_given_up = tracked is not None and isinstance(tracked.order, Rejected)
            return call.client_id in self.doubt.inquiries or is_given_up
        if isinstance(call, AskTrades):
            return call.symbol in self._repairs or self.doubt.rests_on(call)
        is_ours = isinstance(call, AskOpenOrders) and (call.symbol, call.conditional) in self._where_we_rest()
        return is_ours or self.doubt.rests_on(call)

    def _look_again(self, client_id: str, at_ms: int) -> None:
        tracked, times = self._book.orders.get(client_id), self._watched.pop(client_id)[1:]
        if tracked is not None and isinstance(tracked.order, Rejected):
            self._ask_after(tracked, at_ms)
            if times:
                self._watched[client_id] = times

    def _repair(self, symbol: str, at_ms: int) -> None:
        missing = self._book.incomplete(symbol)
        if not missing:
            del self._repairs[symbol]
            return
        self._repairs[symbol] = at_ms + self._rules.check_unsettled_ms
        since_ms = min(tracked.sent_ms or tracked.wanted_ms for tracked in missing) - self._rules.clock_error_ms
        self._ask(AskTrades(symbol, since_ms=since_ms), at_ms)

    def _check(self, at_ms: int) -> None:
        """Compare what rests with what is open; sooner while anything is unsettled or nothing is heard."""
        is_calm = self.is_settled and self._is_live
        interval_ms = self._rules.check_ms if is_calm else self._rules.check_unsettled_ms
        self._check_ms = min(self._check_ms, at_ms + interval_ms)
        if at_ms >= self._check_ms:
            self._check_ms = at_ms + interval_ms
            for symbol, conditional in self._where_we_rest():
                self._ask(AskOpenOrders(symbol, conditional), at_ms)

    def _where_we_rest(self) -> list[tuple[str, bool]]:
        if self._rested[0] != self._book.index.changes:
            resting = (t for t in self._book.open() if not isinstance(t.order, Planned | Submitted | Unknown))
            found = sorted({(tracked.intent.symbol, waits(tracked)) for tracked in resting})
            self._rested = self._book.index.changes, found
        return self._rested[1]


def _is_fleeting(tracked: Tracked) -> bool:
    intent = tracked.intent
    return intent.type is OrderType.MARKET or intent.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
