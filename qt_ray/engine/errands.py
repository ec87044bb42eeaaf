"""Errands: what is to be done so that the venue holds what the fund wants, and nothing else of ours.

Each place of a symbol has at most one order under way. What replaces it waits until it has ended, because two orders
for one wish could both trade; an order's name follows from the decision and the place, so asking again asks for the
same order. Stops are not sent from here: a position's stop belongs to whoever guards it, and hears where it is to be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from qt_ray.core.ids import ClientOrderId, decision_id, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.engine.live import Wanted
from qt_ray.execution.slots import Kind, Place
from qt_ray.execution.stops import StopPlan

Where = tuple[str, Place]

NOT_WANTED: Final = "it is not wanted any more"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Under what a cycle decided: which account, at which close, under which policy."""

    account: str
    strategy: str
    cycle_ms: int
    policy_version: int
    epoch: int

    def decision(self, symbol: str) -> str:
        """Return the name of what was decided about a symbol."""
        return decision_id(self.account, self.cycle_ms, symbol, self.policy_version)


@dataclass(frozen=True, slots=True)
class Errands:
    """What to place, what to end and why, and where positions are to be given up."""

    place: tuple[Intent, ...] = ()
    end: Mapping[str, str] = field(default_factory=dict)
    stops: Mapping[str, StopPlan | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that was asked for: which place it fills, its name, and what was wanted then."""

    symbol: str
    place: Place
    client_id: str
    number: int
    quantity: Decimal
    price: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Rounds:
    """All that a runner remembers: orders that were asked for, where stops were told to be, how often it has asked."""

    sent: tuple[Sent, ...] = ()
    stops: Mapping[str, Decimal] = field(default_factory=dict)
    asked: int = 0


class Runner:
    """Compares what is wanted with what was asked for, place by place."""

    def __init__(self, rounds: Rounds | None = None) -> None:
        """Begin with nothing asked for, or where another has stopped."""
        rounds = rounds or Rounds()
        self._sent: dict[Where, Sent] = {(one.symbol, one.place): one for one in rounds.sent}
        self._places: dict[str, Where] = {one.client_id: where for where, one in self._sent.items()}
        self._stops: dict[str, Decimal] = dict(rounds.stops)
        self._asked = rounds.asked

    @property
    def rounds(self) -> Rounds:
        """Return all that is remembered, for another to go on from."""
        return Rounds(tuple(self._sent.values()), self._stops, self._asked)

    def run(self, wanted: Iterable[Wanted], stamp: Stamp) -> Errands:
        """Return the errands that follow from what is wanted now."""
        place, end, seen = list[Intent](), dict[str, str](), set[Where]()
        wishes = tuple(wanted)
        for one in wishes:
            where = (one.symbol, one.place)
            if one.place is Place.STOP:
                continue
            seen.add(where)
            sent = self._sent.get(where)
            if sent is None:
                place.append(self._placed(where, one, stamp))
            elif not is_same(sent, one):
                end[sent.client_id] = "another takes its place"
        end |= {sent.client_id: NOT_WANTED for where, sent in self._sent.items() if where not in seen}
        return Errands(tuple(place), end, self._guarded([one for one in wishes if one.place is Place.STOP], stamp))

    def traded(self, client_id: str, quantity: Decimal) -> Where | None:
        """Take in that an order traded so much, signed; return the place that it fills, if it is one of these."""
        sent = self.sent(client_id)
        if sent is None:
            return None
        where = (sent.symbol, sent.place)
        self._sent[where] = replace(sent, left=sent.left - quantity)
        if sent.left == quantity:  # what has traded whole needs no ending
            self.ended(client_id)
        return where

    def sent(self, client_id: str) -> Sent | None:
        """Return what was asked for under a name, while it is under way."""
        where = self._places.get(client_id)
        return None if where is None else self._sent.get(where)

    def of(self, symbol: str) -> tuple[Sent, ...]:
        """Return what of a symbol is under way."""
        return tuple(one for one in self._sent.values() if one.symbol == symbol)

    def ended(self, client_id: str) -> Where | None:
        """Take in that an order is at the venue no more; its place is free."""
        where = self._places.pop(client_id, None)
        if where is not None:
            del self._sent[where]
        return where

    def lost(self, working: Iterable[str]) -> list[Sent]:
        """Return what was asked for and is not at work; stops are told anew, for who keeps them may not know them."""
        self._stops = {}
        names = set(working)
        return [one for one in self._sent.values() if one.client_id not in names]

    def _placed(self, where: Where, one: Wanted, stamp: Stamp) -> Intent:
        # The same exit may be asked for twice under one decision, when what is left has changed meanwhile.
        self._asked += 1
        intent = _intent(one, stamp, self._asked)
        self._sent[where] = Sent(*where, intent.client_id, one.number, one.quantity, one.price, one.quantity)
        self._places[intent.client_id] = where
        return intent

    def _guarded(self, stops: Iterable[Wanted], stamp: Stamp) -> dict[str, StopPlan | None]:
        """Return where positions are to be given up, if elsewhere than before; nothing once they are no more."""
        now = {one.symbol: one.price for one in stops}
        before, self._stops = self._stops, now
        moved = {symbol: price for symbol, price in now.items() if before.get(symbol) != price}
        told: dict[str, StopPlan | None] = dict.fromkeys(before.keys() - now.keys())
        for symbol, price in moved.items():
            told[symbol] = StopPlan(price, stamp.decision(symbol), stamp.policy_version, stamp.epoch)
        return told


def is_same(sent: Sent, one: Wanted) -> bool:
    """Return whether what was asked for is what is wanted; of an entry its number says so, of an exit what is left."""
    if one.place is Place.ENTRY:
        return sent.number == one.number
    return sent.left == one.quantity and sent.price == one.price


def _intent(one: Wanted, stamp: Stamp, asked: int) -> Intent:
    decision, purpose = stamp.decision(one.symbol), f"{one.place.name}:{one.number}:{one.price}:{asked}"
    is_limit = one.kind is Kind.LIMIT
    return Intent(
        client_id=str(ClientOrderId(stamp.strategy, intent_id(decision, purpose))),
        symbol=one.symbol,
        side=Side.BUY if one.quantity > 0 else Side.SELL,
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        quantity=abs(one.quantity),
        decision_id=decision,
        policy_version=stamp.policy_version,
        epoch=stamp.epoch,
        reduce_only=one.reduce_only,
        limit_price=one.price if is_limit else None,
    )
