"""Flattening: from whatever is open to nothing, in an order that cannot undo itself, for as long as it takes.

Cancel before closing, for a resting order would open again what was closed; stops stay until nothing is held. What
an order's answer says is never believed: only a whole look at the venue, answered now, shows that all is flat, and
only a second one a second later that it stayed so. There is no last attempt; after half a minute a person is called,
and it goes on, within what the venue lets an account ask. A machine without sockets or clock: it says what to ask, and
takes what came of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from qt_ray.execution.flatten_report import Report
from qt_ray.execution.gateway.budget import Budget, Share
from qt_ray.execution.gateway.rules import Allowance
from qt_ray.execution.sight import LOOKS, Closer, Sight
from qt_ray.execution.venue.calls import (
    Answer,
    AskRules,
    Call,
    CancelAll,
    CancelById,
    Done,
    Place,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.risk.ess import EssSignal

BACKOFF_MS: Final = 1_000
SETTLE_MS: Final = 1_000
ALARM_MS: Final = 30_000
# Short at first, because half of all answers may be lost and an emergency is one; then as slow as the weight demands.
LADDER_MS: Final = (250, 250, 500, 500, 1_000, 1_000, 1_000, 1_000, 2_000, 2_000, 4_000)
TOO_MUCH: Final = -4005
NO_SUCH_ORDER: Final = -2011


class Stage(Enum):
    """What the answers that are awaited belong to."""

    LOOKING = "looking"
    CANCELLING = "cancelling"
    CLOSING = "closing"
    CLEARING = "clearing"
    WAITING = "waiting"
    DONE = "done"


class Flattening:
    """One emergency of one account. Whoever drives it has closed the latch before it asks for the first call."""

    def __init__(
        self,
        account: str,
        epoch: int,
        policy_version: int,
        symbols: Iterable[str],
        slice_max: Mapping[str, Decimal],
        at_ms: int,
    ) -> None:
        """Begin with a cancel for each of `symbols`, those where we may have orders, and a look for all others."""
        self.epoch = epoch
        self._slice_max = dict(slice_max)
        self._needs_rules = not slice_max
        self._closer = Closer(account, epoch, policy_version, at_ms, self._slice_max)
        self._symbols = tuple(sorted(set(symbols)))
        self._signals: list[tuple[EssSignal, int]] = []
        self._in_flight: set[Call] = set()
        self._todo: list[Call] = []
        self._report: Report = Report(at_ms)
        self._held_until_ms = at_ms
        self._budget = Budget(Allowance())
        self._begin(at_ms)

    def activate(self, at_ms: int) -> None:
        """Take in another cause to stop: under way it only ends a pause, and when all was done it begins anew."""
        if self._stage is Stage.WAITING:
            self._wait_until_ms = at_ms
        elif self._stage is Stage.DONE:
            self._closer.since_ms = at_ms
            self._begin(at_ms)

    @property
    def report(self) -> Report:
        """Return how it went so far."""
        left = (f"{view.symbol} {view.side} {view.quantity}" for view in self._sight.positions)
        return replace(self._report, residual=tuple(left))

    @property
    def is_done(self) -> bool:
        """Return whether all is flat, cleared and settled."""
        return self._stage is Stage.DONE

    @property
    def next_ms(self) -> int | None:
        """Return when to ask `due` again if no answer comes before; None while only answers are awaited."""
        if self._stage is not Stage.WAITING and not self._todo:
            return None
        held_ms = max(self._wait_until_ms, self._held_until_ms) if self._stage is Stage.WAITING else self._held_until_ms
        # A person is called in time even while the venue has shut us out.
        return held_ms if self._report.flat_ms is not None else min(held_ms, self._alarm_ms)

    def signals(self) -> tuple[tuple[EssSignal, int], ...]:
        """Return, once each, what the emergency stop has to be told, and when it happened."""
        told, self._signals = tuple(self._signals), []
        return told

    def due(self, at_ms: int) -> tuple[Call, ...]:
        """Return what to ask now, all of it at once."""
        self._alarm(at_ms)
        if at_ms < self._held_until_ms or self._stage is Stage.DONE:
            return ()
        if self._stage is Stage.WAITING and at_ms >= self._wait_until_ms:
            is_busy = self._report.flat_ms is None or bool(self._sight.owed_stops)
            self._look(LOOKS[:1] if is_busy and LOOKS[0] in self._sight.unseen else self._sight.unseen)
        calls = tuple(self._released(at_ms))
        self._in_flight.update(calls)
        self._count(calls, at_ms)
        return calls

    def answered(self, call: Call, answer: Answer[Any], at_ms: int) -> None:
        """Take in what came of a call; when the last one of a stage is in, the next stage begins."""
        self._in_flight.discard(call)
        if isinstance(answer, Throttled):
            self._held_until_ms = max(self._held_until_ms, at_ms + answer.retry_after_ms)
            self._report = replace(self._report, throttled=self._report.throttled + 1)
            if call != AskRules():
                self._todo.append(call)
            return
        if isinstance(call, AskRules):
            self._learn(answer)
        else:
            self._note(call, answer, at_ms)
        # Nobody waits for the rules: a close that is too big is refused, and the next attempt will know them.
        if not self._todo and not self._in_flight - {AskRules()}:
            self._advance(at_ms)

    def _begin(self, at_ms: int) -> None:
        self._report = Report(at_ms)
        self._alarm_ms = at_ms + ALARM_MS
        self._wait_until_ms = at_ms
        self._next_try_ms = at_ms
        self._has_failed = False
        self._blinks = self._misses = self._clears = 0
        self._sight = Sight()
        self._sight.owe(CancelAll(symbol) for symbol in self._symbols)
        self._look(LOOKS)
        # Cancels of what we know of leave together with the first look, not after it.
        self._todo = [*(CancelAll(symbol) for symbol in self._symbols), *self._todo]

    def _released(self, at_ms: int) -> Iterator[Call]:
        """Yield what the venue's limits have room for; the rest waits, for whoever is shut out closes nothing."""
        while self._todo and self._budget.allows(Share.RESERVED, self._todo[0], at_ms):
            self._budget.spend(self._todo[0], at_ms)
            yield self._todo.pop(0)
        if self._todo:
            self._held_until_ms = self._budget.next_ms(Share.RESERVED, at_ms)

    def _look(self, calls: tuple[Call, ...]) -> None:
        self._fresh = set[str]()
        self._stage = Stage.LOOKING
        asks_rules = self._needs_rules and AskRules() not in self._in_flight
        self._todo = [*calls, *([AskRules()] if asks_rules else [])]

    def _advance(self, at_ms: int) -> None:
        if self._stage is Stage.LOOKING:
            self._seen(at_ms)
        elif self._stage is Stage.CANCELLING:
            self._close(at_ms)
        elif self._stage in (Stage.CLOSING, Stage.CLEARING):
            self._verify(at_ms)

    def _verify(self, at_ms: int) -> None:
        """Look anew; all orders are asked for only once nothing is held, for that is dear and closing is not."""
        if self._stage is Stage.CLOSING:
            self._next_try_ms = at_ms + BACKOFF_MS
        self._sight.stale()
        self._look(LOOKS[:1])

    def _seen(self, at_ms: int) -> None:
        """Decide by what a look showed."""
        if LOOKS[0] not in self._sight.unseen:
            self._blinks = 0
        if self._sight.is_open and self._report.flat_ms is not None:
            self._signals.append((EssSignal.REOPENED, at_ms))
            self._report = replace(self._report, flat_ms=None)
            self._alarm_ms = at_ms + ALARM_MS
        if self._sight.is_open and at_ms >= self._next_try_ms:
            self._attempt(at_ms)
        elif self._sight.is_open:
            self._sight.whole.clear()
            self._wait(self._next_try_ms)
        elif LOOKS[0] in self._sight.unseen:
            self._sight.whole.clear()
            self._blinks += 1
            self._wait(at_ms + _patience_ms(self._blinks))
        elif (stops := self._sight.owed_stops) and self._report.flat_ms is not None:
            self._clear(stops, at_ms)
        elif self._sight.unseen:
            self._look_further(at_ms)
        else:
            self._flat(at_ms)

    def _look_further(self, at_ms: int) -> None:
        """Ask for the orders; each time they do not come, wait longer, or the venue would shut us out."""
        self._misses += 1
        if self._misses == 1:
            self._look(self._sight.unseen)
        else:
            self._wait(at_ms + _patience_ms(self._misses - 1))

    def _attempt(self, at_ms: int) -> None:
        if self._has_failed:
            self._signals.append((EssSignal.RETRY, at_ms))
            self._has_failed = False
        if self._sight.positions:
            self._misses = 0
        self._report = replace(self._report, attempts=self._report.attempts + 1)
        self._todo = list(self._sight.cancels())
        self._stage = Stage.CANCELLING
        if not self._todo:
            self._close(at_ms)

    def _close(self, at_ms: int) -> None:
        self._todo = list(self._closer.closes(self._sight.positions))
        self._stage = Stage.CLOSING
        if not self._todo:
            self._verify(at_ms)

    def _flat(self, at_ms: int) -> None:
        if self._report.flat_ms is None:
            self._report = replace(self._report, flat_ms=at_ms)
            self._signals.append((EssSignal.FLATTENED, at_ms))
        self._has_failed, self._misses = False, 0
        settled_ms = (self._report.flat_ms or at_ms) + SETTLE_MS
        rest = self._sight.rest()
        if rest:
            self._sight.owe(rest)
            self._clear(rest, at_ms)
        elif at_ms < settled_ms:
            self._sight.whole.clear()
            self._wait(settled_ms)
        else:
            self._stage = Stage.DONE
            self._report = replace(self._report, settled_ms=at_ms)
            self._signals.append((EssSignal.SETTLED, at_ms))

    def _clear(self, stops: tuple[CancelAll, ...], at_ms: int) -> None:
        """Cancel the stops; each time some remain, wait longer."""
        if at_ms < self._wait_until_ms:
            self._sight.whole.clear()
            self._wait(self._wait_until_ms)
            return
        self._stage, self._todo = Stage.CLEARING, list(stops)
        self._clears += 1
        self._wait_until_ms = at_ms + _patience_ms(self._clears)

    def _wait(self, until_ms: int) -> None:
        self._stage, self._wait_until_ms = Stage.WAITING, until_ms

    def _alarm(self, at_ms: int) -> None:
        if self._report.flat_ms is None and at_ms >= self._alarm_ms:
            self._alarm_ms = at_ms + ALARM_MS
            self._has_failed = True
            self._signals.append((EssSignal.FAILED, at_ms))

    def _note(self, call: Call, answer: Answer[Any], at_ms: int) -> None:
        if call in LOOKS:
            self._sight.take(call, answer, self._fresh)
        elif isinstance(answer, Done):
            self._confirm(call, at_ms)
        elif isinstance(answer, Refused) and answer.code == TOO_MUCH:
            self._needs_rules = True
        elif isinstance(answer, Refused) and answer.code == NO_SUCH_ORDER:
            self._sight.ended(call)
        if not isinstance(answer, Done):
            self._sight.failed(call)
        refused, unsure = isinstance(answer, Refused), isinstance(answer, Unsure)
        self._report = replace(
            self._report, refused=self._report.refused + refused, unsure=self._report.unsure + unsure
        )

    def _confirm(self, call: Call, at_ms: int) -> None:
        if isinstance(call, Place):
            self._report = replace(self._report, closed_ms=at_ms)
        elif self._stage is not Stage.CLEARING:
            self._report = replace(self._report, cancelled_ms=at_ms)
        self._sight.ended(call)
        if isinstance(call, CancelAll):
            self._fresh.add(call.symbol)

    def _learn(self, answer: Answer[Any]) -> None:
        if isinstance(answer, Done):
            self._needs_rules = False
            self._slice_max.update(
                {symbol: rules.market_quantity_max for symbol, rules in answer.value.symbols.items()}
            )

    def _count(self, calls: tuple[Call, ...], at_ms: int) -> None:
        cancels = sum(isinstance(call, CancelAll | CancelById) for call in calls)
        closes = sum(isinstance(call, Place) for call in calls)
        first = self._report.first_cancel_ms
        self._report = replace(
            self._report,
            first_cancel_ms=at_ms if first is None and cancels else first,
            cancels=self._report.cancels + cancels,
            closes=self._report.closes + closes,
        )


def _patience_ms(misses: int) -> int:
    return LADDER_MS[min(misses, len(LADDER_MS)) - 1]
