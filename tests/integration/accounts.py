"""An account at work on a paper venue over real sockets, for stories about both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.gateway.fence import Fence, Gate, ungated
from qt_ray.execution.gateway.rules import Rules

SYMBOLS = ("BTCUSDT", "ETHUSDT")
EPOCH = 3
LEASE_MS = 3_600_000
PATIENCE_S = 30
LOOK_S = 0.005


@dataclass(slots=True)
class Stage:
    """The venue, our session to it, and the account."""

    venue: PaperVenue
    session: BinanceSession
    account: AccountLoop

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the world go on until something holds."""
        await until(holds)


async def until(holds: Callable[[], bool], look_s: float = LOOK_S) -> None:
    """Let the world go on until something holds, but not for ever."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(look_s)


@asynccontextmanager
async def at_work(
    session: BinanceSession, opening: Awaitable[AccountLoop]
) -> AsyncIterator[tuple[AccountLoop, "asyncio.Task[None]"]]:
    """Let an account work under a lease once it is open, and end it and its session whatever comes of it."""
    task = None
    try:
        account = await opening
        account.fenced(Fence(EPOCH, now_ms() + LEASE_MS))
        task = asyncio.create_task(account.run())
        yield account, task
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await session.close()


def endpoints_of(venue: PaperVenue) -> Endpoints:
    return Endpoints(venue.base_url, venue.ws_url, venue.base_url)


@asynccontextmanager
async def venue_open(settings: PaperSettings | None = None) -> AsyncIterator[PaperVenue]:
    venue = PaperVenue(settings or PaperSettings(symbols=SYMBOLS, seed=7))
    await venue.start()
    try:
        yield venue
    finally:
        await venue.stop()


@asynccontextmanager
async def account_at(
    venue: PaperVenue,
    folder: Path,
    rules: Rules | None = None,
    patience: Patience | None = None,
    gate: Gate = ungated,
) -> AsyncIterator[Stage]:
    session = await BinanceSession.open(endpoints_of(venue), Signer(PAPER_KEY, PAPER_SECRET), patience)
    opening = AccountLoop.open(folder, session, SYMBOLS, rules or Rules(), Keeping(), gate=gate)
    async with at_work(session, opening) as (account, task):
        await until(lambda: account.is_ready or task.done() or account.gateway.engine.fence.emergency)
        yield Stage(venue, session, account)


def entry(number: int, quantity: str, symbol: str = "BTCUSDT", side: Side = Side.BUY) -> Intent:
    decision = f"decision{number}"
    return Intent(
        client_id=str(ClientOrderId("test", intent_id(decision, "entry"))),
        symbol=symbol,
        side=side,
        type=OrderType.MARKET,
        quantity=Decimal(quantity),
        decision_id=decision,
        policy_version=1,
        epoch=EPOCH,
    )
