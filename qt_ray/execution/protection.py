"""Protection: every position has a stop at the venue that outlives us, and a position that cannot have one is closed.

A stop is a reduce-only STOP_MARKET on the mark price with the whole quantity of its position, never closePosition: the
venue allows one of those a direction, so the new one could not be placed before the old one is cancelled. Replacing is
placing, hearing that the venue holds it, and only then cancelling; at no moment is there none. We believe in a stop
when the venue has accepted it, and count the time until then; of one that is in doubt we do not wait for the end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import (
    ZERO,
    Intent,
    Order,
    OrderType,
    PartiallyFilled,
    Rejected,
    Working,
    in_flight,
)
from qt_ray.execution.attempts import AGAIN_MS, PENDING, Attempts
from qt_ray.execution.exposure import Exposure, Key, protects
from qt_ray.execution.venue.calls import Cancel, Place
from qt_ray.execution.venue.views import OrderView

SURE_MS_MAX: Final = 2_000
UNPROTECTED_MS_MAX: Final = 5_000

Call = Place | Cancel
RESTING: Final = (Working, PartiallyFilled)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a stop; open while `until_ms` is None."""

    since_ms: int
    until_ms: int | None = None

    def length_ms(self, at_ms: int) -> int:
        """Return how long it lasted, or has lasted until now."""
        return (at_ms if self.until_ms is None else self.until_ms) - self.since_ms


@dataclass(slots=True)
class _Guard:
    """What is under way for one position."""

    gap: Gap
    stops: Attempts = field(default_factory=Attempts)
    closes: Attempts = field(default_factory=Attempts)
    legs: int = 0
    closing: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do now, and the positions that had to be given up, each with its reason."""

    calls: tuple[Call, ...] = ()
    given_up: dict[Key, str] = field(default_factory=dict)


class Protection:
    """Decides from positions and orders as they are known what to place and what to cancel."""

    def __init__(self, strategy: str) -> None:
        """Place orders in the name of `strategy`."""
        self._strategy = strategy
        self._guards: dict[Key, _Guard] = {}
        self._cancelled_ms: dict[str, int] = {}

    def step(
        self,
        exposures: Sequence[Exposure],
        orders: Mapping[str, Order],
        stops: Mapping[Key, Mapping[str, Order]],
        foreign: Sequence[OrderView],
        at_ms: int,
        unsure: Collection[str] = (),
        among: Collection[str] | None = None,
    ) -> Steps:
        """Return what to do: `orders` are ours in whatever state, `stops` those of each position that are not over.

        `foreign` are the open conditional orders of others. Symbols that are `unsure` are left alone: their orders
        have traded what their positions do not show yet. With `among`, `exposures` are all there is of these symbols,
        and the others are not looked at.
        """
        calls: list[Call] = []
        given_up: dict[Key, str] = {}
        held = {exposure.key: exposure for exposure in exposures if exposure.quantity != 0}
        for key, exposure in held.items():
            if key[0] in unsure:
                continue
            guard = self._guards.setdefault(key, _Guard(Gap(at_ms)))
            was_closing = guard.closing
            calls += self._guarded(exposure, guard, orders, stops.get(key, {}), foreign, at_ms)
            if guard.closing and not was_closing:
                given_up[key] = guard.reason
        known = dict.fromkeys((*self._guards, *stops))
        for key in [key for key in known if key not in held and (among is None or key[0] in among)]:
            self._guards.pop(key, None)
            if key[0] not in unsure:
                calls += self._ended(key[0], stops.get(key, {}), at_ms)
        self._cancelled_ms = {name: ms for name, ms in self._cancelled_ms.items() if name in orders}
        return Steps(tuple(calls), given_up)

    def gaps(self) -> dict[Key, Gap]:
        """Return for each position that is held its last time without a stop, from the moment it was first seen."""
        return {key: guard.gap for key, guard in self._guards.items()}

    @property
    def is_whole(self) -> bool:
        """Return whether every position that is held has its stop."""
        return all(guard.gap.until_ms is not None for guard in self._guards.values())

    def _guarded(
        self,
        exposure: Exposure,
        guard: _Guard,
        orders: Mapping[str, Order],
        stops: Mapping[str, Order],
        foreign: Sequence[OrderView],
        at_ms: int,
    ) -> list[Call]:
        resting = {name: order for name, order in stops.items() if isinstance(order, RESTING)}
        theirs = sum((protects(view, exposure) for view in foreign), ZERO)
        ours = _quantity({name: order for name, order in resting.items() if order.intent.side is exposure.closing_side})
        self._measure(guard, ours + theirs >= abs(exposure.quantity), at_ms)
        if guard.closing:
            return self._closed(exposure, guard, orders, at_ms)
        wanted = _as_wanted(resting, exposure)
        named = {name: orders[name] for name in guard.stops.names if name in orders}
        alive = {name: order for name, order in wanted.items() if name not in self._cancelled_ms}
        # A life that ended between placing a stop and cancelling the one before has left both: one of them goes.
        whole = tuple(named) if named and _is_whole(named, exposure) else _enough(alive, exposure)
        if whole:
            guard.stops.names = whole
            return self._ended(exposure.symbol, [name for name in resting if name not in whole], at_ms)
        if exposure.adopted and theirs >= abs(exposure.quantity):
            return []
        return self._placed(exposure, guard, orders, named or wanted, at_ms)

    def _placed(
        self, exposure: Exposure, guard: _Guard, orders: Mapping[str, Order], current: Mapping[str, Order], at_ms: int
    ) -> list[Call]:
        why = _why_not_placed(exposure, guard, orders, current, at_ms)
        if why:
            guard.closing, guard.reason = True, why
            return self._closed(exposure, guard, orders, at_ms)
        if not _is_due(guard, orders, current, at_ms):
            return []
        return self._tried("stop", guard.stops, exposure, guard, orders, at_ms)

    def _closed(self, exposure: Exposure, guard: _Guard, orders: Mapping[str, Order], at_ms: int) -> list[Call]:
        """Return the orders that close a position; again while any of it is left, soon if the last ones have traded."""
        if not guard.closes.is_due(orders, at_ms):
            return []
        return self._tried("close", guard.closes, exposure, guard, orders, at_ms)

    def _tried(
        self,
        purpose: str,
        attempts: Attempts,
        exposure: Exposure,
        guard: _Guard,
        orders: Mapping[str, Order],
        at_ms: int,
    ) -> list[Call]:
        """Return the next try at a stop or a close."""
        intents = [self._intent(exposure, guard, orders, purpose, part) for part in exposure.slices]
        attempts.begun(tuple(intent.client_id for intent in intents), orders, at_ms)
        return [Place(intent) for intent in intents]

    def _ended(self, symbol: str, names: Sequence[str] | Mapping[str, Order], at_ms: int) -> list[Call]:
        """Return the cancels of stops that are not needed; again each second until they have ended."""
        due = [name for name in names if at_ms - self._cancelled_ms.get(name, at_ms - AGAIN_MS) >= AGAIN_MS]
        self._cancelled_ms.update(dict.fromkeys(due, at_ms))
        return [Cancel(symbol, name, conditional=True) for name in due]

    def _measure(self, guard: _Guard, is_covered: bool, at_ms: int) -> None:
        if is_covered and guard.gap.until_ms is None:
            guard.gap = Gap(guard.gap.since_ms, at_ms)
        elif not is_covered and guard.gap.until_ms is not None:
            guard.gap = Gap(at_ms)

    def _intent(
        self, exposure: Exposure, guard: _Guard, orders: Mapping[str, Order], purpose: str, quantity: Decimal
    ) -> Intent:
        """Return the next leg; a name that an order bears already, from before a restart, is passed over."""
        while (name := self._name(exposure, purpose, guard.legs)) in orders:
            guard.legs += 1
        guard.legs += 1
        is_stop = purpose == "stop"
        return Intent(
            client_id=name,
            symbol=exposure.symbol,
            side=exposure.closing_side,
            type=OrderType.STOP_MARKET if is_stop else OrderType.MARKET,
            quantity=quantity,
            decision_id=exposure.decision_id,
            policy_version=exposure.policy_version,
            epoch=exposure.epoch,
            reduce_only=True,
            trigger_price=exposure.stop_price if is_stop else None,
            position_side=exposure.side,
        )

    def _name(self, exposure: Exposure, purpose: str, leg: int) -> str:
        intent = intent_id(exposure.decision_id, f"{purpose}:{exposure.symbol}:{exposure.side}", leg)
        return str(ClientOrderId(self._strategy, intent))


def _why_not_placed(
    exposure: Exposure, guard: _Guard, orders: Mapping[str, Order], current: Mapping[str, Order], at_ms: int
) -> str:
    """Return why a position must be closed instead, or nothing while an older stop holds or a new one may come."""
    if exposure.is_crossed:
        return f"the mark {exposure.mark} is beyond its stop at {exposure.stop_price}"
    if guard.gap.until_ms is not None:
        return ""
    refusal = guard.stops.refusal(orders)
    if refusal:
        return f"its stop was refused, {refusal}"
    tried_ms = at_ms - guard.stops.first_ms
    if tried_ms >= SURE_MS_MAX and any(isinstance(order, (*PENDING, Rejected)) for order in current.values()):
        return f"nobody says for {tried_ms} ms whether its stop was placed"
    if guard.gap.length_ms(at_ms) >= UNPROTECTED_MS_MAX:
        return f"it had no stop for {guard.gap.length_ms(at_ms)} ms"
    return ""


def _is_due(guard: _Guard, orders: Mapping[str, Order], current: Mapping[str, Order], at_ms: int) -> bool:
    """Return whether to place a stop now; while an older one holds there is time to be sure of the last try."""
    is_bare = guard.gap.until_ms is None or not guard.stops.names
    if is_bare or (current and all(isinstance(order, RESTING) for order in current.values())):
        return guard.stops.is_due(orders, at_ms)
    is_pending = any(isinstance(order, PENDING) for order in current.values())
    return not is_pending and at_ms - guard.stops.last_ms >= AGAIN_MS


def _as_wanted(resting: Mapping[str, Order], exposure: Exposure) -> dict[str, Order]:
    """Return the resting stops at the wanted price, which after a restart are all we know of what was placed."""
    return {
        name: order
        for name, order in resting.items()
        if order.intent.trigger_price == exposure.stop_price and order.intent.side is exposure.closing_side
    }


def _is_whole(current: Mapping[str, Order], exposure: Exposure) -> bool:
    wanted = {n: o for n, o in _as_wanted(current, exposure).items() if isinstance(o, RESTING)}
    return len(wanted) == len(current) and _quantity(wanted) >= abs(exposure.quantity)


def _enough(stops: Mapping[str, Order], exposure: Exposure) -> tuple[str, ...]:
    """Return stops that cover a position, no more than it has slices and rather young ones, or nothing."""
    names, many = tuple(reversed(tuple(stops))), len(exposure.slices)
    for first in range(len(names)):
        chosen = names[first : first + many]
        if _quantity({name: stops[name] for name in chosen}) >= abs(exposure.quantity):
            return chosen
    return ()


def _quantity(orders: Mapping[str, Order]) -> Decimal:
    return sum((abs(in_flight(order)) for order in orders.values()), ZERO)
