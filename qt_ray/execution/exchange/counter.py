"""Counter: where one account deals with the exchange: a call comes in as a value, its answer goes out as one.

It says what the adapter of the real venue says to the same call, so whoever trades cannot tell the two apart, and a
no has the venue's number.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from qt_ray.core.orders import Intent
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.heard import news_of
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.shown import (
    account_view,
    algo_view,
    book_view,
    brackets_of,
    income_view,
    mark_view,
    order_view,
    position_view,
    symbol_mode,
    symbol_rules,
    trade_view,
)
from qt_ray.execution.exchange.values import Refusal
from qt_ray.execution.exchange.wishes import conditional, plain
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import BATCH_MAX, Answer, Call, Done, Refused
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import (
    AccountView,
    BookView,
    Brackets,
    IncomeView,
    KeyView,
    MarkView,
    ModeView,
    OrderView,
    PositionView,
    RulesView,
    SymbolMode,
    TradeView,
)

WEIGHT_MINUTE, ORDERS_TEN_SECONDS, ORDERS_MINUTE = 2_400, 300, 1_200
TRADING_KEY: Final = KeyView(may_trade=True, may_withdraw=False, bound_to_addresses=True)
Element = Done[OrderView] | Refused
T = TypeVar("T")


class Counter:
    """One account at the exchange; it takes what the exchange tells, so an exchange has one counter at a time."""

    def __init__(self, exchange: Exchange, account: str, key: KeyView = TRADING_KEY) -> None:
        self.exchange, self.account, self.key = exchange, account, key

    def ask(self, call: Call, now_ms: int) -> Answer[Any]:
        """Carry out one call at a time."""
        self.exchange.advance(now_ms)
        try:
            return Done(self._rows[type(call)](self, call))
        except Refusal as refusal:
            return Refused(refusal.code, refusal.message)

    def news(self) -> list[News]:
        """Return what was told to the account since the last time."""
        return [news for told in self.exchange.drain() if (news := news_of(told, self.account)) is not None]

    @property
    def _now_ms(self) -> int:
        return self.exchange.now_ms

    def _place(self, call: calls.Place) -> OrderView:
        intent = call.intent
        if intent.type.is_conditional:
            return algo_view(self.exchange.place_algo(self.account, conditional(intent), self._now_ms))
        return self._place_plain(intent)

    def _place_plain(self, intent: Intent) -> OrderView:
        return order_view(self.exchange.place(self.account, plain(intent), self._now_ms))

    def _place_many(self, call: calls.PlaceMany) -> tuple[Element, ...]:
        _check_batch(len(call.intents), BATCH_MAX)
        return tuple(_element(self._place_plain, intent) for intent in call.intents)

    def _cancel(self, call: calls.Cancel) -> OrderView:
        if call.conditional:
            return algo_view(self.exchange.cancel_algo(self.account, self._now_ms, client_id=call.client_id))
        found = self.exchange.cancel(self.account, call.symbol, self._now_ms, client_id=call.client_id)
        return order_view(found)

    def _cancel_by_id(self, call: calls.CancelById) -> OrderView:
        number = _number(call.venue_id)
        if call.conditional:
            return algo_view(self.exchange.cancel_algo(self.account, self._now_ms, algo_id=number))
        return order_view(self.exchange.cancel(self.account, call.symbol, self._now_ms, order_id=number))

    def _cancel_many(self, call: calls.CancelMany) -> tuple[Element, ...]:
        _check_batch(len(call.client_ids), 2 * BATCH_MAX)
        return tuple(_element(self._cancel, calls.Cancel(call.symbol, name)) for name in call.client_ids)

    def _cancel_all(self, call: calls.CancelAll) -> None:
        if call.conditional:
            self.exchange.cancel_algos(self.account, call.symbol, self._now_ms)
        else:
            self.exchange.cancel_all(self.account, call.symbol, self._now_ms)

    def _amend(self, call: calls.Amend) -> OrderView:
        found = self.exchange.amend(
            self.account, call.symbol, call.side, call.quantity, call.price, self._now_ms, client_id=call.client_id
        )
        return order_view(found)

    def _countdown(self, call: calls.Countdown) -> None:
        self.exchange.countdown(self.account, call.symbol, call.after_ms, self._now_ms)

    def _order(self, call: calls.AskOrder) -> OrderView:
        if call.conditional:
            return algo_view(self.exchange.algo(self.account, client_id=call.client_id))
        return order_view(self.exchange.order(self.account, call.symbol, client_id=call.client_id))

    def _open_orders(self, call: calls.AskOpenOrders) -> tuple[OrderView, ...]:
        self._check_listed(call.symbol)
        if call.conditional:
            return tuple(map(algo_view, self.exchange.open_algos(self.account, call.symbol)))
        return tuple(map(order_view, self.exchange.open_orders(self.account, call.symbol)))

    def _trades(self, call: calls.AskTrades) -> tuple[TradeView, ...]:
        self._check_listed(call.symbol)
        window = Window(from_id=call.from_id, since_ms=call.since_ms, limit=call.limit)
        return tuple(map(trade_view, self.exchange.trades(self.account, call.symbol, window)))

    def _income(self, call: calls.AskIncome) -> tuple[IncomeView, ...]:
        window = Window(since_ms=call.since_ms, limit=call.limit)
        return tuple(map(income_view, self.exchange.incomes(self.account, None, call.kind, window)))

    def _positions(self, call: calls.AskPositions) -> tuple[PositionView, ...]:
        busy = [name for name in self.exchange.busy_symbols(self.account) if call.symbol in (None, name)]
        return tuple(position_view(each) for name in busy for each in self.exchange.positions(self.account, name))

    def _account(self, call: calls.AskAccount) -> AccountView:
        return account_view(self.exchange.figures(self.account), self.exchange.totals(self.account))

    def _mode(self, call: calls.AskMode) -> ModeView:
        exchange, account = self.exchange, self.account
        symbols = {name: self._symbol_mode(name) for name in exchange.symbols}
        return ModeView(exchange.is_hedged(account), exchange.is_multi_assets(account), symbols)

    def _key(self, call: calls.AskKey) -> KeyView:
        return self.key

    def _rules(self, call: calls.AskRules) -> RulesView:
        symbols = {name: symbol_rules(self.exchange.listing(name)) for name in self.exchange.symbols}
        return RulesView(symbols, WEIGHT_MINUTE, ORDERS_TEN_SECONDS, ORDERS_MINUTE, self._now_ms)

    def _brackets(self, call: calls.AskBrackets) -> Brackets:
        return {name: brackets_of(self.exchange.listing(name)) for name in self.exchange.symbols}

    def _book(self, call: calls.AskBook) -> BookView:
        return book_view(call.symbol, self.exchange.depth(call.symbol, call.levels))

    def _marks(self, call: calls.AskMarks) -> dict[str, MarkView]:
        quotes = {name: self.exchange.last_quote(name) for name in self.exchange.symbols}
        return {name: mark_view(quote, self.exchange.next_funding_ms(name)) for name, quote in quotes.items() if quote}

    def _time(self, call: calls.AskTime) -> int:
        return self._now_ms

    def _set_leverage(self, call: calls.SetLeverage) -> SymbolMode:
        self.exchange.set_leverage(self.account, call.symbol, call.leverage, self._now_ms)
        return self._symbol_mode(call.symbol)

    def _set_margin(self, call: calls.SetMargin) -> None:
        self.exchange.set_isolated(self.account, call.symbol, call.isolated, self._now_ms)

    def _set_hedge_mode(self, call: calls.SetHedgeMode) -> None:
        self.exchange.set_hedge(self.account, call.hedge, self._now_ms)

    def _symbol_mode(self, symbol: str) -> SymbolMode:
        return symbol_mode(self.exchange.positions(self.account, symbol)[0])

    def _check_listed(self, symbol: str | None) -> None:
        if symbol is not None:
            self.exchange.listing(symbol)

    _rows: Final[dict[type, Callable[[Any, Any], Any]]] = {
        calls.Place: _place,
        calls.PlaceMany: _place_many,
        calls.Cancel: _cancel,
        calls.CancelById: _cancel_by_id,
        calls.CancelMany: _cancel_many,
        calls.CancelAll: _cancel_all,
        calls.Amend: _amend,
        calls.Countdown: _countdown,
        calls.AskOrder: _order,
        calls.AskOpenOrders: _open_orders,
        calls.AskTrades: _trades,
        calls.AskIncome: _income,
        calls.AskPositions: _positions,
        calls.AskAccount: _account,
        calls.AskMode: _mode,
        calls.AskKey: _key,
        calls.AskRules: _rules,
        calls.AskBrackets: _brackets,
        calls.AskBook: _book,
        calls.AskMarks: _marks,
        calls.AskTime: _time,
        calls.SetLeverage: _set_leverage,
        calls.SetMargin: _set_margin,
        calls.SetHedgeMode: _set_hedge_mode,
    }


def _element(act: Callable[[T], OrderView], wanted: T) -> Element:
    """Return what became of one element of a batch."""
    try:
        return Done(act(wanted))
    except Refusal as refusal:
        return Refused(refusal.code, refusal.message)


def _check_batch(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise Refusal(-4082, "Invalid number of batch orders")


def _number(venue_id: str) -> int:
    if not (venue_id.isascii() and venue_id.isdecimal()):
        raise Refusal(-1100, "Illegal characters found in parameter 'orderId'; legal range is '^[0-9]{1,20}$'.")
    return int(venue_id)
