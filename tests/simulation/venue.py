"""Venue: the exchange core spoken to in calls and heard in news, for one account and a market made of dice.

It is told nothing of faults: what the network loses, repeats or delays it never sees. Orders and trades are its own
record, which the checker compares with ours.
"""

from collections import Counter as Tally
from decimal import Decimal
from random import Random
from typing import Any, Final

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.books import Books
from qt_ray.execution.exchange.counter import Counter
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.heard import news_of
from qt_ray.execution.exchange.listing import Level, Listing, Quote, Tier
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.shown import algo_view, order_view, trade_view
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, Told
from qt_ray.execution.exchange.values import NewAlgo, NewOrder, Refusal
from qt_ray.execution.venue.calls import Answer, Call, Done, Place, PlaceMany
from qt_ray.execution.venue.news import News
from qt_ray.execution.venue.views import OrderView, PositionSide, TradeView

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
        self.accepted: Tally[str] = Tally()
        self._counter = Counter(self.exchange, ACCOUNT)
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
        return [news for told in found if (news := news_of(told, ACCOUNT)) is not None]

    def _follow(self, told: Told) -> None:
        if isinstance(told, AlgoTold):
            is_stop = told.algo.state == "NEW" and told.algo.wanted.reduce_only
            self._stops.pop(told.algo.id, None)
            if is_stop:
                self._stops[told.algo.id] = told.algo.wanted
        elif isinstance(told, AccountTold):
            self._held.update((held.symbol, held.quantity) for held in told.positions)

    def ask(self, call: Call, now_ms: int) -> Answer[Any]:
        """Carry out one call, and count the orders that it placed."""
        answer = self._counter.ask(call, now_ms)
        if isinstance(answer, Done) and isinstance(call, Place):
            self.accepted[call.intent.client_id] += 1
        elif isinstance(answer, Done) and isinstance(call, PlaceMany):
            elements = zip(call.intents, answer.value, strict=True)
            self.accepted.update(intent.client_id for intent, one in elements if isinstance(one, Done))
        return answer

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
