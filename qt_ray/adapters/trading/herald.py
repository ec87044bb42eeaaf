"""Herald: what happens to an account, told as events: orders and trades as they come, positions that turn, its worth.

It tells of nothing that is not durable, and holds nobody up. What the account is worth is told at marks, and not at all
while the mark of anything held is unknown.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.trading.workplace import Workplace
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import EquityUpdated, RiskAlert
from qt_ray.engine.holdings import Holdings
from qt_ray.execution.gateway.effects import Effect
from qt_ray.execution.gateway.effects import Tell as Told
from qt_ray.execution.valuation import valued
from qt_ray.market.ticks import MarkTick, Tick
from qt_ray.risk.vigil import Equity

EVERY_MS: Final = 1_000
SOURCE: Final = "gateway"


class Herald:
    """Tells of one workplace; `equity` is what the account was worth when it could last be said."""

    def __init__(
        self,
        place: Workplace,
        account: str,
        currency: str,
        tell: Callable[[Event], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.equity: Equity | None = None
        self.marks: dict[str, Decimal] = {}
        self._place, self._account, self._currency, self._tell, self._clock = place, account, currency, tell, clock
        self._cursor, self._holdings, self._alerts = 0, Holdings(), 0
        place.account.gateway.listen(self._overhear)
        if place.market is not None:
            place.market.listen(self.saw)

    def saw(self, tick: Tick) -> None:
        """Take in what the market shows."""
        if isinstance(tick, MarkTick):
            self.marks[tick.symbol] = tick.mark

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_MS / 1_000)

    def look(self) -> None:
        """Tell of positions, worth and alerts, as far as they are news."""
        self._tell_positions()
        self._tell_worth()
        self._tell_alerts()

    def _overhear(self, effect: Effect, at_ms: int) -> None:
        if isinstance(effect, Told):
            self._tell(effect.event)

    def _tell_positions(self) -> None:
        while told := self._place.tidings.since(self._cursor, self._place.account.custody.books, self._clock()):
            for tiding in told:
                at_ms = tiding.what.ts_ms
                for kind, payload in self._holdings.hear(tiding.what):
                    self._tell(event(kind, payload, SOURCE, at_ms))
            self._cursor = told[-1].number

    def _tell_worth(self) -> None:
        worth = valued(self._place.account.custody.books, self.marks, self._currency)
        if worth is not None and worth != self.equity:
            told = EquityUpdated(self._account, worth.equity, worth.wallet, worth.unrealised, worth.transfers)
            self._tell(event("account.equity.updated", told, SOURCE, self._clock()))
        self.equity = worth

    def _tell_alerts(self) -> None:
        fresh = self._place.account.alerts_count - self._alerts
        for alert in self._place.account.alerts[-fresh:] if fresh else ():
            payload = RiskAlert(alert.severity, alert.title, alert.detail)
            self._tell(event("risk.alert", payload, SOURCE, alert.at_ms))
        self._alerts = self._place.account.alerts_count
