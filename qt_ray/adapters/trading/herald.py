"""Herald: what happens to an account, told as events: orders, trades and positions that turn, and its worth.

What the journal holds is told from the journal, once it is durable, and whatever this process does not come to is told
by the next; so no order waits for a word about it. What the account is worth is told at marks, and not at all while the
mark of anything held is unknown.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.outbox import Outbox, Voice
from qt_ray.adapters.trading.workplace import Workplace
from qt_ray.core.events import event
from qt_ray.core.payloads import EquityUpdated, RiskAlert
from qt_ray.engine.bulletin import SOURCE
from qt_ray.execution.gateway.effects import Effect, Tell
from qt_ray.execution.valuation import valued
from qt_ray.market.ticks import MarkTick, Tick
from qt_ray.risk.vigil import Equity

EVERY_MS: Final = 1_000


class Herald:
    """Tells of one workplace; `equity` is what the account was worth when it could last be said."""

    def __init__(
        self, place: Workplace, account: str, currency: str, voice: Voice, clock: Callable[[], int] = now_ms
    ) -> None:
        """Be ready to tell; nothing of what an earlier life has left untold is lost before that."""
        self.equity: Equity | None = None
        self.marks: dict[str, Decimal] = {}
        self._place, self._account, self._currency, self._voice, self._clock = place, account, currency, voice, clock
        self._outbox, self._alerts = Outbox(place.tidings.folder, voice), 0
        self._some = asyncio.Event()
        self._some.set()
        place.account.gateway.listen(self._overhear)
        if place.market is not None:
            place.market.listen(self.saw)

    def saw(self, tick: Tick) -> None:
        """Take in what the market shows."""
        if isinstance(tick, MarkTick):
            self.marks[tick.symbol] = tick.mark

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            for work in (self._follow(), self._look_around(), self._outbox.run()):
                group.create_task(work)

    def look(self) -> None:
        """Tell of journal, worth and alerts, as far as they are news."""
        self._tell_journal()
        self._tell_worth()
        self._tell_alerts()

    def settle(self) -> None:
        """Tell what is left, once nothing more is written, and keep the mark of what was carried."""
        self._tell_journal()
        self._outbox.settle()

    async def _follow(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            self._tell_journal()

    async def _look_around(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY_MS / 1_000)

    def _overhear(self, effect: Effect, at_ms: int) -> None:
        if isinstance(effect, Tell):
            self._some.set()

    def _tell_journal(self) -> None:
        page = self._place.tidings.owed()
        self._outbox.tell(page.number, page.events, page.state)

    def _tell_worth(self) -> None:
        worth = valued(self._place.account.custody.books, self.marks, self._currency)
        if worth is not None and worth != self.equity:
            told = EquityUpdated(self._account, worth.equity, worth.wallet, worth.unrealised, worth.transfers)
            self._voice.tell(event("account.equity.updated", told, SOURCE, self._clock()))
        self.equity = worth

    def _tell_alerts(self) -> None:
        fresh = self._place.account.alerts_count - self._alerts
        for alert in self._place.account.alerts[-fresh:] if fresh else ():
            payload = RiskAlert(alert.severity, alert.title, alert.detail)
            self._voice.tell(event("risk.alert", payload, SOURCE, alert.at_ms))
        self._alerts = self._place.account.alerts_count
