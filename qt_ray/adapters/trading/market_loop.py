"""Market loop: the market's feed beside the account that trades on it; what it sees, and that it sees, is told on.

Every price goes to the freshness that the account's gate asks, marks go to its stops. Prices that stay old take the
entries that rest on them out of the market. A price outside what the venue itself allows is no price.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.trading.account_loop import AccountLoop
from qt_ray.core.effects import Alert, Severity
from qt_ray.execution.freshness import Freshness, Part
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.ticks import BestPrice, BookTick, MarkTick, Tick

Told = Tick | Unheeded | Unreadable
PriceTick = BestPrice | BookTick | MarkTick

LOOK_MS: Final = 250
KINDS_MAX: Final = 100


class Feed(Protocol):
    """Whoever tells the market."""

    def listen(self) -> AsyncIterator[Told]:
        """Yield what is heard, until cancelled."""


class MarketLoop:
    """One account's sight of the market; `counts` is what could not be used, by kind."""

    def __init__(
        self, account: AccountLoop, feed: Feed, freshness: Freshness, clock: Callable[[], int] = now_ms
    ) -> None:
        self.freshness = freshness
        self.counts: Counter[str] = Counter()
        self._account, self._feed, self._clock = account, feed, clock
        self._listeners: list[Callable[[Tick], None]] = []
        self._old: set[str] = set()
        self._blind: set[str] = set()

    def listen(self, listener: Callable[[Tick], None]) -> None:
        """Tell `listener` what the feed tells, once the account knows it."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Hear and watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            group.create_task(self._watch())

    async def _hear(self) -> None:
        async for told in self._feed.listen():
            self._take(told, self._clock())

    def _take(self, told: Told, at_ms: int) -> None:
        if isinstance(told, Unreadable):
            self._count(f"unreadable: {told.rule}", told.rule, at_ms)
        elif isinstance(told, Unheeded):
            self._count(f"unheeded: {told.kind}", "", at_ms)
        elif isinstance(told, PriceTick) and (part := self._strange(told)) is not None:
            rule = f"{told.symbol}: a {part} is one that the venue would take in an order"
            self.freshness.lost(told.symbol, part, rule, at_ms)
            self._count(f"strange: {rule}", rule, at_ms)
        else:
            self._believe(told, at_ms)

    def _believe(self, tick: Tick, at_ms: int) -> None:
        self.freshness.heard(tick, at_ms)
        if isinstance(tick, MarkTick):
            self._account.marked(tick.symbol, tick.mark)
        for listener in self._listeners:
            listener(tick)

    def _strange(self, tick: PriceTick) -> Part | None:
        """Return what of a symbol is told outside of the prices that its filter knows, if anything is."""
        part, prices = prices_of(tick)
        rules = self._account.custody.listings.symbols.get(tick.symbol)
        is_usual = rules is None or all(rules.price_min <= price <= rules.price_max for price in prices)
        return None if is_usual else part

    def _count(self, kind: str, rule: str, at_ms: int) -> None:
        """Count what could not be used, the rarest together once there are many; a person hears of the first."""
        name = kind if kind in self.counts or len(self.counts) < KINDS_MAX else "others"
        self.counts[name] += 1
        if rule and self.counts[name] == 1:
            self._account.tell(Alert(Severity.WARNING, "the market feed said what breaks a rule", rule, at_ms))

    async def _watch(self) -> None:
        """Say when a symbol's prices grow old, and end its entries when they have been old for long."""
        while True:
            at_ms = self._clock()
            for symbol in self.freshness.symbols:
                self._look(symbol, at_ms)
            await asyncio.sleep(LOOK_MS / 1_000)

    def _look(self, symbol: str, at_ms: int) -> None:
        reason = self.freshness.why_not(symbol, at_ms)
        if reason is None and symbol in self._old:
            self._old.discard(symbol)
            self._account.tell(Alert(Severity.INFO, "prices are young again", symbol, at_ms))
        elif reason is not None and symbol not in self._old:
            self._old.add(symbol)
            self._account.tell(Alert(Severity.WARNING, "prices are too old for entries", reason, at_ms))
        is_blind = self.freshness.is_blind(symbol, at_ms)
        if is_blind and symbol not in self._blind:
            self._account.tell(Alert(Severity.CRITICAL, "entries are cancelled, their prices are old", symbol, at_ms))
        if is_blind:
            self._account.end_entries(symbol, f"the prices of {symbol} are too old")
        (self._blind.add if is_blind else self._blind.discard)(symbol)


def prices_of(tick: PriceTick) -> tuple[Part, tuple[Decimal, ...]]:
    """Return what a tick is about, and the prices in it that anything could rest on."""
    if isinstance(tick, MarkTick):
        return Part.MARK, (tick.mark, tick.index)
    if isinstance(tick, BestPrice):
        return Part.BEST, (tick.bid, tick.ask)
    return Part.BOOK, tuple(side[0][0] for side in (tick.bids, tick.asks) if side)
