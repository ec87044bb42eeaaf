"""Trade keeper: carries the fund's events to its trade store without holding up whoever else works in this process.

A step that is repeated changes nothing, so no note of what was done is needed beside the rows themselves.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.consumer import Consumer
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import REGISTRY, Event
from qt_ray.core.orders import Side
from qt_ray.governance.bus import EventBus
from qt_ray.governance.trade_keeping import KINDS as PAYLOADS
from qt_ray.governance.trade_keeping import TradeKeeping
from qt_ray.governance.trade_state import Trade, TradeStateStore

KINDS: Final = frozenset(kind for kind, payload in REGISTRY.items() if payload in PAYLOADS)
PROBE: Final = "probe"
SETTLE_MS: Final = 30_000
AGAIN_MS: Final = 1_000


class TradeKeeper:
    """The effects of a bus's events on one trade store."""

    def __init__(self, opened: Callable[[], TradeStateStore], since_ms: int = 0) -> None:
        """Keep the store that `opened` opens when needed; what is older than `since_ms` is another life's."""
        self._opened, self._since_ms = opened, since_ms
        self.fault, self._settled_ms = "", 0
        self._store: TradeStateStore | None = None
        self._keeping: TradeKeeping | None = None

    def knows(self, event: Event) -> bool:
        """Return that nothing is known: a step may be repeated."""
        return False

    async def commit(self, event: Event) -> None:
        """Take an event in; Retryable if the store does not answer."""
        if event.time_ms >= self._since_ms:
            await asyncio.to_thread(self._take, event)

    async def run(self, bus: EventBus, group: str) -> None:
        """Keep the store until cancelled, as the one member of `group`, which hears what is told from now on."""
        consumer, joined = Consumer(bus, group, group, KINDS, self), False
        while True:
            try:
                if not joined:
                    await bus.join(group)
                joined = True
                await consumer.turn()
                await self._settle_in_time(now_ms())
                self.fault = ""
            except (Retryable, Invalid) as fault:
                self.fault = f"trades are not kept, {fault}"
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def settle(self, at_ms: int) -> int:
        """Close what is known to be gone, forget what is long over, and return how much that was."""
        return await asyncio.to_thread(self._settle, at_ms)

    async def open_trades(self) -> tuple[Trade, ...]:
        """Return every trade that is not over, as the store has it."""
        return await asyncio.to_thread(lambda: self._reached().list_open_trades())

    async def probe(self, at_ms: int) -> None:
        """Write a row, read it back and remove it; Retryable or Invalid if any of it fails."""
        await asyncio.to_thread(self._probe, at_ms)

    async def _settle_in_time(self, at_ms: int) -> None:
        if at_ms - self._settled_ms >= SETTLE_MS:
            await self.settle(at_ms)
            self._settled_ms = at_ms

    def _take(self, event: Event) -> None:
        self._kept().take(event)

    def _settle(self, at_ms: int) -> int:
        self._kept().settle(at_ms)
        return self._reached().expire(at_ms)

    def _probe(self, at_ms: int) -> None:
        store = self._reached()
        row = Trade(PROBE, "PROBE", Side.BUY, Decimal(1), PROBE, at_ms, at_ms)
        left = store.get(PROBE)  # of a probe that was killed half way
        if left is not None:
            store.delete(PROBE, left.revision)
        kept = store.save(row)
        if not isinstance(kept, Trade) or store.get(PROBE) != kept:
            raise Retryable("a trade that was written is read as it was written, another probe was under way")
        store.delete(PROBE, kept.revision)

    def _kept(self) -> TradeKeeping:
        if self._keeping is None:
            self._keeping = TradeKeeping(self._reached())
        return self._keeping

    def _reached(self) -> TradeStateStore:
        if self._store is None:
            self._store = self._opened()
        return self._store
