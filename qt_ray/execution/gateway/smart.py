"""SmartExecution: how an order is carried out: at once, as a maker, over time, or showing only its tip.

A plan is a schedule of parts that add up to the order and never exceed it, a pure function of the order and the book
at its arrival. What it cost is told against the middle of that same book, in basis points, above zero for worse.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import ZERO, Execution, Intent, OrderType, Side, TimeInForce
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.door import Family
from qt_ray.execution.venue.views import BookView

BPS: Final = Decimal(10_000)


class Style(StrEnum):
    """How an order is carried out."""

    MARKET = "market"
    LIMIT = "limit"
    TWAP = "twap"
    ICEBERG = "iceberg"


class Urgency(StrEnum):
    """What waiting costs: a stop-out cannot wait, a rebalance can, an accumulation has all day."""

    NOW = "now"
    SOON = "soon"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class Tactics:
    """Where one way gives place to the next; impacts are of taking the whole order from the book at once."""

    impact_free_bps: Decimal = Decimal(2)
    impact_max_bps: Decimal = Decimal(10)
    depth_share_max: Decimal = Decimal("0.10")
    parts_max: int = 20
    part_every_ms: int = 15_000

    def __post_init__(self) -> None:
        if not 0 <= self.impact_free_bps <= self.impact_max_bps:
            raise Invalid(
                f"impact_free_bps: from 0 to impact_max_bps {self.impact_max_bps}, was {self.impact_free_bps}"
            )
        if not 0 < self.depth_share_max <= 1 or self.parts_max < 1:
            raise Invalid(f"depth_share_max: above 0 to 1, was {self.depth_share_max}")


@dataclass(frozen=True, slots=True)
class Part:
    """One child and the earliest moment at which it is wanted."""

    due_ms: int
    intent: Intent


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole schedule, and the price that the result is measured against."""

    style: Style
    family: Family
    arrival: Decimal
    impact_bps: Decimal
    parts: tuple[Part, ...]

    @property
    def quantity(self) -> Decimal:
        """Return what all parts together may trade."""
        return sum((part.intent.quantity for part in self.parts), ZERO)


@dataclass(frozen=True, slots=True)
class Slippage:
    """What carrying out an order has cost, fees apart: per unit and in all, above zero for worse than arrival."""

    executed: Decimal
    average: Decimal | None
    bps: Decimal | None
    cost: Decimal


def middle(book: BookView) -> Decimal:
    """Return the price halfway between the best bid and the best ask."""
    if not book.bids or not book.asks:
        raise Invalid(f"{book.symbol}: a plan needs both sides of a book")
    return (book.bids[0][0] + book.asks[0][0]) / 2


def impact_bps(book: BookView, side: Side, quantity: Decimal) -> Decimal | None:
    """Return how far from the middle a taker would trade on average, or nothing if the book is too thin for it."""
    left, paid = quantity, ZERO
    for price, offered in book.asks if side is Side.BUY else book.bids:
        taken = min(left, offered)
        left, paid = left - taken, paid + taken * price
        if left == 0:
            return side.sign * (paid / quantity / middle(book) - 1) * BPS
    return None


def plan(wanted: Intent, urgency: Urgency, book: BookView, step: Decimal, at_ms: int, tactics: Tactics) -> Plan:
    """Return how a market intent is carried out best.

    What cannot wait, or hardly moves the book, is taken at once. What can wait a little rests at the touch while it
    is small; larger, it is spread over time, and a patient one shows only its tip.
    """
    if wanted.type is not OrderType.MARKET or step <= 0 or wanted.quantity % step:
        raise Invalid(f"a plan is for a market order in whole steps of {step}, was {wanted.type} {wanted.quantity}")
    impact = impact_bps(book, wanted.side, wanted.quantity)
    style = _style(urgency, impact, tactics)
    parts = _PARTS[style](wanted, book, step, at_ms, tactics)
    family = Family(wanted.client_id.rpartition("-")[0], wanted.quantity)
    return Plan(style, family, middle(book), BPS if impact is None else impact, parts)


def due(plan: Plan, orders: Book, at_ms: int) -> tuple[Intent, ...]:
    """Return the parts that are wanted now and were not before; of an iceberg only one shows at a time."""
    known = [orders.orders[name] for part in plan.parts if (name := part.intent.client_id) in orders.orders]
    waiting = (part.intent for part in plan.parts if part.intent.client_id not in orders.orders)
    if plan.style is Style.ICEBERG:
        return () if any(order.is_open for order in known) else tuple(waiting)[:1]
    ripe = {part.intent.client_id for part in plan.parts if part.due_ms <= at_ms}
    return tuple(intent for intent in waiting if intent.client_id in ripe)


def slippage(side: Side, arrival: Decimal, executions: Iterable[Execution]) -> Slippage:
    """Return what the executions of a parent's children cost against its arrival price."""
    done = tuple(executions)
    executed = sum((e.quantity for e in done), ZERO)
    if not executed:
        return Slippage(ZERO, None, None, ZERO)
    paid = sum((e.quantity * e.price for e in done), ZERO)
    cost = side.sign * (paid - executed * arrival)
    return Slippage(executed, paid / executed, cost / (executed * arrival) * BPS, cost)


def _style(urgency: Urgency, impact: Decimal | None, tactics: Tactics) -> Style:
    if urgency is Urgency.NOW or (impact is not None and impact <= tactics.impact_free_bps):
        return Style.MARKET
    if urgency is Urgency.PATIENT:
        return Style.ICEBERG
    return Style.LIMIT if impact is not None and impact <= tactics.impact_max_bps else Style.TWAP


def _at_once(wanted: Intent, book: BookView, step: Decimal, at_ms: int, tactics: Tactics) -> tuple[Part, ...]:
    return (Part(at_ms, wanted),)


def _at_touch(wanted: Intent, book: BookView, step: Decimal, at_ms: int, tactics: Tactics) -> tuple[Part, ...]:
    return (Part(at_ms, _child(wanted, 0, wanted.quantity, _touch(book, wanted.side))),)


def _over_time(wanted: Intent, book: BookView, step: Decimal, at_ms: int, tactics: Tactics) -> tuple[Part, ...]:
    sizes = _sizes(wanted, book, step, tactics)
    every = tactics.part_every_ms
    return tuple(Part(at_ms + every * leg, _child(wanted, leg, size, None)) for leg, size in enumerate(sizes))


def _by_tips(wanted: Intent, book: BookView, step: Decimal, at_ms: int, tactics: Tactics) -> tuple[Part, ...]:
    sizes, price = _sizes(wanted, book, step, tactics), _touch(book, wanted.side)
    return tuple(Part(at_ms, _child(wanted, leg, size, price)) for leg, size in enumerate(sizes))


_PARTS: Final = {
    Style.MARKET: _at_once,
    Style.LIMIT: _at_touch,
    Style.TWAP: _over_time,
    Style.ICEBERG: _by_tips,
}


def _sizes(wanted: Intent, book: BookView, step: Decimal, tactics: Tactics) -> tuple[Decimal, ...]:
    """Return equal parts that each take a bearable share of the book; what does not divide goes with the first."""
    side = book.asks if wanted.side is Side.BUY else book.bids
    depth = sum((quantity for _, quantity in side), ZERO)
    bearable = max((depth * tactics.depth_share_max / step).to_integral_value(ROUND_DOWN), Decimal(1))
    steps = int(wanted.quantity / step)
    count = min(max(-(-steps // int(bearable)), 1), tactics.parts_max, steps)
    each, over = divmod(steps, count)
    return tuple(step * (each + (leg < over)) for leg in range(count))


def _touch(book: BookView, side: Side) -> Decimal:
    middle(book)
    return (book.bids if side is Side.BUY else book.asks)[0][0]


def _child(wanted: Intent, leg: int, quantity: Decimal, limit: Decimal | None) -> Intent:
    strategy = ClientOrderId.parse(wanted.client_id).strategy
    name = ClientOrderId(strategy, intent_id(wanted.client_id, "part", leg))
    is_limit = limit is not None
    return Intent(
        client_id=str(name),
        symbol=wanted.symbol,
        side=wanted.side,
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        quantity=quantity,
        decision_id=wanted.decision_id,
        policy_version=wanted.policy_version,
        epoch=wanted.epoch,
        reduce_only=wanted.reduce_only,
        limit_price=limit,
        time_in_force=TimeInForce.GTX if is_limit else TimeInForce.GTC,
        position_side=wanted.position_side,
    )
