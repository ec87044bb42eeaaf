"""An account at work that sees the market: gate, feed and stops together, on a paper venue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from qt_ray.adapters.binance.market_feed import MarketFeed
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.adapters.trading.market_loop import MarketLoop
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Filled, Order, OrderType, Side
from qt_ray.execution.freshness import Freshness, Part
from qt_ray.execution.gateway.effects import Declined, Effect
from qt_ray.execution.gateway.rules import Rules
from qt_ray.market.ticks import Tick
from tests.integration.accounts import SYMBOLS, Stage, account_at, entry, venue_open

BTC = SYMBOLS[0]
LIVELY = PaperSettings(symbols=SYMBOLS, seed=7, step_ms=50, mark_ms=200)
PARTS = {Stream.BEST: Part.BEST, Stream.DEPTH: Part.BOOK, Stream.MARK: Part.MARK}
# As in earnest, but a mark is old after two seconds and not five, and what rests on it goes after three and not thirty.
LIMITS = Limits(mark_age_max_ms=2_000, entry_cancel_age_ms=3_000)


@dataclass
class Scene:
    """The stage with a market loop on it."""

    stage: Stage
    feed: MarketFeed
    market: MarketLoop
    ticks: list[Tick] = field(default_factory=list)
    declined: dict[str, str] = field(default_factory=dict)
    wanted: int = 0

    def __post_init__(self) -> None:
        self.market.listen(self.ticks.append)
        self.stage.account.gateway.listen(self.overhear)

    def overhear(self, effect: Effect, at_ms: int) -> None:
        if isinstance(effect, Declined):
            self.declined[effect.intent.client_id] = effect.reason

    def do(self, deed: str, **how: Any) -> Any:
        return self.stage.venue.control.do(deed, how)

    def break_(self, deed: Deed, **how: Any) -> None:
        self.stage.venue.faults.add(Rule(deed, **how))

    def want(self, resting: bool = False) -> str:
        """Want an entry like no other, and return its name."""
        self.wanted += 1
        intent = entry(self.wanted, str(Decimal(10 + self.wanted).scaleb(-3)))
        if resting:
            price = (self.stage.venue.exchange.last_price(BTC) * Decimal("0.97")).quantize(Decimal(1))
            intent = replace(intent, type=OrderType.LIMIT, limit_price=price)
        gateway = self.stage.account.gateway
        gateway.take(partial(gateway.engine.want, intent))
        return intent.client_id

    def close(self) -> str:
        """Want out of what is held, and return the name of the order."""
        self.wanted += 1
        held = self.stage.account.custody.books.position(BTC).quantity
        intent = replace(entry(self.wanted, str(held), side=Side.SELL), reduce_only=True)
        gateway = self.stage.account.gateway
        gateway.take(partial(gateway.engine.want, intent))
        return intent.client_id

    def order(self, name: str) -> Order:
        return self.stage.account.gateway.engine.book.orders[name].order

    def why_not(self) -> str | None:
        return self.market.freshness.why_not(BTC, now_ms())

    def open_orders(self) -> int:
        return len(self.stage.venue.exchange.open_orders(FIRST_ACCOUNT))

    async def until(self, holds: Callable[[], bool]) -> None:
        await self.stage.until(holds)

    async def sees(self) -> None:
        """Wait until an entry would pass."""
        await self.until(lambda: self.why_not() is None and self.stage.account.is_ready)

    async def filled(self, name: str) -> None:
        await self.until(lambda: name in self.declined or isinstance(self.order(name), Filled))
        assert name not in self.declined, self.declined


@asynccontextmanager
async def scene_at(venue: PaperVenue, folder: Path, *kinds: Stream) -> AsyncIterator[Scene]:
    freshness = Freshness(SYMBOLS, [PARTS[kind] for kind in kinds], LIMITS, now_ms())
    async with account_at(venue, folder, Rules(limits=LIMITS), gate=freshness.why_not) as stage:
        feed = stage.session.market(Wanted(SYMBOLS, frozenset(kinds)))
        market = MarketLoop(stage.account, feed, freshness)
        seeing = asyncio.create_task(market.run())
        scene = Scene(stage, feed, market)
        try:
            await scene.sees()
            yield scene
        finally:
            seeing.cancel()
            await asyncio.gather(seeing, return_exceptions=True)


Story = Callable[[Scene], Awaitable[None]]


def watch(folder: Path, story: Story, *kinds: Stream, settings: PaperSettings = LIVELY) -> None:
    async def whole() -> None:
        async with venue_open(settings) as venue, scene_at(venue, folder, *kinds) as scene:
            await asyncio.wait_for(story(scene), 30)

    asyncio.run(whole())
