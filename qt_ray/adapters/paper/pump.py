"""Pump: lets the market live: at each step of its time new quotes and a print, between steps only timers.

The market's time is the wall's times a speed. A pump that falls behind makes up for some steps, lets clients in between
them, and leaves out the rest and counts them: a market that is too fast for the machine is coarser, never late. Of many
symbols each moves in its own turn of a step: all at once they would be told in one burst, late by its whole length.
"""

import asyncio
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, Decimal

from qt_ray.adapters.paper.hall import Hall
from qt_ray.core.orders import Side
from qt_ray.execution.exchange.listing import Quote
from qt_ray.execution.exchange.market import Outside

BEAT_MS = 10
HOUSE_MS = 250
BEHIND_MAX = 10
PRINTED_SHARE = Decimal("0.1")


class Pump:
    """Drives a hall by a market and a clock."""

    def __init__(self, hall: Hall, market: Outside, step_ms: int, keep_house: Callable[[int], None]) -> None:
        self._hall, self._market, self._step_ms, self._keep_house = hall, market, step_ms, keep_house
        self._step_began_ms = hall.market_ms()
        self._turn = self._housed_ms = self.left_out = 0
        self._last: dict[str, Decimal] = {}

    def step(self, now_ms: int) -> None:
        """Let the whole market move once."""
        self._move([symbol for turn in self._market.turns for symbol in turn.symbols], now_ms)

    def beat(self) -> None:
        """Let what is due happen: timers, delayed events, expired keys, pings."""
        hall = self._hall
        wall_ms = hall.now()
        hall.exchange.advance(hall.market_ms())
        hall.tell()
        hall.outlet.release(wall_ms)
        hall.feed.blow(hall.market_ms())
        hall.hub.flush()
        if wall_ms - self._housed_ms >= HOUSE_MS:
            self._housed_ms = wall_ms
            hall.expire(wall_ms)
            self._keep_house(wall_ms)

    def catch_up(self, now_ms: int) -> bool:
        """Let the next turn of the market move if it is due; return whether another one is."""
        if not self._step_ms or self._due_ms > now_ms:
            return False
        left_out = max((now_ms - self._due_ms) // self._step_ms - BEHIND_MAX, 0)
        self.left_out += left_out
        self._step_began_ms += left_out * self._step_ms
        self._move(self._market.turns[self._turn].symbols, self._due_ms)
        self._turn = (self._turn + 1) % len(self._market.turns)
        if self._turn == 0:
            self._step_began_ms += self._step_ms
        return self._due_ms <= now_ms

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            is_due = self.catch_up(self._hall.market_ms())
            self.beat()
            await asyncio.sleep(0 if is_due else BEAT_MS / 1_000)

    @property
    def _due_ms(self) -> int:
        return self._step_began_ms + self._market.turns[self._turn].phase_ms

    def _move(self, symbols: Sequence[str], now_ms: int) -> None:
        for quote in self._market.quotes(now_ms, symbols):
            self._hall.quote(quote, now_ms)
            self._print(quote, now_ms)
        self._hall.publish(symbols, now_ms)

    def _print(self, quote: Quote, now_ms: int) -> None:
        """Let the outside trade a little with itself, on the side to which the price has moved."""
        before = self._last.get(quote.symbol, quote.last)
        self._last[quote.symbol] = quote.last
        side = Side.BUY if quote.last >= before else Side.SELL
        levels = quote.asks if side is Side.BUY else quote.bids
        if not levels:
            return
        step = self._hall.listings[quote.symbol].step
        quantity = max((levels[0].quantity * PRINTED_SHARE).quantize(step, ROUND_DOWN), step)
        self._hall.exchange.print_trade(quote.symbol, levels[0].price, quantity, side, now_ms)
