"""Supervisor: watches how good each model is, and says so; it changes nothing.

What models said comes from the bus, what followed from the feed. A supervisor that is begun anew hears both again, so
its cards are the same. It observes: weights, quarantine and promotion are not its to decide.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.core.codec import spelled
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.governance.bus import EventBus
from qt_ray.market.bars import Bars
from qt_ray.monitoring.opinions import KINDS, Listener
from qt_ray.monitoring.scorecards import ALL, Scorecards

MODE: Final = "OBSERVE"
READ_MAX: Final = 500
WAIT_MS: Final = 5_000
# A link to the bus gives an answer up after two seconds, and silence would look like a bus that is away.
HEAR_MS: Final = 1_000
AGAIN_MS: Final = 1_000


class Market(Protocol):
    """The feed, as far as a supervisor needs it; Retryable when it does not answer."""

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return all closed rows that opened after a moment, or nothing within the time."""


class Supervisor:
    """One fund's supervisor; `since_ms` is when this life of the account began, `deaf` why it hears nothing."""

    def __init__(
        self,
        bus: EventBus,
        market: Market,
        cards: Scorecards,
        since_ms: int,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Begin with nothing heard."""
        self.cards, self.deaf, self.blind = cards, "the bus was not heard yet", "the market was not seen yet"
        self._bus, self._market, self._since_ms, self._clock = bus, market, since_ms, clock
        self._listener = Listener()
        self._position: str | None = None
        self._row_ms = 0

    async def follow(self) -> None:
        """Hear what is foretold until cancelled."""
        while True:
            try:
                await self.hear()
                self.deaf = ""
            except Retryable as fault:
                self.deaf = str(fault)
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def watch(self) -> None:
        """See what follows until cancelled."""
        while True:
            try:
                await self.see()
                self.blind = ""
            except Retryable as fault:
                self.blind = str(fault)
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def hear(self, wait_ms: int = HEAR_MS) -> int:
        """Take in what was foretold since the last time, from the beginning of this life on."""
        if self._position is None:
            self._position = await self._bus.position(self._since_ms)
        found = await self._bus.read(self._position, READ_MAX, wait_ms)
        for delivery in found:
            self._position = delivery.position
            told = delivery.event
            if told is not None and told.type in KINDS and told.time_ms >= self._since_ms:
                for said in self._listener.opinions(told):
                    self.cards.hear(said)
        return len(found)

    async def see(self, wait_ms: int = WAIT_MS) -> int:
        """Take in the rows that closed since the last time."""
        bars = await self._market.rows(self._row_ms, wait_ms)
        if bars is None:
            return 0
        for row, open_ms in enumerate(map(int, bars.ts)):
            for column, symbol in enumerate(bars.symbols):
                self.cards.close(symbol, open_ms + bars.interval_ms, float(bars.close[row, column]))
            self._row_ms = open_ms
        self.cards.settle()
        return len(bars)

    async def scorecards(self) -> list[dict[str, Any]]:
        """Return every model's card, overall and by regime."""
        found: list[dict[str, Any]] = spelled(self.cards.cards())
        return found

    async def card(self, model: str, regime: str = ALL) -> dict[str, Any]:
        """Return one model's card."""
        if model not in self.cards.models:
            raise Invalid(f"a model was heard, {', '.join(self.cards.models) or 'none'} were, was {model!r:.60}")
        found: dict[str, Any] = spelled(self.cards.card(model, regime))
        return found
