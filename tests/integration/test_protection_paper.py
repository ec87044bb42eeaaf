"""Protection through the gateway against the paper venue: how long a position is without its stop, and what then."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperVenue
from qt_ray.adapters.trading.gateway_loop import GatewayLoop
from qt_ray.core.orders import Intent, OrderType, PositionSide, Side
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Opening, traded_in
from qt_ray.execution.exposure import Exposure, fallback_stop
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.protection import Protection
from qt_ray.execution.venue.calls import AskOpenOrders, AskPositions, Cancel, Done, Place
from qt_ray.execution.venue.news import News, OrderNews, StreamUp
from tests.integration.emergencies import paper

pytestmark = [pytest.mark.integration, pytest.mark.requirement("L9")]

BTC = ("BTCUSDT", PositionSide.BOTH)
OURS = "qt-trend-00000000000000000000-0"
TICK, DISTANCE = Decimal("0.1"), Decimal("0.05")


def order(name: str, side: Side, reduce_only: bool = False) -> Intent:
    return Intent(name, BTC[0], side, OrderType.MARKET, Decimal("0.01"), "d", 1, 1, reduce_only=reduce_only)


class Guarded:
    """The smallest shell: books follow the news, and after each piece of it protection takes a step."""

    def __init__(self, session: BinanceSession, folder: Path) -> None:
        self.session = session
        self.journal = JournalFile(folder / "journal")
        self.loop = GatewayLoop(Gateway(Rules()), self.journal, session)
        self.books = Books(Opening(0, {}), {BTC[0]: "USDT"})
        self.protection = Protection("stops")
        self.given_up: list[str] = []
        self.loop.overhear(self.hear)
        self.is_up = False

    def hear(self, news: News, at_ms: int) -> None:
        self.is_up = self.is_up or isinstance(news, StreamUp)
        traded = traded_in(news, foreign=False) if isinstance(news, OrderNews) else None
        if traded is not None:
            self.books.post(traded)
        self.step()

    def step(self) -> None:
        exposures = [self.exposure(quantity.quantity) for quantity in self.books.positions.values()]
        index = self.loop.engine.book.index
        steps = self.protection.step(exposures, index.orders, index.stops, (), now_ms())
        self.given_up += steps.given_up.values()
        for call in steps.calls:
            if isinstance(call, Place):
                self.loop.take(partial(self.loop.engine.want, call.intent))
            elif isinstance(call, Cancel):
                self.loop.take(partial(self.loop.engine.cancel, call.client_id, "no position"))

    def exposure(self, quantity: Decimal) -> Exposure:
        entry = self.books.position(*BTC).average_entry or Decimal(0)
        stop = fallback_stop(quantity, entry, TICK, DISTANCE)
        return Exposure(*BTC, quantity, entry, stop, Decimal(100), "guard", 1, 1)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        while not await holds():
            self.step()
            await asyncio.sleep(0.02)

    async def buy(self) -> None:
        """Buy once the venue can be heard; before that, nobody would know what was bought."""
        while not self.is_up:
            await asyncio.sleep(0.005)
        self.loop.take(partial(self.loop.engine.want, order(OURS, Side.BUY)))

    async def stops(self) -> int:
        answer = await self.session.ask(AskOpenOrders(conditional=True))
        assert isinstance(answer, Done)
        return len(answer.value)

    async def is_flat(self) -> bool:
        answer = await self.session.ask(AskPositions())
        return isinstance(answer, Done) and not any(view.quantity for view in answer.value)

    async def has_no_stop(self) -> bool:
        return await self.stops() == 0

    async def has_given_up(self) -> bool:
        return bool(self.given_up)

    async def is_covered(self) -> bool:
        gap = self.protection.gaps().get(BTC)
        return gap is not None and gap.until_ms is not None


Story = Callable[[PaperVenue, Guarded], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def whole() -> None:
        async with paper() as (venue, session):
            guarded = Guarded(session, folder)
            work = asyncio.create_task(guarded.loop.run())
            try:
                guarded.loop.take(partial(guarded.loop.engine.fenced, Fence(1, now_ms() + 600_000)))
                await asyncio.wait_for(story(venue, guarded), 30)
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                guarded.journal.close()

    asyncio.run(whole())


def test_a_position_has_its_stop_within_two_seconds_and_loses_it_with_itself(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, guarded: Guarded) -> None:
        await guarded.buy()
        await guarded.until(guarded.is_covered)
        assert guarded.protection.gaps()[BTC].length_ms(now_ms()) < 2_000
        assert await guarded.stops() == 1
        # Somebody else closes the position, with an order that is not ours.
        outside = order("web_1", Side.SELL, reduce_only=True)
        assert isinstance(await guarded.session.ask(Place(outside)), Done)
        await guarded.until(guarded.has_no_stop)
        assert await guarded.is_flat()
        assert guarded.given_up == []

    play(tmp_path, story)


def test_a_position_that_can_have_no_stop_is_closed(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, guarded: Guarded) -> None:
        venue.faults.add(Rule(Deed.ANSWER_BEFORE, method="POST", path="/fapi/v1/algoOrder", answer="internal"))
        await guarded.buy()
        await guarded.until(guarded.has_given_up)
        await guarded.until(guarded.is_flat)
        assert len(guarded.given_up) == 1

    play(tmp_path, story)
