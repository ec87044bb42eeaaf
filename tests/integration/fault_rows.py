"""A row of the fault catalogue as a story: an account at work, a fault, and in the end the venue's own record."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperSettings
from qt_ray.adapters.trading.memory import Memory
from qt_ray.core.ids import is_ours
from qt_ray.core.orders import Intent, Order, OrderType, Side, TimeInForce
from qt_ray.core.payloads import TradeExecuted
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Opening, Traded
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.effects import Effect, Tell
from qt_ray.execution.gateway.rules import Rules
from tests.integration.accounts import SYMBOLS, Stage, account_at, entry, venue_open

BTC = SYMBOLS[0]
ALL = Window(from_id=0, limit=1_000)
POST: dict[str, Any] = {"method": "POST", "path": "/fapi/v1/order", "count": 1}
Fill = tuple[str, int, Decimal, Decimal, Decimal]


@dataclass
class Row:
    """The stage, and what a story does on it."""

    stage: Stage
    wanted: int = 0
    executed: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.stage.account.gateway.listen(self.overhear)

    def overhear(self, effect: Effect, at_ms: int) -> None:
        if isinstance(effect, Tell) and isinstance(effect.payload, TradeExecuted):
            self.executed[effect.payload.trade_id] += 1

    def break_(self, deed: Deed, **how: Any) -> None:
        self.stage.venue.faults.add(Rule(deed, **how))

    def lift(self) -> None:
        self.stage.venue.faults.remove()

    def do(self, deed: str, **how: Any) -> Any:
        return self.stage.venue.control.do(deed, how)

    def want(self, *intents: Intent) -> tuple[str, ...]:
        engine = self.stage.account.gateway.engine
        self.stage.account.gateway.take(partial(engine.want_all, intents))
        return tuple(intent.client_id for intent in intents)

    def market(self, steps: int = 10, side: Side = Side.BUY) -> Intent:
        """Return a market order like no other."""
        self.wanted += 1
        return entry(self.wanted, str(Decimal(steps + self.wanted).scaleb(-3)), side=side)

    def limit(self, away: str, steps: int = 10, time_in_force: TimeInForce = TimeInForce.GTC) -> Intent:
        """Return a limit order to buy at so many times the best ask."""
        plain, price = self.market(steps), self.ask * Decimal(away)
        given = {name: getattr(plain, name) for name in ("client_id", "symbol", "side", "decision_id", "epoch")}
        price = price.quantize(Decimal("0.1"))
        more = {"type": OrderType.LIMIT, "policy_version": 1, "limit_price": price, "time_in_force": time_in_force}
        return Intent(**given, **more, quantity=plain.quantity)

    @property
    def ask(self) -> Decimal:
        return self.stage.venue.exchange.depth(BTC, 1).asks[0].price

    def order(self, name: str) -> Order:
        return self.stage.account.gateway.engine.book.orders[name].order

    async def agreed(self) -> None:
        """Wait until the books hold the venue's trades and no order of ours is in doubt."""
        await self.stage.until(self.agrees)

    def agrees(self) -> bool:
        account = self.stage.account
        unsure = {"submitted", "unknown"}
        is_sure = all(tracked.order.kind not in unsure and not tracked.missing for tracked in self.tracked())
        return is_sure and fills_in(account.custody.books.entries) == fills_at(self.stage)

    def tracked(self) -> list[Any]:
        return list(self.stage.account.gateway.engine.book.orders.values())

    def at_venue(self, name: str) -> list[Any]:
        orders = self.stage.venue.exchange.orders(FIRST_ACCOUNT, window=ALL)
        return [order for order in orders if order.client_id == name]


Story = Callable[[Row], Awaitable[None]]


def tell(
    folder: Path, story: Story, rules: Rules | None = None, patience: Patience | None = None, step_ms: int = 0
) -> None:
    """Play a story, in a market that stands still or moves, and prove V1 to V5 and V12 by journal and venue alone."""

    async def whole() -> None:
        async with venue_open(PaperSettings(symbols=SYMBOLS, seed=7, step_ms=step_ms)) as venue:
            async with account_at(venue, folder, rules, patience) as stage:
                row = Row(stage)
                await story(row)
                row.lift()
                await row.agreed()
                digest = stage.account.custody.books.digest()
            prove(stage, folder, digest)

    asyncio.run(whole())


def fills_in(entries: Any) -> set[Fill]:
    made = [(entry.symbol, entry.execution) for entry in entries if isinstance(entry, Traded)]
    return {(symbol, e.trade_id, e.quantity, e.price, e.fee) for symbol, e in made}


def fills_at(stage: Stage) -> set[Fill]:
    exchange = stage.venue.exchange
    made = [trade for symbol in SYMBOLS for trade in exchange.trades(FIRST_ACCOUNT, symbol, ALL)]
    return {(trade.symbol, trade.id, trade.quantity, trade.price, trade.fee) for trade in made}


def prove(stage: Stage, folder: Path, digest: str) -> None:
    exchange, book = stage.venue.exchange, Book()
    memory = Memory(folder, book)
    opening, *entries = memory.entries
    memory.close()
    assert isinstance(opening, Opening)
    books = Books.of(opening, dict.fromkeys(SYMBOLS, "USDT"), [e for e in entries if not isinstance(e, Opening)])
    assert fills_in(books.entries) == fills_at(stage), "V1"
    for symbol in SYMBOLS:
        held = sum((position.held.quantity for position in exchange.positions(FIRST_ACCOUNT, symbol)), Decimal(0))
        assert books.position(symbol).quantity == held, "V2"
    books.check()
    assert books.wallets["USDT"] == exchange.figures(FIRST_ACCOUNT)["USDT"].wallet, "V3"
    accepted = Counter(order.client_id for order in exchange.orders(FIRST_ACCOUNT, window=ALL))
    ours = {name for name in accepted if is_ours(name)}
    ours |= {algo.client_id for algo in exchange.algos(FIRST_ACCOUNT, window=ALL)}
    assert all(accepted[name] <= 1 for name in ours), "V4"
    assert all(book.orders[name].sent_ms is not None for name in ours), "V5"
    assert books.digest() == digest, "V12"
