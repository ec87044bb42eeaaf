"""What emergencies happen to: an account with a position, a resting order and a stop in each symbol."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.core.orders import Intent, OrderType, PositionSide, Side
from qt_ray.execution.venue.calls import AskMarks, AskOpenOrders, AskPositions, Call, Done, Place

KEY, SECRET = "a key of this test", "and its secret"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
QUANTITIES = {"BTCUSDT": Decimal("0.01"), "ETHUSDT": Decimal("0.1")}
Story = Callable[[PaperVenue, BinanceSession], Awaitable[None]]


@asynccontextmanager
async def paper() -> AsyncIterator[tuple[PaperVenue, BinanceSession]]:
    venue = PaperVenue(PaperSettings(symbols=SYMBOLS, step_ms=20, key=KEY, secret=SECRET))
    await venue.start()
    session = await session_of(venue, KEY, SECRET)
    try:
        yield venue, session
    finally:
        await session.close()
        await venue.stop()


async def session_of(venue: PaperVenue, key: str, secret: str) -> BinanceSession:
    return await BinanceSession.open(Endpoints(venue.base_url, venue.ws_url, venue.base_url), Signer(key, secret))


@asynccontextmanager
async def ess_of(venue: PaperVenue) -> AsyncIterator[BinanceSession]:
    """The emergency stop's own session, under its own key."""
    session = await session_of(venue, f"{KEY}-ess", f"{SECRET}-ess")
    try:
        yield session
    finally:
        await session.close()


def play(story: Story) -> None:
    async def whole() -> None:
        async with paper() as (venue, session):
            await asyncio.wait_for(story(venue, session), 60)

    asyncio.run(whole())


async def value(session: BinanceSession, call: Call) -> Any:
    answer = await session.ask(call)
    assert isinstance(answer, Done), answer
    return answer.value


def named(number: int) -> str:
    return f"qt-trend-00000000000000000000-{number}"


async def open_all(session: BinanceSession, side: PositionSide = PositionSide.BOTH, scene: int = 0) -> None:
    """Hold a position, a resting entry and a stop in each symbol; each scene has its own names."""
    marks = await value(session, AskMarks())
    for at, symbol in enumerate(SYMBOLS, scene * len(SYMBOLS)):
        near = marks[symbol].mark * Decimal("0.97") // 1
        quantity = QUANTITIES[symbol]
        common = {"decision_id": "d", "policy_version": 1, "epoch": 1, "position_side": side}
        wanted = (
            Intent(named(3 * at), symbol, Side.BUY, OrderType.MARKET, quantity, **common),
            Intent(named(3 * at + 1), symbol, Side.BUY, OrderType.LIMIT, quantity, limit_price=near, **common),
            Intent(
                named(3 * at + 2), symbol, Side.SELL, OrderType.STOP_MARKET, quantity, reduce_only=True,
                trigger_price=near, **common,
            ),
        )  # fmt: skip
        for intent in wanted:
            await value(session, Place(intent))


async def is_flat(session: BinanceSession) -> bool:
    looks = (AskPositions(), AskOpenOrders(), AskOpenOrders(conditional=True))
    held, plain, algos = [await value(session, call) for call in looks]
    return not plain and not algos and not any(view.quantity for view in held)
