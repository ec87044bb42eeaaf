"""Plan: from a granted position to at most one order, the difference and nothing more.

The order is target minus position with the working entry replaced, rounded so that risk never grows, numbered in
order of decision. Closing is always plannable; an entry too small for the venue is not sent and says `precision`.
"""

from typing import Final

from qt_ray.core.compiled import inlined
from qt_ray.engine.world import World
from qt_ray.execution.simulated import limited
from qt_ray.execution.slots import Kind, clear
from qt_ray.risk.reasons import Reason

PRECISION: Final = int(Reason.PRECISION)
LIMIT: Final = int(Kind.LIMIT)
MARKET: Final = int(Kind.MARKET)


@inlined
def sendable(world: World, i: int, granted: int, delta: int) -> bool:
    """Return whether the venue takes an order of `delta` toward `granted`; closing whole is always taken."""
    instrument = world.instruments[i]
    if granted == 0:
        return True
    notional = abs(delta) * world.quotes[i].mark * instrument.unit
    return abs(delta) >= instrument.quantity_min and notional >= instrument.notional_min


@inlined
def act(world: World, i: int, granted: int, cause: int, confidence_bps: int) -> tuple[int, int, int]:
    """Make the entry slot lead to `granted`; return (orders sent, reason bits, position aimed at)."""
    book, entry = world.books[i], world.slots[i * 3]
    if entry.kind != 0:
        if book.position + entry.quantity == granted and entry.cause == cause:
            return 0, 0, granted
        clear(entry)
    delta = limited(granted - book.position, world.instruments[i].market_quantity_max)
    if delta == 0:
        return 0, 0, book.position
    if not sendable(world, i, granted, delta):
        return 0, 1 << PRECISION, book.position
    place(world, i, delta, granted, cause, confidence_bps)
    return 1, 0, book.position + delta


@inlined
def place(world: World, i: int, delta: int, granted: int, cause: int, confidence_bps: int) -> None:
    """Put the order into the entry slot and count it."""
    book, entry, fund, venue = world.books[i], world.slots[i * 3], world.account[0], world.venue[0]
    side = 1 if delta > 0 else -1
    lessens = granted == 0 or ((granted > 0) == (book.position > 0) and abs(granted) < abs(book.position))
    fund.next_order += 1
    entry.order = fund.next_order
    entry.quantity = delta
    entry.arrival = world.quotes[i].last
    entry.reduce_only = 1 if lessens else 0
    entry.cause = cause
    entry.decided = fund.cycle
    entry.active_ts = fund.ts + venue.latency_ms
    entry.confidence_bps = confidence_bps
    resting = venue.entry_limit == 1 and not lessens
    entry.kind = LIMIT if resting else MARKET
    entry.price = entry.arrival - side * (entry.arrival * venue.limit_offset_bps // 10_000) if resting else 0
    book.order_ts, book.order_quantity = fund.ts, delta
    _count_minute(world, i)
    if granted != 0 and (book.position == 0 or (granted > 0) != (book.position > 0)):
        _count_opening(world, i, side)


@inlined
def _count_minute(world: World, i: int) -> None:
    """Count an order in its minute; this minute and the last together bound every sliding one."""
    book, minute = world.books[i], world.account[0].ts // 60_000
    if minute != book.minute_ts:
        book.minute_orders_before = book.minute_orders if minute == book.minute_ts + 1 else 0
        book.minute_orders = 0
        book.minute_ts = minute
    book.minute_orders += 1


@inlined
def recent_orders(world: World, i: int) -> int:
    """Return the orders of this minute and the one before it."""
    book = world.books[i]
    elapsed = world.account[0].ts // 60_000 - book.minute_ts
    if elapsed == 0:
        return book.minute_orders + book.minute_orders_before
    return book.minute_orders if elapsed == 1 else 0


@inlined
def _count_opening(world: World, i: int, side: int) -> None:
    """Count openings of the same side within the window that the first of them began."""
    book, now = world.books[i], world.account[0].ts
    if book.repeat_side == side and now - book.repeat_ts < world.limits[0].repeat_window_ms:
        book.repeat_count += 1
        return
    book.repeat_side, book.repeat_count, book.repeat_ts = side, 1, now
