"""Trade state: where each trade stands, moved only along the table and only by whoever read it last.

A write names the revision it was made from and loses against a newer one, so two writers cannot undo each other.
A state only goes forward: taking another part of the profit does not bring back a stop that already trails. A store
that cannot be read says so; it never says that there is no trade.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.core.tables import Table

KEPT_MS: Final = 30 * 86_400_000
ID_MAX: Final = 64


class TradeStatus(StrEnum):
    """Where a trade stands."""

    NEW = "new"
    APPROVED = "approved"
    OPEN = "open"
    PARTIAL_TP = "partial_tp"
    BREAKEVEN = "breakeven"
    TRAILING = "trailing"
    CLOSED_TP = "closed_tp"
    CLOSED_SL = "closed_sl"
    CLOSED_PARTIAL = "closed_partial"
    CLOSED_TIME = "closed_time"
    REJECTED = "rejected"

    @property
    def is_over(self) -> bool:
        """Return whether nothing moves the trade any more."""
        return self in TRANSITIONS.terminal


class TradeSignal(StrEnum):
    """What moves a trade; STOPPED is its stop, an emergency or a person, SOLD_OUT a last part that left nothing."""

    APPROVE = "approve"
    REJECT = "reject"
    FILLED = "filled"
    PART_TAKEN = "part_taken"
    STOP_AT_ENTRY = "stop_at_entry"
    STOP_TRAILS = "stop_trails"
    TARGET_HIT = "target_hit"
    STOPPED = "stopped"
    SOLD_OUT = "sold_out"
    TIMED_OUT = "timed_out"


_S, _T = TradeSignal, TradeStatus

_ENDS: Final[Mapping[TradeSignal, TradeStatus]] = {
    _S.TARGET_HIT: _T.CLOSED_TP,
    _S.STOPPED: _T.CLOSED_SL,
    _S.SOLD_OUT: _T.CLOSED_PARTIAL,
    _S.TIMED_OUT: _T.CLOSED_TIME,
}

_ROWS: Final[Mapping[TradeStatus, Mapping[TradeSignal, TradeStatus]]] = {
    _T.NEW: {_S.APPROVE: _T.APPROVED, _S.REJECT: _T.REJECTED},
    _T.APPROVED: {_S.FILLED: _T.OPEN, _S.REJECT: _T.REJECTED},
    _T.OPEN: {
        _S.FILLED: _T.OPEN,
        _S.PART_TAKEN: _T.PARTIAL_TP,
        _S.STOP_AT_ENTRY: _T.BREAKEVEN,
        _S.STOP_TRAILS: _T.TRAILING,
        **_ENDS,
    },
    _T.PARTIAL_TP: {
        _S.PART_TAKEN: _T.PARTIAL_TP,
        _S.STOP_AT_ENTRY: _T.BREAKEVEN,
        _S.STOP_TRAILS: _T.TRAILING,
        **_ENDS,
    },
    _T.BREAKEVEN: {
        _S.PART_TAKEN: _T.BREAKEVEN,
        _S.STOP_AT_ENTRY: _T.BREAKEVEN,
        _S.STOP_TRAILS: _T.TRAILING,
        **_ENDS,
    },
    _T.TRAILING: {
        _S.PART_TAKEN: _T.TRAILING,
        _S.STOP_AT_ENTRY: _T.TRAILING,
        _S.STOP_TRAILS: _T.TRAILING,
        **_ENDS,
    },
}

TRANSITIONS: Final = Table(
    name="trade",
    initial=TradeStatus.NEW,
    rows={(state, signal): after for state, row in _ROWS.items() for signal, after in row.items()},
)


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade; `revision` counts its writes and is 0 before the first."""

    id: str
    symbol: str
    side: Side
    quantity: Decimal
    decision_id: str
    created_ms: int
    updated_ms: int
    status: TradeStatus = TradeStatus.NEW
    revision: int = 0
    filled: Decimal = Decimal(0)
    entry_price: Decimal | None = None
    stop_price: Decimal | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.id) <= ID_MAX:
            raise Invalid(f"id: a trade's name has 1 to {ID_MAX} characters, was {self.id!r:.80}")
        if not (self.quantity.is_finite() and self.quantity > 0):
            raise Invalid(f"quantity: positive, the side is the sign, was {self.quantity}")
        if not 0 <= self.filled <= self.quantity:
            raise Invalid(f"filled: from 0 to the quantity {self.quantity}, was {self.filled}")


@dataclass(frozen=True, slots=True)
class Conflict:
    """The write came from another revision than the stored one, which is `found`; nothing was changed."""

    found: Trade | None


class TradeStateStore(Protocol):
    """Where trades are kept. Retryable when it cannot be read or written now, Invalid when what it holds is damaged."""

    def save(self, trade: Trade) -> Trade | Conflict:
        """Keep a new trade, or what else became known of one, and return it with its new revision."""

    def get(self, trade_id: str) -> Trade | None:
        """Return a trade, or nothing if there never was one or it has expired."""

    def delete(self, trade_id: str, revision: int) -> Conflict | None:
        """Forget a trade that is still of `revision`; one that is unknown already is no conflict."""

    def list_open_trades(self) -> tuple[Trade, ...]:
        """Return every trade that is not over, by id."""

    def transition(
        self, trade_id: str, signal: TradeSignal, at_ms: int, revision: int, reason: str = ""
    ) -> Trade | Conflict:
        """Move a trade along the table and return it; Invalid if the table has no such row."""

    def expire(self, now_ms: int, kept_ms: int = KEPT_MS) -> int:
        """Forget trades that have been over for longer than `kept_ms` and return how many there were."""


def written(found: Trade | None, wish: Trade) -> Trade | Conflict:
    """Return what is stored after a save: a new trade begins as NEW, and a save never moves one."""
    if (found.revision if found else 0) != wish.revision:
        return Conflict(found)
    before = found.status if found else TRANSITIONS.initial
    if wish.status is not before:
        raise Invalid(f"{wish.id}: a trade is moved by a transition, from {before} to {wish.status} it was saved")
    return replace(wish, revision=wish.revision + 1)


def moved(found: Trade | None, signal: TradeSignal, at_ms: int, revision: int, reason: str) -> Trade | Conflict:
    """Return what is stored after a transition."""
    if found is None or found.revision != revision:
        return Conflict(found)
    return replace(
        found,
        status=TRANSITIONS.advance(found.status, signal),
        revision=revision + 1,
        updated_ms=max(found.updated_ms, at_ms),
        reason=reason or found.reason,
    )
