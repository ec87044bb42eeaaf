"""Budget: how much of the venue's patience is left, and for whom. Queries stop first, cancels last.

The shares nest: queries may fill the minute to their mark, entries to a higher one, questions after our own orders in
doubt to one higher still, since a cheap answer unblocks a symbol, and only what lessens risk may go to the cap. What a
response header says of the venue's own count wins over ours, so a stranger on the same key is counted too.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from qt_ray.core.effects import Lane
from qt_ray.execution.gateway.rules import Allowance
from qt_ray.execution.venue.calls import (
    Amend,
    AskAccount,
    AskBook,
    AskBrackets,
    AskIncome,
    AskKey,
    AskMarks,
    AskMode,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    AskTrades,
    Call,
    CancelMany,
    Countdown,
    Place,
    PlaceMany,
    Throttled,
)
from qt_ray.execution.venue.views import UsageView

BPS = 10_000
MINUTE_MS: Final = 60_000
TEN_SECONDS_MS: Final = 10_000
BAN_MS: Final = 120_000

WEIGHTS: Final[dict[type, int]] = {
    Place: 0,
    PlaceMany: 5,
    CancelMany: 1,
    Countdown: 10,
    AskTrades: 5,
    AskIncome: 30,
    AskPositions: 5,
    AskAccount: 5,
    AskMode: 65,
    AskKey: 5,
    AskBrackets: 1,
    AskMarks: 10,
}
BOOK_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1_000, 20))


class Share(IntEnum):
    """Whose part of the budget a call draws on."""

    QUERIES = 0
    ENTRIES = 1
    DOUBTS = 2
    RESERVED = 3


def weight_of(call: Call) -> int:
    """Return what a call weighs at the venue."""
    if isinstance(call, AskOpenOrders):
        return 1 if call.symbol else 40
    if isinstance(call, AskBook):
        return next((weight for levels, weight in BOOK_WEIGHTS if call.levels <= levels), BOOK_WEIGHTS[-1][1])
    return WEIGHTS.get(type(call), 1)


def orders_of(call: Call) -> int:
    """Return how many orders a call counts for."""
    return len(call.intents) if isinstance(call, PlaceMany) else int(isinstance(call, Place | Amend))


def share_of(lane: Lane, call: Call, is_ours: bool) -> Share:
    """Return whose part a call draws on: what is cheap and ends a doubt goes on longest, for doubt blocks the rest.

    That is what we ask after our own orders, and what is held. The same questions of somebody else, `is_ours` is false
    then, and the wallets rank with entries, which wait for them.
    """
    if lane < Lane.ENTRY:
        return Share.RESERVED
    if lane is Lane.ENTRY or isinstance(call, AskAccount):
        return Share.ENTRIES
    if isinstance(call, AskPositions):
        return Share.DOUBTS
    if isinstance(call, AskOrder | AskTrades) or (isinstance(call, AskOpenOrders) and call.symbol):
        return Share.DOUBTS if is_ours else Share.ENTRIES
    return Share.QUERIES


@dataclass(slots=True)
class Meter:
    """A count that begins anew with each window of the clock, as the venue counts.

    `twice` is the part of it that was on its way when the venue last counted: perhaps in its count already, so it is
    taken off as the answers come, and what nobody answers for stays.
    """

    span_ms: int
    window: int = -1
    used: int = 0
    twice: int = 0

    def at(self, at_ms: int) -> int:
        """Return the count of the window that `at_ms` lies in."""
        if at_ms // self.span_ms > self.window:
            self.window, self.used, self.twice = at_ms // self.span_ms, 0, 0
        return self.used

    def add(self, amount: int, at_ms: int) -> None:
        """Count more."""
        self.used = self.at(at_ms) + amount

    def see(self, counted: int | None, pending: int, at_ms: int) -> None:
        """Take the venue's own count, and what of ours it had not seen when it counted."""
        if counted is not None:
            self.at(at_ms)
            self.used, self.twice = counted + pending, pending

    def landed(self, amount: int, at_ms: int) -> None:
        """Take in that the venue has answered, and so counted, what may be in the count twice."""
        self.at(at_ms)
        known = min(amount, self.twice)
        self.used, self.twice = self.used - known, self.twice - known


@dataclass(slots=True)
class Budget:
    """What was used of each limit, and which shares must be silent until when."""

    allowance: Allowance
    weight: Meter = field(default_factory=lambda: Meter(MINUTE_MS))
    orders_ten: Meter = field(default_factory=lambda: Meter(TEN_SECONDS_MS))
    orders_minute: Meter = field(default_factory=lambda: Meter(MINUTE_MS))
    silent: dict[Share, int] = field(default_factory=dict)

    def allows(self, share: Share, call: Call, at_ms: int) -> bool:
        """Return whether a call may leave now."""
        if at_ms < self.silent.get(share, 0):
            return False
        orders, weight = orders_of(call), weight_of(call)
        a = self.allowance
        return (
            self.weight.at(at_ms) + weight <= a.weight_minute * a.cap_bps * self._part(share) // BPS**2
            and (not orders or self.orders_ten.at(at_ms) + orders <= self._orders(a.orders_ten_seconds, share))
            and (not orders or self.orders_minute.at(at_ms) + orders <= self._orders(a.orders_minute, share))
        )

    def spend(self, call: Call, at_ms: int) -> None:
        """Count a call that leaves."""
        self.weight.add(weight_of(call), at_ms)
        self.orders_ten.add(orders_of(call), at_ms)
        self.orders_minute.add(orders_of(call), at_ms)

    def observe(self, usage: UsageView, in_flight: tuple[Call, ...], at_ms: int) -> None:
        """Take the venue's count; calls still in flight may not be in it, so they are added."""
        weight, orders = sum(map(weight_of, in_flight)), sum(map(orders_of, in_flight))
        self.weight.see(usage.weight_minute, weight, at_ms)
        self.orders_ten.see(usage.orders_ten_seconds, orders, at_ms)
        self.orders_minute.see(usage.orders_minute, orders, at_ms)

    def landed(self, call: Call, at_ms: int) -> None:
        """Take in that the venue has answered a call: its own count, which came before, includes it."""
        self.weight.landed(weight_of(call), at_ms)
        self.orders_ten.landed(orders_of(call), at_ms)
        self.orders_minute.landed(orders_of(call), at_ms)

    def throttled(self, share: Share, answer: Throttled, at_ms: int) -> None:
        """Silence the share that was refused, or all of them once the venue has shut the door."""
        wait_ms = max(answer.retry_after_ms, BAN_MS if answer.banned and not answer.retry_after_ms else 1)
        for silenced in Share if answer.banned else (share,):
            self.silent[silenced] = max(self.silent.get(silenced, 0), at_ms + wait_ms)

    def next_ms(self, share: Share, at_ms: int) -> int:
        """Return when a call that may not leave now should be looked at again."""
        silent = self.silent.get(share, 0)
        return silent if silent > at_ms else (at_ms // TEN_SECONDS_MS + 1) * TEN_SECONDS_MS

    def _part(self, share: Share) -> int:
        a = self.allowance
        return (a.queries_bps, a.entries_bps, a.doubts_bps, BPS)[share]

    def _orders(self, limit: int, share: Share) -> int:
        """Return how many orders a share may count: entries leave the rest of the cap to exits."""
        return limit * self.allowance.cap_bps * max(self._part(share), self.allowance.entries_bps) // BPS**2
