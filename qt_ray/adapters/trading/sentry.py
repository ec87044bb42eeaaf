"""Sentry: the emergency stop's own eyes: its own stream, its own questions, and marks in between.

Once a second the venue is asked what the account is worth, which is confirmed. Marks are not: what they make of the
account is only a reason to ask at once. Silence is told to nobody; it shows as the age of what was seen last.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.waiting import happened
from qt_ray.core.orders import OrderType
from qt_ray.core.payloads import EquityUpdated
from qt_ray.execution.purse import Purse
from qt_ray.execution.venue.calls import AskAccount, AskIncome, AskPositions, Done
from qt_ray.execution.venue.news import AccountNews, AlgoNews, News, OrderNews, StreamUp
from qt_ray.execution.venue.session import VenueSession
from qt_ray.market.ticks import MarkTick
from qt_ray.risk.drawdown import Level
from qt_ray.risk.vigil import Equity, Vigil

ASK_MS: Final = 1_000
PAUSE_MS: Final = 100
POSITIONS_MS: Final = 5_000
RUMOUR_AGE_MAX_MS: Final = 5_000
DOUBT_SHARE: Final = Decimal("0.99")
HIT_STOPS_MAX: Final = 1_000
HITS: Final = frozenset({"TRIGGERED", "FINISHED"})


class Marks(Protocol):
    """Whoever tells the market."""

    def listen(self) -> AsyncIterator[object]:
        """Yield what is heard, until cancelled."""


class Sentry:
    """Sees one account for one vigil; `look` is called whenever there is something new to judge.

    `cancelled` counts the orders that the stream told of as cancelled.
    """

    def __init__(
        self,
        session: VenueSession,
        marks: Marks,
        vigil: Vigil,
        currency: str,
        since_ms: int,
        look: Callable[[], object],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Be ready to watch; transfers count from `since_ms` on, the moment from which peaks are known."""
        self.purse = Purse(currency)
        self._session, self._marks, self._vigil, self._look, self._clock = session, marks, vigil, look, clock
        self._since_ms = since_ms
        self._doubt = asyncio.Event()
        self._positions_ms = 0
        self._hit: deque[str] = deque(maxlen=HIT_STOPS_MAX)
        self.cancelled = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            group.create_task(self._see())
            group.create_task(self._ask())

    async def confirm(self) -> None:
        """Ask the venue what the account is worth, and judge it; without an answer nothing was seen."""
        shown = await self._session.ask(AskAccount())
        if not isinstance(shown, Done):
            return
        before, told = self.purse.last, self.purse.shown(shown.value)
        if before is None or self.purse.is_suspect(told, before):
            await self._count_transfers()
            told = self.purse.shown(shown.value)
        self._vigil.equity(told, self._clock(), confirmed=True)
        self._look()

    def rumour(self, told: EquityUpdated, at_ms: int) -> None:
        """Take in what somebody else says that the account is worth, if that is no old story."""
        if 0 <= self._clock() - at_ms < RUMOUR_AGE_MAX_MS and self.purse.last is not None:
            self._unconfirmed(Equity(told.equity, told.wallet, told.unrealised, self.purse.last.transfers))

    async def _ask(self) -> None:
        while True:
            self._doubt.clear()
            await self.confirm()
            if self._clock() >= self._positions_ms:
                await self._ask_positions()
            await asyncio.sleep(PAUSE_MS / 1_000)
            await happened(self._doubt, ASK_MS - PAUSE_MS)

    async def _ask_positions(self) -> None:
        shown = await self._session.ask(AskPositions())
        if isinstance(shown, Done):
            self.purse.positions(shown.value)
            self._positions_ms = self._clock() + POSITIONS_MS

    async def _count_transfers(self) -> None:
        shown = await self._session.ask(AskIncome(self._since_ms, "TRANSFER"))
        if isinstance(shown, Done):
            self.purse.moved(shown.value)

    async def _hear(self) -> None:
        async for news in self._session.news():
            self._heard(news, self._clock())

    def _heard(self, news: News, at_ms: int) -> None:
        self.cancelled += isinstance(news, OrderNews | AlgoNews) and news.status == "CANCELED"
        if isinstance(news, AccountNews):
            self.purse.heard(news)
        elif isinstance(news, StreamUp):
            self._positions_ms = 0
            self._doubt.set()
        elif _went_wrong(news):
            self._vigil.execution_error(at_ms)
            self._look()
        elif isinstance(news, AlgoNews) and news.status in HITS and news.venue_id not in self._hit:
            self._hit.append(news.venue_id)
            self._vigil.stop_hit(at_ms)
            self._look()

    async def _see(self) -> None:
        async for told in self._marks.listen():
            if isinstance(told, MarkTick):
                self.purse.marked(told.symbol, told.mark)
                if told.symbol in self.purse.held and (worth := self.purse.worth()) is not None:
                    self._unconfirmed(worth)

    def _unconfirmed(self, worth: Equity) -> None:
        """Judge what nobody confirms; whatever may be serious is asked about at once."""
        reading = self._vigil.equity(worth, self._clock(), confirmed=False)
        last = self.purse.last
        if reading.level is not Level.OK or (last is not None and worth.equity < DOUBT_SHARE * last.equity):
            self._doubt.set()
        if reading.level is Level.HARD:
            self._look()


def _went_wrong(news: News) -> bool:
    """Return whether an order came to an end that nobody wanted."""
    if isinstance(news, OrderNews):
        return news.status == "REJECTED" or (news.status == "EXPIRED" and news.type is OrderType.MARKET)
    return isinstance(news, AlgoNews) and news.status == "REJECTED"
