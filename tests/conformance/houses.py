"""Houses: one exchange, and three ways to trade at it: in this process, over the wire with our adapter, and over the
wire by somebody who has read nothing but the documentation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from qt_ray.adapters import clock
from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.paper.listings import listings
from qt_ray.adapters.paper.venue import FIRST_IDS, PaperSettings, PaperVenue
from qt_ray.adapters.simulated_session import SimulatedSession
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.exchange.counter import Counter
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Level, Quote
from qt_ray.execution.venue.calls import Call, Done, Refused
from qt_ray.execution.venue.news import AccountNews, AlgoNews, News, OrderNews, StreamUp, Unheeded, Unreadable
from qt_ray.execution.venue.session import VenueSession
from tests.conformance.raw_session import RawSession
from tests.unit.adapters.paper.client import still_bars

BTC, ETH = "BTCUSDT", "ETHUSDT"
ACCOUNT = "paper"
WALLET = Decimal(100_000)
PRICE = Decimal(70_000)
TICK = Decimal("0.1")
PATIENCE_S = 30
D = Decimal
Story = Callable[["House"], Awaitable[None]]


def quote(price: Decimal, symbol: str = BTC, depth: str = "100", mark: Decimal | None = None) -> Quote:
    """Return a market a tick wide with much, or `depth`, at one price to each side."""
    bids, asks = (Level(price - TICK, D(depth)),), (Level(price + TICK, D(depth)),)
    shown = price if mark is None else mark
    return Quote(symbol, bids, asks, price, shown, shown, D("0.0001"), 1)


@dataclass(slots=True)
class Watch:
    """A clock that goes when it is told to."""

    now_ms: int

    def __call__(self) -> int:
        return self.now_ms


class Ear:
    """What is told to the account, kept until enough was heard."""

    def __init__(self, news: AsyncIterator[News]) -> None:
        self.news = news
        self.told: list[News] = []

    async def until(self, enough: Callable[[list[News]], bool]) -> list[News]:
        """Return all that was heard once it is enough; what breaks a rule fails the test."""
        async with asyncio.timeout(PATIENCE_S):
            while not enough(self.told):
                one = await anext(self.news)
                assert not isinstance(one, Unreadable), one
                if not isinstance(one, Unheeded):
                    self.told.append(one)
        return self.told

    async def words(self, last: str, times: int = 1) -> list[str]:
        """Return what was heard in short, up to a last word."""
        told = await self.until(lambda told: words(told).count(last) >= times)
        return words(told)


def words(told: list[News]) -> list[str]:
    """Say news in short."""
    return [word(one) for one in told]


def word(one: News) -> str:
    if isinstance(one, OrderNews):
        return f"{one.client_id} {one.event} {one.status}"
    if isinstance(one, AlgoNews):
        return f"{one.client_id} algo {one.status}"
    return f"account {one.reason}" if isinstance(one, AccountNews) else type(one).__name__


@dataclass(slots=True)
class House:
    """An exchange and a session with it; `tell` lets everybody hear what was done to the world."""

    exchange: Exchange
    session: VenueSession
    now_ms: Callable[[], int]
    quote: Callable[[Quote, int], None]
    tell: Callable[[], None]

    def world(self, act: Callable[[Exchange, int], object]) -> None:
        """Let something happen that nobody at the counter asked for."""
        act(self.exchange, self.now_ms())
        self.tell()

    def move(self, price: Decimal, symbol: str = BTC, depth: str = "100", mark: Decimal | None = None) -> None:
        """Let the market be somewhere else."""
        now_ms = self.now_ms()
        self.quote(replace(quote(price, symbol, depth, mark), time_ms=now_ms), now_ms)
        self.tell()

    def elapse(self, ms: int) -> None:
        """Let time pass where it does not pass by itself."""
        if isinstance(self.now_ms, Watch):
            self.now_ms.now_ms += ms
            self.world(lambda exchange, now_ms: exchange.advance(now_ms))

    async def done(self, call: Call) -> Any:
        """Return what the venue did or shows; all of it readable."""
        answer = await self.session.ask(call)
        assert isinstance(answer, Done), answer
        assert answer.unread == ()
        return answer.value

    async def code(self, call: Call) -> int:
        """Return the number with which the venue refuses."""
        answer = await self.session.ask(call)
        assert isinstance(answer, Refused), answer
        return answer.code

    @asynccontextmanager
    async def ear(self) -> AsyncIterator[Ear]:
        """Yield an ear to which everything is told from now on."""
        news = self.session.news()
        assert isinstance(await anext(news), StreamUp)
        try:
            yield Ear(news)
        finally:
            await news.aclose()  # type: ignore[attr-defined]  # each of the three is an async generator


@asynccontextmanager
async def simulated() -> AsyncIterator[House]:
    """Yield a house without a wire."""
    watch = Watch(clock.now_ms())
    exchange = Exchange(listings((BTC, ETH)).values(), watch.now_ms, FIRST_IDS)
    exchange.open_account(ACCOUNT, {"USDT": WALLET})
    session = SimulatedSession(Counter(exchange, ACCOUNT), watch)
    try:
        yield House(exchange, session, watch, exchange.quote, session.hear)
    finally:
        await session.close()


@asynccontextmanager
async def wired(opened: Callable[[PaperVenue], Awaitable[VenueSession]]) -> AsyncIterator[House]:
    """Yield a paper venue and a session over its sockets."""
    venue = PaperVenue(PaperSettings(symbols=(BTC, ETH), balance=WALLET, step_ms=0, bars=still_bars(BTC, ETH)))
    await venue.start()
    session = await opened(venue)
    try:
        yield House(venue.exchange, session, venue.hall.market_ms, venue.hall.quote, venue.hall.tell)
    finally:
        await session.close()
        await venue.stop()


async def by_adapter(venue: PaperVenue) -> VenueSession:
    endpoints = Endpoints(venue.base_url, venue.ws_url, venue.base_url)
    return await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))


async def by_hand(venue: PaperVenue) -> VenueSession:
    return RawSession(venue.base_url, venue.ws_url)


HOUSES = {"simulated": simulated, "raw": lambda: wired(by_hand), "adapter": lambda: wired(by_adapter)}


def play(kind: str, story: Story) -> None:
    """Let a story happen in a house of a kind; both markets begin at the same price."""

    async def whole() -> None:
        async with HOUSES[kind]() as house:
            for symbol in (BTC, ETH):
                house.move(PRICE, symbol)
            await story(house)

    asyncio.run(whole())


def market(name: str, side: Side = Side.BUY, quantity: str = "0.01", **changes: Any) -> Intent:
    """Return an intent to trade now."""
    return replace(Intent(name, BTC, side, OrderType.MARKET, D(quantity), "decision", 1, 1), **changes)


def limit(name: str, price: str, side: Side = Side.BUY, quantity: str = "0.01", **changes: Any) -> Intent:
    """Return an intent to trade at a price or better."""
    return market(name, side, quantity, type=OrderType.LIMIT, limit_price=D(price), **changes)


def stop(name: str, trigger: str, side: Side = Side.SELL, quantity: str = "0.01", **changes: Any) -> Intent:
    """Return an intent to close once the market is somewhere."""
    given = {"type": OrderType.STOP_MARKET, "trigger_price": D(trigger), "reduce_only": True, **changes}
    return market(name, side, quantity, **given)
