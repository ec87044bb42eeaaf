"""Venue: the exchange core spoken to in calls and heard in news, for one account and a market made of dice.

It is told nothing of faults: what the network loses, repeats or delays it never sees. Orders and trades are its own
record, which the checker compares with ours.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Final

from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.books import Books
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Level, Listing, Quote, Tier
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, Told
from qt_ray.execution.exchange.values import NewAlgo, NewOrder, Refusal, TimeInForce, Working
from qt_ray.execution.venue.calls import (
    Amend,
    Answer,
    AskAccount,
    AskIncome,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    AskRules,
    AskTrades,
    Call,
    Cancel,
    CancelAll,
    Countdown,
    Done,
    Place,
    PlaceMany,
    Refused,
)
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import OrderView, PositionSide, PositionView, TradeView
from tests.simulation.shown import (
    account_view,
    algo_view,
    incomes_of,
    news_of,
    order_view,
    position_view,
    rules_view,
    trade_view,
)

ACCOUNT: Final = "fund"
WALLET: Final = Decimal(1_000_000)
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PRICES: Final = {"BTCUSDT": Decimal(60_000), "ETHUSDT": Decimal(3_000), "SOLUSDT": Decimal(150)}
STEP: Final = Decimal("0.001")
TICK: Final = Decimal("0.1")
ZERO: Final = Decimal(0)


def listing(symbol: str) -> Listing:
    """Return a symbol with wide filters, so that what is refused is refused for a fault's sake."""
    return Listing(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        status="TRADING",
        tick=TICK,
        step=STEP,
        market_step=STEP,
        quantity_min=STEP,
        quantity_max=Decimal(10_000),
        market_quantity_max=Decimal(10_000),
        notional_min=Decimal(5),
        price_min=TICK,
        price_max=Decimal(1_000_000),
        price_up=Decimal("1.5"),
        price_down=Decimal("0.5"),
        orders_max=200,
        liquidation_rate=Decimal("0.0125"),
        market_take_bound=Decimal("0.3"),
        trigger_protect=Decimal("0.1"),
        maker_rate=Decimal("0.0002"),
        taker_rate=Decimal("0.0005"),
        brackets=(Tier(1, 50, ZERO, Decimal(100_000_000), Decimal("0.01"), ZERO),),
    )


class Venue:
    """One account at the exchange, and the market around it."""

    def __init__(self, dice: Random, start_ms: int) -> None:
        self.exchange = Exchange([listing(symbol) for symbol in SYMBOLS], start_ms)
        self.exchange.open_account(ACCOUNT, {"USDT": WALLET})
        self.accepted: Counter[str] = Counter()
        self._dice = dice
        self._prices = dict(PRICES)
        self._held = dict.fromkeys(SYMBOLS, ZERO)
        self._stops: dict[int, NewAlgo] = {}
        for symbol in SYMBOLS:
            self._quote(symbol, start_ms)

    def price(self, symbol: str) -> Decimal:
        """Return where a symbol trades now."""
        return self._prices[symbol]

    def move(self, symbol: str, now_ms: int) -> None:
        """Let the market of a symbol take a step."""
        step = Decimal(self._dice.randint(-20, 20)) / 10_000
        self._prices[symbol] = max((self._prices[symbol] * (1 + step)).quantize(TICK), TICK * 100)
        self._quote(symbol, now_ms)

    def jump(self, symbol: str, factor: Decimal, now_ms: int) -> None:
        """Let the market of a symbol leap, stops and margins or not."""
        self._prices[symbol] = max((self._prices[symbol] * factor).quantize(TICK), TICK * 100)
        self._quote(symbol, now_ms)

    def by_hand(self, symbol: str, side: Side, quantity: Decimal, name: str, now_ms: int) -> bool:
        """Let the owner trade with an order that is not ours; return whether the exchange took it."""
        try:
            self.exchange.place(ACCOUNT, NewOrder(symbol, side, OrderType.MARKET, quantity, client_id=name), now_ms)
        except Refusal:
            return False
        return True

    def deleverage(self, symbol: str, now_ms: int) -> bool:
        """Let half a position be closed for somebody else's loss; return whether there was one."""
        half = (abs(self.position(symbol)) / 2).quantize(STEP)
        if half:
            self.exchange.deleverage(ACCOUNT, symbol, PositionSide.BOTH, half, self._prices[symbol], now_ms)
        return bool(half)

    def is_protected(self, symbol: str) -> bool:
        """Return whether what is held of a symbol, as was told, is covered by stops, whoever placed them."""
        held = self._held[symbol]
        closing = (w.quantity or ZERO for w in self._stops.values() if w.symbol == symbol and w.side.sign * held < 0)
        return not held or sum(closing, ZERO) >= abs(held)

    def news(self) -> list[News]:
        """Return what was told to the account since the last time."""
        found = self.exchange.drain()
        for told in found:
            self._follow(told)
        return [news for told in found if (news := news_of(told)) is not None]

    def _follow(self, told: Told) -> None:
        if isinstance(told, AlgoTold):
            is_stop = told.algo.state == "NEW" and told.algo.wanted.reduce_only
            self._stops.pop(told.algo.id, None)
            if is_stop:
                self._stops[told.algo.id] = told.algo.wanted
        elif isinstance(told, AccountTold):
            self._held.update((held.symbol, held.quantity) for held in told.positions)

    def ask(self, call: Call, now_ms: int) -> Answer[Any]:
        """Carry out one call."""
        try:
            return Done(self._carry_out[type(call)](self, call, now_ms))
        except Refusal as refusal:
            return Refused(refusal.code, refusal.message)

    def orders(self) -> list[OrderView]:
        """Return every order of ours that ever was, plain and conditional."""
        exchange = self.exchange
        plain = [order_view(order) for order in exchange.orders(ACCOUNT, window=Window(from_id=0, limit=1_000))]
        return plain + [algo_view(algo) for algo in exchange.algos(ACCOUNT, window=Window(from_id=0, limit=1_000))]

    def trades(self) -> list[TradeView]:
        """Return every trade of ours."""
        window = Window(from_id=0, limit=1_000)
        found = [trade for symbol in SYMBOLS for trade in self.exchange.trades(ACCOUNT, symbol, window)]
        return [trade_view(trade) for trade in found]

    @property
    def wallet(self) -> Decimal:
        """Return what the account holds."""
        return self.exchange.figures(ACCOUNT)["USDT"].wallet

    def position(self, symbol: str) -> Decimal:
        """Return the signed quantity held."""
        return sum((position.held.quantity for position in self.exchange.positions(ACCOUNT, symbol)), ZERO)

    def agrees(self, books: Books) -> bool:
        """Return whether books hold what the account holds, to the last digit."""
        held = all(books.position(symbol).quantity == self.position(symbol) for symbol in SYMBOLS)
        return held and books.wallets == self.wallets

    @property
    def wallets(self) -> dict[str, Decimal]:
        """Return what every wallet holds."""
        return {asset: figures.wallet for asset, figures in self.exchange.figures(ACCOUNT).items()}

    def _quote(self, symbol: str, now_ms: int) -> None:
        price = self._prices[symbol]
        depth = [Decimal(self._dice.randint(20, 400)) * STEP for _ in range(6)]
        bids = tuple(Level(price - TICK * (1 + at), depth[at]) for at in range(3))
        asks = tuple(Level(price + TICK * at, depth[3 + at]) for at in range(3))
        self.exchange.quote(Quote(symbol, bids, asks, price, price, price, ZERO, now_ms), now_ms)

    def _place(self, call: Place, now_ms: int) -> OrderView:
        intent = call.intent
        if intent.type.is_conditional:
            algo = self.exchange.place_algo(ACCOUNT, _new_algo(intent), now_ms)
            self.accepted[intent.client_id] += 1
            return algo_view(algo)
        order = self.exchange.place(ACCOUNT, _new_order(intent), now_ms)
        self.accepted[intent.client_id] += 1
        return order_view(order)

    def _place_many(self, call: PlaceMany, now_ms: int) -> tuple[Answer[Any], ...]:
        return tuple(self.ask(Place(intent), now_ms) for intent in call.intents)

    def _cancel(self, call: Cancel, now_ms: int) -> OrderView:
        if call.conditional:
            return algo_view(self.exchange.cancel_algo(ACCOUNT, now_ms, client_id=call.client_id))
        return order_view(self.exchange.cancel(ACCOUNT, call.symbol, now_ms, client_id=call.client_id))

    def _cancel_all(self, call: CancelAll, now_ms: int) -> None:
        if call.conditional:
            self.exchange.cancel_algos(ACCOUNT, call.symbol, now_ms)
        else:
            self.exchange.cancel_all(ACCOUNT, call.symbol, now_ms)

    def _amend(self, call: Amend, now_ms: int) -> OrderView:
        order = self.exchange.amend(
            ACCOUNT, call.symbol, call.side, call.quantity, call.price, now_ms, client_id=call.client_id
        )
        return order_view(order)

    def _countdown(self, call: Countdown, now_ms: int) -> None:
        self.exchange.countdown(ACCOUNT, call.symbol, call.after_ms, now_ms)

    def _ask_order(self, call: AskOrder, now_ms: int) -> OrderView:
        if call.conditional:
            return algo_view(self.exchange.algo(ACCOUNT, client_id=call.client_id))
        return order_view(self.exchange.order(ACCOUNT, call.symbol, client_id=call.client_id))

    def _ask_open(self, call: AskOpenOrders, now_ms: int) -> tuple[OrderView, ...]:
        if call.conditional:
            return tuple(map(algo_view, self.exchange.open_algos(ACCOUNT, call.symbol)))
        return tuple(map(order_view, self.exchange.open_orders(ACCOUNT, call.symbol)))

    def _ask_trades(self, call: AskTrades, now_ms: int) -> tuple[TradeView, ...]:
        window = Window(from_id=call.from_id, since_ms=call.since_ms, limit=call.limit)
        return tuple(map(trade_view, self.exchange.trades(ACCOUNT, call.symbol, window)))

    def _ask_positions(self, call: AskPositions, now_ms: int) -> tuple[PositionView, ...]:
        return tuple(map(position_view, self.exchange.positions(ACCOUNT, call.symbol)))

    def _ask_income(self, call: AskIncome, now_ms: int) -> Any:
        return incomes_of(self.exchange, ACCOUNT, Window(since_ms=call.since_ms, limit=call.limit))

    _carry_out: Final[dict[type, Callable[[Any, Any, int], Any]]] = {
        Place: _place,
        PlaceMany: _place_many,
        Cancel: _cancel,
        CancelAll: _cancel_all,
        Amend: _amend,
        Countdown: _countdown,
        AskOrder: _ask_order,
        AskOpenOrders: _ask_open,
        AskTrades: _ask_trades,
        AskPositions: _ask_positions,
        AskIncome: _ask_income,
        AskAccount: lambda self, call, now_ms: account_view(self.exchange, ACCOUNT),
        AskRules: lambda self, call, now_ms: rules_view(list(map(listing, SYMBOLS)), now_ms),
    }


def _new_order(intent: Intent) -> NewOrder:
    return NewOrder(
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        quantity=intent.quantity,
        price=intent.limit_price,
        time_in_force=TimeInForce(intent.time_in_force.value),
        client_id=intent.client_id,
        reduce_only=intent.reduce_only,
    )


def _new_algo(intent: Intent) -> NewAlgo:
    return NewAlgo(
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        quantity=intent.quantity,
        trigger_price=intent.trigger_price,
        price=intent.limit_price if intent.type is not OrderType.LIMIT else None,
        client_id=intent.client_id,
        reduce_only=intent.reduce_only,
        working=Working.MARK_PRICE,
    )
