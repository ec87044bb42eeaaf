"""Turns: what happens to an account without its doing, by one seed: funding, transfers, strangers, crashes, force.

Every history has some of them; each is counted, because a fault that never struck proves nothing.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Final

from qt_ray.core.orders import Side
from tests.simulation.timeline import Timeline
from tests.simulation.venue import ACCOUNT, STEP, SYMBOLS, Venue

RATES: Final = tuple(Decimal(rate) for rate in ("0.0001", "-0.0003", "0.02", "-0.02"))
CRASH: Final = (Decimal("0.88"), Decimal("0.88"), Decimal("0.9"), Decimal("1.4"))
TOLD: Final = ("funding", "deposit", "by hand", "leverage", "crash", "deleveraged", "liquidated")


class Turns:
    """The dice of fate, and what they have done so far."""

    def __init__(self, dice: Random, timeline: Timeline, venue: Venue) -> None:
        self.counts: Counter[str] = Counter()
        self.names: set[str] = set()
        self._dice = dice
        self._timeline = timeline
        self._venue = venue

    def plan(self, active_ms: int) -> None:
        """Spread this history's turns over its time."""
        turns = [self._funding] * 2 + [self._deposit] * 2 + [self._by_hand] * 3 + [self._leverage]
        turns += [turn for turn, odds in self._rare() if self._dice.random() < odds]
        for turn in turns:
            self._timeline.after(self._dice.randint(1_000, active_ms), turn)

    def _rare(self) -> tuple[tuple[Callable[[], None], float], ...]:
        return (self._crash, 0.3), (self._deleverage, 0.3), (self._liquidate, 0.15)

    def _funding(self) -> None:
        self.counts["funding"] += 1
        rate = self._dice.choice(RATES)
        for _ in range(self._dice.choice((1, 1, 2))):
            self._venue.exchange.fund(self._dice.choice(SYMBOLS), rate, self._timeline.now_ms)

    def _deposit(self) -> None:
        self.counts["deposit"] += 1
        amount = Decimal(self._dice.randint(-20_000, 20_000)) / 100
        self._venue.exchange.deposit(ACCOUNT, "USDT", amount, self._timeline.now_ms)

    def _by_hand(self) -> None:
        name = f"web_{len(self.names)}"
        side, symbol = self._dice.choice(list(Side)), self._dice.choice(SYMBOLS)
        quantity = STEP * self._dice.randint(20, 400)
        if self._venue.by_hand(symbol, side, quantity, name, self._timeline.now_ms):
            self.counts["by hand"] += 1
            self.names.add(name)

    def _leverage(self) -> None:
        self.counts["leverage"] += 1
        leverage = self._dice.randint(5, 20)
        self._venue.exchange.set_leverage(ACCOUNT, self._dice.choice(SYMBOLS), leverage, self._timeline.now_ms)

    def _crash(self) -> None:
        """Let a symbol lose three tenths within two seconds, and come back."""
        self.counts["crash"] += 1
        symbol = self._dice.choice(SYMBOLS)
        for step, factor in enumerate(CRASH):
            self._timeline.after(step * 500, lambda f=factor: self._venue.jump(symbol, f, self._timeline.now_ms))  # type: ignore[misc]

    def _deleverage(self) -> None:
        self.counts["deleveraged"] += self._venue.deleverage(self._dice.choice(SYMBOLS), self._timeline.now_ms)

    def _liquidate(self) -> None:
        """Take most of the margin away and let a market turn against what is held."""
        held = [symbol for symbol in SYMBOLS if self._venue.position(symbol)]
        if not held:
            return
        symbol = self._dice.choice(held)
        against = Decimal("0.7") if self._venue.position(symbol) > 0 else Decimal("1.4")
        worth = abs(self._venue.position(symbol)) * self._venue.price(symbol)
        amount = (worth / 50 - self._venue.wallet).quantize(Decimal("0.01"))
        before = len(self._venue.exchange.force_orders(ACCOUNT))
        self._venue.exchange.deposit(ACCOUNT, "USDT", amount, self._timeline.now_ms)
        self._venue.jump(symbol, against, self._timeline.now_ms)
        self.counts["liquidated"] += len(self._venue.exchange.force_orders(ACCOUNT)) > before
        self._timeline.after(2_000, self._restore)

    def _restore(self) -> None:
        self._venue.exchange.deposit(ACCOUNT, "USDT", Decimal(500_000), self._timeline.now_ms)
