"""Lifecycle: what the venue may tell us about an order, in any order and more than once.

News is joined, not replayed: states only move down the table, executions are a set, and an end is an end.
So every permutation and repetition of the same news leaves the same order. A timeout is not a rejection: it
leads to UNKNOWN, which only the venue's own word leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Final, NoReturn

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import (
    ZERO,
    Cancelled,
    Execution,
    Expired,
    Filled,
    Intent,
    Order,
    PartiallyFilled,
    Planned,
    Progress,
    Rejected,
    Status,
    Submitted,
    Unknown,
    Working,
    progress_of,
)
from qt_ray.core.tables import Table

NO_SUCH_ORDER: Final = "the venue holds no such order"


class Signal(Enum):
    """What can be heard about an order."""

    SENT = "sent"
    LOST = "lost"
    ABSENT = "absent"
    ACCEPTED = "accepted"
    TRADED = "traded"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


# A row per state: what each signal leads to. ABSENT is the answer to a query after its window has passed:
# about an order the venue acknowledged it is a contradiction, and so is a rejection of one that traded.
_ROWS: Final[Mapping[Status, Mapping[Signal, Status]]] = {
    Status.PLANNED: {
        Signal.SENT: Status.SUBMITTED,
        Signal.LOST: Status.UNKNOWN,
        Signal.ACCEPTED: Status.WORKING,
        Signal.TRADED: Status.PARTIALLY_FILLED,
        Signal.FILLED: Status.FILLED,
        Signal.CANCELLED: Status.CANCELLED,
        Signal.EXPIRED: Status.EXPIRED,
        Signal.REJECTED: Status.REJECTED,
    },
    Status.SUBMITTED: {
        Signal.SENT: Status.SUBMITTED,
        Signal.LOST: Status.UNKNOWN,
        Signal.ABSENT: Status.UNKNOWN,
        Signal.ACCEPTED: Status.WORKING,
        Signal.TRADED: Status.PARTIALLY_FILLED,
        Signal.FILLED: Status.FILLED,
        Signal.CANCELLED: Status.CANCELLED,
        Signal.EXPIRED: Status.EXPIRED,
        Signal.REJECTED: Status.REJECTED,
    },
    Status.UNKNOWN: {
        Signal.SENT: Status.UNKNOWN,
        Signal.LOST: Status.UNKNOWN,
        Signal.ABSENT: Status.REJECTED,
        Signal.ACCEPTED: Status.WORKING,
        Signal.TRADED: Status.PARTIALLY_FILLED,
        Signal.FILLED: Status.FILLED,
        Signal.CANCELLED: Status.CANCELLED,
        Signal.EXPIRED: Status.EXPIRED,
        Signal.REJECTED: Status.REJECTED,
    },
    Status.WORKING: {
        Signal.SENT: Status.WORKING,
        Signal.LOST: Status.WORKING,
        Signal.ACCEPTED: Status.WORKING,
        Signal.TRADED: Status.PARTIALLY_FILLED,
        Signal.FILLED: Status.FILLED,
        Signal.CANCELLED: Status.CANCELLED,
        Signal.EXPIRED: Status.EXPIRED,
        Signal.REJECTED: Status.REJECTED,
    },
    Status.PARTIALLY_FILLED: {
        Signal.SENT: Status.PARTIALLY_FILLED,
        Signal.LOST: Status.PARTIALLY_FILLED,
        Signal.ACCEPTED: Status.PARTIALLY_FILLED,
        Signal.TRADED: Status.PARTIALLY_FILLED,
        Signal.FILLED: Status.FILLED,
        Signal.CANCELLED: Status.CANCELLED,
        Signal.EXPIRED: Status.EXPIRED,
    },
    **{end: dict.fromkeys(Signal, end) for end in (Status.FILLED, Status.CANCELLED, Status.EXPIRED, Status.REJECTED)},
}

TRANSITIONS: Final = Table(
    name="order",
    initial=Status.PLANNED,
    rows={(state, signal): after for state, row in _ROWS.items() for signal, after in row.items()},
)

VENUE_SIGNALS: Final[Mapping[str, Signal]] = {
    "NEW": Signal.ACCEPTED,
    "PARTIALLY_FILLED": Signal.TRADED,
    "FILLED": Signal.FILLED,
    "CANCELED": Signal.CANCELLED,
    "REJECTED": Signal.REJECTED,
    "EXPIRED": Signal.EXPIRED,
    "EXPIRED_IN_MATCH": Signal.EXPIRED,
}

ALGO_SIGNALS: Final[Mapping[str, Signal]] = {
    "NEW": Signal.ACCEPTED,
    "TRIGGERING": Signal.ACCEPTED,
    "TRIGGERED": Signal.ACCEPTED,
    "CANCELED": Signal.CANCELLED,
    "EXPIRED": Signal.EXPIRED,
    "REJECTED": Signal.REJECTED,
}


@dataclass(frozen=True, slots=True)
class News:
    """One thing heard about an order; `reported` is the venue's sum of all its executions so far."""

    signal: Signal
    at_ms: int
    venue_id: str | None = None
    reported: Decimal = ZERO
    execution: Execution | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.reported.is_finite() or self.reported < 0:
            raise Invalid(f"reported: a quantity is not negative, was {self.reported}")
        if self.signal is Signal.TRADED and self.execution is None and not self.reported:
            raise Invalid("reported: news of a trade says how much was traded")


def venue_signal(status: str) -> Signal:
    """Return what a status of a plain order says; the list is closed."""
    if status not in VENUE_SIGNALS:
        raise Invalid(f"an order status is one of {', '.join(VENUE_SIGNALS)}, was {status!r:.60}")
    return VENUE_SIGNALS[status]


def algo_signal(status: str, reported: Decimal, quantity: Decimal) -> Signal:
    """Return what a status of a conditional order says; a finished one traded whole, or its rest expired."""
    if status == "FINISHED":
        return Signal.FILLED if reported >= quantity else Signal.EXPIRED
    if status not in ALGO_SIGNALS:
        raise Invalid(f"an algo status is FINISHED or one of {', '.join(ALGO_SIGNALS)}, was {status!r:.60}")
    return ALGO_SIGNALS[status]


def hear(order: Order, news: News) -> Order:
    """Return the order after `news`; what is already known changes nothing."""
    status = TRANSITIONS.advance(order.kind, news.signal)
    at_ms = max(order.at_ms, news.at_ms)
    progress = _joined(order, news)
    if status in _UNTRADED:
        if progress is not None and (progress.executions or progress.reported):
            raise Invalid(f"{order.intent.client_id}: an order that is {status} has not traded")
        return _untraded(status, order, at_ms, news.reason)
    if progress is None:
        raise Invalid(f"{order.intent.client_id}: news of a {status} order names the venue's id")
    return _traded(status, order, at_ms, progress, news.reason)


_UNTRADED: Final = frozenset({Status.PLANNED, Status.SUBMITTED, Status.UNKNOWN, Status.REJECTED})


def _untraded(status: Status, order: Order, at_ms: int, reason: str) -> Order:
    if isinstance(order, Rejected):
        return replace(order, at_ms=at_ms)
    if status is Status.REJECTED:
        return Rejected(order.intent, at_ms, reason or NO_SUCH_ORDER)
    kinds: Mapping[Status, type[Planned | Submitted | Unknown]] = {
        Status.PLANNED: Planned,
        Status.SUBMITTED: Submitted,
        Status.UNKNOWN: Unknown,
    }
    return kinds[status](order.intent, at_ms)


def _traded(status: Status, order: Order, at_ms: int, progress: Progress, reason: str) -> Order:
    whole = progress.reported == order.intent.quantity
    if status is Status.WORKING and not progress.reported:
        return Working(order.intent, at_ms, progress.venue_id)
    if status is Status.FILLED or (whole and status in (Status.WORKING, Status.PARTIALLY_FILLED)):
        return Filled(order.intent, at_ms, replace(progress, reported=order.intent.quantity))
    if status in (Status.WORKING, Status.PARTIALLY_FILLED):
        return PartiallyFilled(order.intent, at_ms, progress)
    kind = Cancelled if status is Status.CANCELLED else Expired
    known = order.reason if isinstance(order, Cancelled | Expired) else reason
    return kind(order.intent, at_ms, progress, known)


def _joined(order: Order, news: News) -> Progress | None:
    known = progress_of(order)
    if known is None and news.venue_id is None:
        if news.execution is not None or news.reported:
            _refuse(order.intent, "news of a trade names the venue's id")
        return None
    venue_id = known.venue_id if known else news.venue_id or ""
    if news.venue_id not in (None, venue_id):
        _refuse(order.intent, f"one order has one venue id, {venue_id}, was {news.venue_id}")
    executions = _with(known.executions if known else (), news.execution, order.intent)
    executed = Progress(venue_id, executions).executed
    reported = max(known.reported if known else ZERO, news.reported, executed)
    if reported > order.intent.quantity:
        _refuse(order.intent, f"fills never exceed the order's {order.intent.quantity}, were {reported}")
    return Progress(venue_id, executions, reported)


def _with(known: tuple[Execution, ...], new: Execution | None, intent: Intent) -> tuple[Execution, ...]:
    if new is None or new in known:
        return known
    if any(execution.trade_id == new.trade_id for execution in known):
        _refuse(intent, f"a trade id names one execution, {new.trade_id} names two")
    return tuple(sorted((*known, new), key=lambda execution: execution.trade_id))


def _refuse(intent: Intent, rule: str) -> NoReturn:
    raise Invalid(f"{intent.client_id}: {rule}")
