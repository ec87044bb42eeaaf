"""Fence hand: somebody with a key of his own, who asks the exchange what is so, and buys what exits can close.

His stop lies at the exchange from the beginning, so that no gateway places one of its own for what he buys.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from benchmarks.fence_truth import BY_HAND
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.trading.opening import told
from qt_ray.core.errors import Retryable
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import AskMarks, AskPositions, AskRules, Call, Place

HELD: Final = "BTCUSDT"
WORTH: Final = Decimal(20_000)
AGAIN_S: Final = 0.1


class Hand:
    """One person at the exchange."""

    def __init__(self, session: BinanceSession) -> None:
        self._session, self._numbers = session, count(1)

    async def ask(self, call: Call) -> Any:
        """Return the exchange's answer, however often it must be asked: it is never struck, only slow."""
        while True:
            with suppress(Retryable):
                return await told(self._session, call)
            await asyncio.sleep(AGAIN_S)

    async def guards(self) -> None:
        """Protect whatever will be held."""
        rules, mark = await self._seen()
        far = mark / 2 // rules.tick * rules.tick
        order = await self._order(Side.SELL)
        await self.ask(Place(replace(order, type=OrderType.STOP_MARKET, reduce_only=True, trigger_price=far)))

    async def buys(self) -> None:
        """Hold something; what comes of it is seen by whoever sells."""
        await self._session.ask(Place(await self._order(Side.BUY)))

    async def sells(self) -> None:
        """Leave the account flat, however often that must be tried."""
        while any(view.symbol == HELD and view.quantity for view in await self.ask(AskPositions())):
            await self._session.ask(Place(replace(await self._order(Side.SELL), reduce_only=True)))

    async def _order(self, side: Side) -> Intent:
        rules, mark = await self._seen()
        return Intent(
            client_id=f"{BY_HAND}-{next(self._numbers)}",
            symbol=HELD,
            side=side,
            type=OrderType.MARKET,
            quantity=WORTH / mark // rules.step * rules.step,
            decision_id=BY_HAND,
            policy_version=1,
            epoch=1,
        )

    async def _seen(self) -> tuple[Any, Decimal]:
        """Return the rules of what is held, and its mark."""
        rules, marks = (await self.ask(AskRules())).symbols, await self.ask(AskMarks())
        return rules[HELD], marks[HELD].mark
