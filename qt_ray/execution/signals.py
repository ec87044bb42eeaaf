"""Signals: a bounded queue that keeps the best of what is still worth acting on, and counts the rest.

At most one signal per symbol waits, the newest; a full queue gives up its weakest, and only to a better one.
Every signal offered is in the end taken, waiting or counted under the reason it was dropped for.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side

QUEUE_MAX: Final = 100
PER_CYCLE_MAX: Final = 10
CAPACITY_LIMIT: Final = 100_000


class Dropped(StrEnum):
    """Why a signal will never be acted on."""

    INVALID = "invalid"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    OUTDATED = "outdated"
    WEAKEST = "weakest"
    DISPLACED = "displaced"


@dataclass(frozen=True, slots=True)
class TradeSignal:
    """An opinion about one symbol; it is over at `expires_ms`."""

    id: str
    symbol: str
    side: Side
    confidence: float
    created_ms: int
    expires_ms: int

    @property
    def is_valid(self) -> bool:
        """Return whether the confidence is a probability and the signal was ever alive."""
        return isfinite(self.confidence) and 0 <= self.confidence <= 1 and self.created_ms < self.expires_ms


class SignalQueue:
    """What waits to be acted on, one signal per symbol."""

    def __init__(self, capacity: int = QUEUE_MAX, per_cycle: int = PER_CYCLE_MAX) -> None:
        if not 1 <= capacity <= CAPACITY_LIMIT:
            raise Invalid(f"QT_SIGNAL_QUEUE_MAX: from 1 to {CAPACITY_LIMIT}, was {capacity}")
        if not 1 <= per_cycle <= capacity:
            raise Invalid(f"QT_MAX_SIGNALS_PER_CYCLE: from 1 to {capacity}, was {per_cycle}")
        self.capacity = capacity
        self.per_cycle = per_cycle
        self.offered = 0
        self.taken = 0
        self.dropped: Counter[Dropped] = Counter()
        self._waiting: dict[str, TradeSignal] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> tuple[TradeSignal, ...]:
        """Return what waits, best first."""
        return tuple(sorted(self._waiting.values(), key=_best_first))

    def offer(self, signal: TradeSignal, now_ms: int) -> Dropped | None:
        """Take a signal in, and return why not if it was dropped itself."""
        self.offered += 1
        reason = self._refusal(signal, now_ms)
        if reason is None and signal.symbol in self._waiting:
            self._drop(self._waiting[signal.symbol], Dropped.SUPERSEDED)
        elif reason is None and len(self._waiting) >= self.capacity:
            reason = self._make_room(signal, now_ms)
        if reason is not None:
            self.dropped[reason] += 1
            return reason
        self._waiting[signal.symbol] = signal
        return None

    def take(self, now_ms: int) -> tuple[TradeSignal, ...]:
        """Return the signals of one cycle, best confidence first; the others go on waiting."""
        self._expire(now_ms)
        batch = self.waiting[: self.per_cycle]
        for signal in batch:
            del self._waiting[signal.symbol]
        self.taken += len(batch)
        return batch

    def _refusal(self, signal: TradeSignal, now_ms: int) -> Dropped | None:
        if not signal.is_valid:
            return Dropped.INVALID
        if signal.expires_ms <= now_ms:
            return Dropped.EXPIRED
        known = self._waiting.get(signal.symbol)
        if known is None:
            return None
        if known.id == signal.id:
            return Dropped.DUPLICATE
        return Dropped.OUTDATED if _age(signal) < _age(known) else None

    def _make_room(self, signal: TradeSignal, now_ms: int) -> Dropped | None:
        self._expire(now_ms)
        if len(self._waiting) < self.capacity:
            return None
        weakest = max(self._waiting.values(), key=_best_first)
        if signal.confidence <= weakest.confidence:
            return Dropped.WEAKEST
        self._drop(weakest, Dropped.DISPLACED)
        return None

    def _expire(self, now_ms: int) -> None:
        for signal in [s for s in self._waiting.values() if s.expires_ms <= now_ms]:
            self._drop(signal, Dropped.EXPIRED)

    def _drop(self, signal: TradeSignal, reason: Dropped) -> None:
        del self._waiting[signal.symbol]
        self.dropped[reason] += 1


def _best_first(signal: TradeSignal) -> tuple[float, int, str]:
    return (-signal.confidence, -signal.created_ms, signal.symbol)


def _age(signal: TradeSignal) -> tuple[int, float, str]:
    return (signal.created_ms, signal.confidence, signal.id)
