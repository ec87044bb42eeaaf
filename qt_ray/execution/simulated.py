"""Simulated venue: what a bar does to resting orders, never kinder than the market could have been.

Nothing fills without volume, outside the bar, or beyond the share of volume allowed; market orders pay spread and
impact, latency costs the adverse share of the bar that passed, a stop that is gapped through fills at the open or
worse, and when stop and target lie in one bar the stop came first.
"""

from math import sqrt
from typing import Final, NamedTuple

from qt_ray.core.compiled import inlined
from qt_ray.core.records import I64, U8
from qt_ray.execution.slots import Kind, Slot

MARKET: Final = int(Kind.MARKET)
STOP: Final = int(Kind.STOP)


class Venue:
    """How the simulated venue treats orders: latency, spread, impact, depth and queue as values."""

    latency_ms: I64
    interval_ms: I64
    taker_cost_ppm: I64
    impact_x1000: I64
    participation_bps: I64
    depth_minutes_x100: I64
    limit_offset_bps: I64
    queue_touch: U8
    entry_limit: U8


class Bar(NamedTuple):
    """One symbol's bar in ticks and steps; `ts` is its open, `atr_bps` the volatility before it."""

    ts: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    atr_bps: int


class Execution(NamedTuple):
    """What an order got: signed steps (zero for nothing), price, and whether it was the maker."""

    quantity: int
    price: int
    maker: int


@inlined
def room(venue: Venue, bar: Bar) -> int:
    """Return how many steps of this bar's volume may be ours."""
    return bar.volume // 10_000 * venue.participation_bps + bar.volume % 10_000 * venue.participation_bps // 10_000


@inlined
def arrived_price(venue: Venue, bar: Bar, active_ts: int, side: int) -> int:
    """Return the price an order meets: the open, or the adverse share of the bar when it arrives late."""
    lag = active_ts - bar.ts
    if lag <= 0:
        return bar.open
    adverse = bar.high - bar.open if side > 0 else bar.open - bar.low
    return bar.open + side * (adverse * lag // venue.interval_ms)


@inlined
def taken(venue: Venue, bar: Bar, quantity: int, reference: int) -> Execution:
    """Take liquidity at `reference`: costs against us, rounded away from us, inside the bar.

    Impact follows the square-root law: volatility times the root of the share of volume that is taken.
    """
    side = 1 if quantity > 0 else -1
    share = sqrt(abs(quantity) / max(bar.volume, 1))
    cost_ppm = venue.taker_cost_ppm + int(0.1 * venue.impact_x1000 * bar.atr_bps * share)
    slip = -(-reference * cost_ppm // 1_000_000)
    price = min(max(reference + side * slip, bar.low), bar.high)
    return Execution(quantity, price, 0)


@inlined
def limited(quantity: int, most: int) -> int:
    """Return `quantity` cut to at most `most` steps, its sign kept."""
    return min(quantity, most) if quantity > 0 else max(quantity, -most)


@inlined
def execute(slot: Slot, venue: Venue, bar: Bar, quantity: int, most: int) -> Execution:
    """Return what this bar gives an order for `quantity`, of which at most `most` may trade."""
    nothing = Execution(0, 0, 0)
    wanted = limited(quantity, max(most, 0))
    if wanted == 0 or slot.active_ts >= bar.ts + venue.interval_ms:
        return nothing
    side = 1 if wanted > 0 else -1
    arrived = arrived_price(venue, bar, slot.active_ts, side)
    if slot.kind == MARKET:
        return taken(venue, bar, wanted, arrived)
    if slot.kind == STOP:
        return _stopped(slot, venue, bar, wanted, side)
    return _rested(slot, venue, bar, wanted, side, arrived)


@inlined
def _stopped(slot: Slot, venue: Venue, bar: Bar, wanted: int, side: int) -> Execution:
    """A stop buys at or above its trigger and sells at or below it; a gap fills at the open."""
    if side > 0:
        if bar.high < slot.price:
            return Execution(0, 0, 0)
        return taken(venue, bar, wanted, max(bar.open, slot.price))
    if bar.low > slot.price:
        return Execution(0, 0, 0)
    return taken(venue, bar, wanted, min(bar.open, slot.price))


@inlined
def _rested(slot: Slot, venue: Venue, bar: Bar, wanted: int, side: int, arrived: int) -> Execution:
    """A limit that arrives through the market takes, at its price or better; a resting one waits to be traded through.

    When the whole bar lies beyond a resting limit it fills at the bar's nearest price, for no other was traded.
    """
    if slot.active_ts >= bar.ts and slot.reduce_only == 0 and side * (slot.price - arrived) >= 0:
        price = taken(venue, bar, wanted, arrived).price
        return Execution(wanted, min(price, slot.price) if side > 0 else max(price, slot.price), 0)
    beyond = slot.price - bar.low if side > 0 else bar.high - slot.price
    if beyond > 0 or (beyond == 0 and venue.queue_touch == 1):
        return Execution(wanted, min(slot.price, bar.high) if side > 0 else max(slot.price, bar.low), 1)
    return Execution(0, 0, 0)
