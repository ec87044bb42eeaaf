"""Sight: what an emergency saw of the account in one look, and what it takes to make that nothing.

Only a look that was answered whole can show that an account is flat; half a look shows what there is, never what
there is not. A stop that only closes is no danger, and stays until everything it could protect is gone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, PositionSide, Side
from qt_ray.execution.venue.calls import (
    Answer,
    AskOpenOrders,
    AskPositions,
    Call,
    CancelAll,
    CancelById,
    Done,
    Place,
)
from qt_ray.execution.venue.views import OrderView, PositionView

LOOKS: Final[tuple[Call, ...]] = (AskPositions(), AskOpenOrders(), AskOpenOrders(conditional=True))
STRATEGY: Final = "flat"
SLICES_MAX: Final = 50
REPEATS_MAX: Final = 6


@dataclass(slots=True)
class Sight:
    """What was last seen, and which questions were answered whole since anything was last done about it.

    `owed` holds the cancels that nobody has confirmed, and how often each is still repeated: repeating one costs 1 of
    weight, and finding out what it left behind 40. One that is refused for good must not keep an account from flat.
    """

    positions: tuple[PositionView, ...] = ()
    orders: tuple[OrderView, ...] = ()
    algos: tuple[OrderView, ...] = ()
    whole: set[Call] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    owed: dict[CancelAll, int] = field(default_factory=dict)

    def take(self, call: Call, answer: Answer[Any], fresh: set[str]) -> None:
        """Take in one answer; orders of a symbol whose cancel came back beside it are those it cancelled."""
        if not isinstance(answer, Done):
            return
        if not answer.unread:
            self.whole.add(call)
        if isinstance(call, AskPositions):
            self.positions = tuple(view for view in answer.value if view.quantity != 0)
        elif call == AskOpenOrders():
            self.orders = tuple(view for view in answer.value if view.symbol not in fresh)
            self.owe(CancelAll(view.symbol) for view in self.orders)
        else:
            self.algos = tuple(answer.value)

    def owe(self, calls: Iterable[CancelAll]) -> None:
        """Remember cancels until they are confirmed, or were repeated often enough."""
        self.owed |= dict.fromkeys(calls, REPEATS_MAX)

    def failed(self, call: Call) -> None:
        """Take in that a cancel was not confirmed."""
        if isinstance(call, CancelAll) and call in self.owed:
            self.owed[call] -= 1
            if not self.owed[call]:
                del self.owed[call]

    def ended(self, call: Call) -> None:
        """Take in that a cancel was confirmed, or had nothing to cancel."""
        if isinstance(call, CancelAll):
            self.owed.pop(call, None)
        if isinstance(call, CancelAll) and call.conditional:
            self.algos = tuple(view for view in self.algos if view.symbol != call.symbol)
        elif isinstance(call, CancelAll):
            self.cancelled.add(call.symbol)
            self.orders = tuple(view for view in self.orders if view.symbol != call.symbol)
        elif isinstance(call, CancelById):
            self.algos = tuple(view for view in self.algos if view.venue_id != call.venue_id)

    def stale(self) -> None:
        """Take in that something was done: nothing is certain now, and without positions not even what was there."""
        self.whole.clear()
        if not self.positions:
            self.orders = self.algos = ()

    @property
    def unseen(self) -> tuple[Call, ...]:
        """Return the questions that are still to be answered before it is certain that nothing is there."""
        return tuple(call for call in LOOKS if call not in self.whole)

    @property
    def is_open(self) -> bool:
        """Return whether something is held, or something could open."""
        is_owed = any(not call.conditional for call in self.owed)
        return bool(self.positions or self.orders or is_owed or any(True for _ in self.openers))

    @property
    def owed_stops(self) -> tuple[CancelAll, ...]:
        """Return the cancels of stops that nobody has confirmed."""
        return tuple(call for call in self.owed if call.conditional)

    @property
    def openers(self) -> Iterator[OrderView]:
        """Yield the conditional orders that could open a position."""
        for view in self.algos:
            only_closes = view.reduce_only or view.closes_position or _closes(view)
            if not only_closes:
                yield view

    def cancels(self) -> tuple[Call, ...]:
        """Return the cancels of all that could open, and of what may rest unseen where something is held."""
        held = {view.symbol for view in self.positions} - self.cancelled
        owed = {call.symbol for call in self.owed if not call.conditional}
        symbols = held | owed | {view.symbol for view in self.orders}
        plain = (CancelAll(symbol) for symbol in sorted(symbols))
        return (*plain, *(CancelById(view.symbol, view.venue_id, conditional=True) for view in self.openers))

    def rest(self) -> tuple[CancelAll, ...]:
        """Return the cancels of what remains when nothing is held: the stops."""
        return tuple(CancelAll(symbol, conditional=True) for symbol in sorted({view.symbol for view in self.algos}))


@dataclass(slots=True)
class Closer:
    """Makes the orders that close positions; every one has a name of its own, so none is taken for another."""

    account: str
    epoch: int
    policy_version: int
    since_ms: int
    slice_max: Mapping[str, Decimal]
    legs: int = 0

    def closes(self, positions: tuple[PositionView, ...]) -> tuple[Place, ...]:
        """Return reduce-only market orders for the whole of every position, each within what one order may have."""
        return tuple(Place(self._intent(view, part)) for view in positions for part in self._parts(view))

    def _parts(self, view: PositionView) -> Iterator[Decimal]:
        left = abs(view.quantity)
        most = self.slice_max.get(view.symbol, left)
        for _ in range(SLICES_MAX):
            if left <= 0:
                return
            yield min(left, most)
            left -= most

    def _intent(self, view: PositionView, quantity: Decimal) -> Intent:
        self.legs += 1
        decision = f"emergency:{self.account}:{self.epoch}:{self.since_ms}"
        name = str(ClientOrderId(STRATEGY, intent_id(decision, "close", self.legs)))
        side = Side.SELL if view.quantity > 0 else Side.BUY
        return Intent(
            client_id=name,
            symbol=view.symbol,
            side=side,
            type=OrderType.MARKET,
            quantity=quantity,
            decision_id=decision,
            policy_version=self.policy_version,
            epoch=self.epoch,
            reduce_only=True,
            position_side=view.side,
        )


def _closes(view: OrderView) -> bool:
    """Return whether an order of hedge mode can only close: there the two sides say so."""
    closing = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}
    return closing.get(view.position_side) is view.side
