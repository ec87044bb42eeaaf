"""Settle: what the venue does to the fund during one bar: funding, fills, protection, liquidation.

Every change of money goes through the ledger and leaves a fill or a funding payment behind. A position is protected
in the same step that opens it, and its stop and target disappear in the same step that closes it.
"""

from typing import Final

from qt_ray.core.compiled import compiled, inlined
from qt_ray.engine.world import Journal, Tape, World
from qt_ray.execution.exits import partial_due, partial_target, protect
from qt_ray.execution.fills import Cause
from qt_ray.execution.ledger import apply_fill, book_transfer, closing, settle_funding, unrealised
from qt_ray.execution.margin import maintenance
from qt_ray.execution.simulated import Bar, Execution, execute, room
from qt_ray.execution.slots import Kind, Slot, clear

MARKET: Final = int(Kind.MARKET)
LIMIT: Final = int(Kind.LIMIT)
STOP: Final = int(Kind.STOP)
BY_STOP: Final = int(Cause.STOP)
BY_TARGET: Final = int(Cause.TAKE_PROFIT)
BY_TIME: Final = int(Cause.TIME)
BY_LIQUIDATION: Final = int(Cause.LIQUIDATION)


@inlined
def ticks(world: World, i: int, price: float) -> int:
    """Return a price as whole ticks, nearest."""
    nearest: int = round(price * world.ticks_per[i])
    return nearest


@inlined
def bar_of(world: World, tape: Tape, t: int, i: int) -> Bar:
    """Return one symbol's bar in ticks and steps."""
    return Bar(
        tape.ts[t],
        ticks(world, i, tape.open[t, i]),
        ticks(world, i, tape.high[t, i]),
        ticks(world, i, tape.low[t, i]),
        ticks(world, i, tape.close[t, i]),
        int(tape.volume[t, i] * world.steps_per[i] + 1e-6),
        world.quotes[i].atr_bps,
    )


@inlined
def guard_levels(world: World, i: int, slot_base: int, ts: int, decided: int) -> None:
    """Make the resting stop and target match the position and its levels."""
    book, rule = world.books[i], world.exits[world.books[i].entry_regime]
    stop, target = world.slots[slot_base + 1], world.slots[slot_base + 2]
    if book.position == 0 or rule.active == 0:
        clear(stop)
        clear(target)
        return
    if stop.kind != MARKET:
        _rest(stop, STOP, -book.position, book.stop, BY_STOP, ts, decided)
    part = partial_due(book, rule)
    share = -book.position * rule.partial_bps // 10_000 if part else -book.position
    price = partial_target(book, rule) if part else book.target
    _rest(target, LIMIT, share if share != 0 else -book.position, price, BY_TARGET, ts, decided)


@inlined
def _rest(slot: Slot, kind: int, quantity: int, price: int, cause: int, ts: int, decided: int) -> None:
    if slot.kind == 0:
        slot.order = -1
    slot.kind = kind
    slot.quantity = quantity
    slot.price = price
    slot.arrival = price
    slot.cause = cause
    slot.reduce_only = 1
    slot.active_ts = ts
    slot.decided = decided


@inlined
def number(world: World, slot: Slot) -> int:
    """Return the slot's order number, giving it one on first use."""
    if slot.order <= 0:
        world.account[0].next_order += 1
        slot.order = world.account[0].next_order
    return slot.order


@inlined
def book_execution(world: World, journal: Journal, i: int, slot: Slot, ts: int, got: Execution, fee_ppm: int) -> None:
    """Book one execution: ledger, slippage against arrival, the fill's row, and the position's new protection."""
    book, account, unit = world.books[i], world.account[0], world.instruments[i].unit
    before = book.position
    fee, realised = apply_fill(book, account, unit, got.quantity, got.price, fee_ppm)
    written(world, journal, i, slot, ts, got, fee, realised)
    follow(world, i, slot, before, got.price, ts)


@inlined
def written(
    world: World, journal: Journal, i: int, slot: Slot, ts: int, got: Execution, fee: int, realised: int
) -> None:
    """Write an execution's row, and count its slippage and whether it was a stop that lost."""
    book, account, unit = world.books[i], world.account[0], world.instruments[i].unit
    drift = (got.price - slot.arrival) * got.quantity
    account.slippage += drift * unit
    if drift * 10_000 > world.limits[0].slippage_pause_bps * slot.arrival * abs(got.quantity):
        book.slipped_ts = ts
    row = journal.fills[journal.filled[0]]
    journal.filled[0] += 1
    row.ts, row.decided, row.order = ts, slot.decided, number(world, slot)
    row.quantity, row.price, row.arrival = got.quantity, got.price, slot.arrival
    row.fee, row.realised, row.position = fee, realised, book.position
    row.symbol, row.cause, row.maker = i, slot.cause, got.maker
    if slot.cause == BY_STOP and realised < 0:
        _count_stop(world, ts)


@inlined
def _count_stop(world: World, ts: int) -> None:
    account, window = world.account[0], max(world.limits[0].stop_window_ms, 1)
    if ts // window != account.stop_window_ts:
        account.stop_hits_before = account.stop_hits if ts // window == account.stop_window_ts + 1 else 0
        account.stop_hits = 0
        account.stop_window_ts = ts // window
    account.stop_hits += 1


@inlined
def follow(world: World, i: int, slot: Slot, before: int, price: int, ts: int) -> None:
    """Let protection follow the position: set when it begins, resized while it lasts, gone when it ends."""
    book = world.books[i]
    after = book.position
    if after == 0:
        closed_by_exit = BY_STOP <= slot.cause <= BY_TIME
        book.spent = (1 if before > 0 else -1) if closed_by_exit else 0
        book.stop = book.target = book.risk = 0
    elif before == 0 or (before > 0) != (after > 0):
        quote = world.quotes[i]
        rule = world.exits[quote.regime]
        protect(book, rule, quote.atr, slot.confidence_bps, price, ts, quote.regime)
        book.opened_cycle = slot.decided
        book.spent = 0
    elif slot.cause == BY_TARGET:
        book.partials = 1
    guard_levels(world, i, i * 3, ts, book.opened_cycle)


@inlined
def work(world: World, journal: Journal, i: int, place: int, bar: Bar, left: int) -> int:
    """Let one order meet the bar; return the volume that is left for the others."""
    slot = world.slots[i * 3 + place]
    if slot.kind == 0 or left <= 0:
        return left
    wanted = closing(world.books[i].position, slot.quantity) if slot.reduce_only == 1 else slot.quantity
    if wanted == 0:
        clear(slot)
        return left
    got = execute(slot, world.venue[0], bar, wanted, left)
    if got.quantity == 0:
        return left
    rest = wanted - got.quantity
    slot.quantity = rest
    fee_ppm = world.instruments[i].maker_ppm if got.maker == 1 else world.instruments[i].taker_ppm
    if slot.kind == STOP and rest != 0:
        slot.kind = MARKET
    ts = max(bar.ts, slot.active_ts)
    slot.active_ts = bar.ts
    book_execution(world, journal, i, slot, ts, got, fee_ppm)
    if rest == 0 and place == 0:
        clear(slot)
        slot.order = 0
    return left - abs(got.quantity)


@inlined
def trade(world: World, journal: Journal, i: int, bar: Bar) -> None:
    """Let a symbol's orders meet its bar: triggered stop, entry, then stop before target unless the open passed it."""
    base = i * 3
    left = room(world.venue[0], bar)
    if world.slots[base + 1].kind == MARKET:
        left = work(world, journal, i, 1, bar, left)
    left = work(world, journal, i, 0, bar, left)
    book, target = world.books[i], world.slots[base + 2]
    passed = target.kind == LIMIT and book.position * (bar.open - target.price) > 0
    if passed:
        left = work(world, journal, i, 2, bar, left)
    left = work(world, journal, i, 1, bar, left)
    if not passed:
        left = work(world, journal, i, 2, bar, left)


@inlined
def learn_funding(world: World, tape: Tape, t: int, i: int) -> None:
    """Remember the funding rate that this bar's open settles, in units of 1e-8."""
    world.quotes[i].funding = round(tape.funding[t, i] * 1e8)
    world.quotes[i].funding_known = 1


@inlined
def pay_funding(world: World, tape: Tape, t: int, i: int, price: int) -> None:
    """Settle funding at `price` when the bar carries a rate."""
    learn_funding(world, tape, t, i)
    if world.books[i].position != 0:
        unit, rate = world.instruments[i].unit, world.quotes[i].funding
        settle_funding(world.books[i], world.account[0], unit, price, rate)


@inlined
def extreme(world: World, tape: Tape, t: int, i: int, high: bool) -> int:
    """Return the bar's high or low in ticks, or the last mark where there was no bar."""
    if world.quotes[i].valid == 0 or tape.close[t, i] != tape.close[t, i]:
        return world.quotes[i].mark
    return ticks(world, i, tape.high[t, i] if high else tape.low[t, i])


@inlined
def _strained(world: World, tape: Tape, t: int, high: bool) -> tuple[int, int]:
    """Return equity less maintenance at one extreme of the bar, and the symbol that loses most there."""
    excess, worst, loss = world.account[0].wallet, -1, 1
    for i in range(len(world.books)):
        book, instrument = world.books[i], world.instruments[i]
        if book.position == 0:
            continue
        price = extreme(world, tape, t, i, high)
        result = unrealised(book, instrument.unit, price)
        notional = abs(book.position) * price * instrument.unit
        excess += result - maintenance(instrument, world.brackets, notional)
        if worst < 0 or result < loss:
            worst, loss = i, result
    return excess, worst


@compiled
def liquidate(world: World, tape: Tape, journal: Journal, t: int, high: bool) -> None:
    """Take positions away, the worst first, while equity at this extreme does not cover maintenance.

    All symbols are looked at on the same side of their bars, as markets fall and rise together. What the wallet
    cannot cover is the insurance fund's and is booked as a transfer, so the ledger still ties.
    """
    account = world.account[0]
    excess, worst = _strained(world, tape, t, high)
    while worst >= 0 and excess < 0:
        book = world.books[worst]
        for place in range(3):
            clear(world.slots[worst * 3 + place])
        slot = world.slots[worst * 3]
        slot.arrival = extreme(world, tape, t, worst, high)
        slot.decided, slot.cause, slot.order = book.opened_cycle, BY_LIQUIDATION, 0
        got = Execution(-book.position, slot.arrival, 0)
        book_execution(world, journal, worst, slot, tape.ts[t], got, world.instruments[worst].liquidation_ppm)
        slot.order = 0
        account.liquidations += 1
        excess, worst = _strained(world, tape, t, high)
    if account.wallet < 0 and worst < 0:
        book_transfer(account, -account.wallet)
