"""Decide: size, review and plan every symbol of one closed bar.

Symbols that keep or lessen go first and free what they hold; those that grow follow by confidence, each reserving
what it was granted before the next is asked, so together they can never take more than the limits have.
"""

from typing import Final

from qt_ray.ai.sizing import target, wish
from qt_ray.core.compiled import compiled, inlined
from qt_ray.engine.mark import exposed, release, reserve
from qt_ray.engine.plan import act, recent_orders
from qt_ray.engine.rows import Action
from qt_ray.engine.settle import guard_levels
from qt_ray.engine.watch import ARMED, FLATTENING
from qt_ray.engine.world import Journal, Tape, World
from qt_ray.execution.exits import outlived, stop_distance, tightened
from qt_ray.execution.fills import Cause
from qt_ray.execution.margin import carried
from qt_ray.execution.slots import Kind
from qt_ray.market.regime import Regime
from qt_ray.risk.guard import review
from qt_ray.risk.reasons import Reason

BY_EMERGENCY: Final = int(Cause.EMERGENCY)
BY_TIME: Final = int(Cause.TIME)
BY_SIGNAL: Final = int(Cause.SIGNAL)
HIGH: Final = int(Regime.HIGH)
EXTREME: Final = int(Regime.EXTREME)
REPEATED: Final = int(Reason.REPEATED_EXECUTION)
PRECISION: Final = int(Reason.PRECISION)
CLOSE: Final = int(Action.CLOSE)
ENTER: Final = int(Action.ENTER)
FLIP: Final = int(Action.FLIP)
MARKET: Final = int(Kind.MARKET)
REFUSED: Final = int(Action.REFUSED)
HOLD: Final = int(Action.HOLD)
ADD: Final = int(Action.ADD)
REDUCE: Final = int(Action.REDUCE)


@inlined
def wanted(world: World, tape: Tape, t: int, i: int) -> tuple[int, int]:
    """Return the wished position and why: emergency and time end positions, otherwise the forecast sizes them."""
    book, quote, fund = world.books[i], world.quotes[i], world.account[0]
    if fund.ess == FLATTENING:
        return 0, BY_EMERGENCY
    if outlived(book, world.exits[book.entry_regime], fund.ts):
        return 0, BY_TIME
    score = tape.score[t, i]
    side = (1 if score > 0.0 else 0) - (1 if score < 0.0 else 0)
    if book.spent != 0 and score == score and side != book.spent:
        book.spent = 0
    value = quote.mark * world.instruments[i].unit
    size = target(world.sizers[i], fund.equity, value, quote.atr_bps)
    return wish(world.sizers[i], score, aimed(world, i), book.spent, size), BY_SIGNAL


@inlined
def aimed(world: World, i: int) -> int:
    """Return the position once the working entry has filled: what an unchanged view goes on wanting."""
    entry = world.slots[i * 3]
    return world.books[i].position + (entry.quantity if entry.kind != 0 else 0)


@inlined
def grows(position: int, want: int) -> bool:
    """Return whether a wish adds exposure anywhere, flips included."""
    return want != 0 and (abs(want) > abs(position) or (want > 0) != (position > 0))


@inlined
def pose(world: World, tape: Tape, t: int, i: int, want: int, sent: int) -> None:
    """Put the question for one symbol into its ask, where it stays for whoever wants the reasons."""
    ask, book, quote, fund = world.asks[i], world.books[i], world.quotes[i], world.account[0]
    instrument, conduct, drawdown = world.instruments[i], world.conduct[0], world.drawdown[0]
    ask.now_ms, ask.wish, ask.position = fund.ts, want, book.position
    ask.last, ask.mark, ask.unit = quote.last, quote.mark, instrument.unit
    ask.price_min, ask.price_max = instrument.price_min, instrument.price_max
    ask.age_ms = fund.ts - quote.ts
    ask.equity = fund.equity
    counted = exposed(world, i)
    held = counted * quote.mark * instrument.unit
    ask.gross_others = fund.gross - abs(held)
    ask.net_others = fund.net - held
    ask.cluster_others = world.clusters[instrument.cluster] - held
    ask.positions_others = fund.positions - (1 if counted != 0 else 0)
    ask.bracket_notional = carried(instrument, world.brackets, fund.equity)
    ask.risk_ticks = stop_distance(world.exits[quote.regime], quote.atr, quote.mark)
    ask.depth, ask.volume_day = quote.depth, quote.volume_day
    ask.market_quantity_max = instrument.market_quantity_max
    ask.funding, ask.funding_known = quote.funding, quote.funding_known
    ask.since_repeat_ms = fund.ts - book.repeat_ts
    ask.since_order_ms = fund.ts - book.order_ts
    ask.since_slipped_ms = fund.ts - book.slipped_ts
    ask.order_quantity = book.order_quantity
    ask.atr_bps = quote.atr_bps
    ask.atr_hour_bps = quote.atr_bps * conduct.atr_hour_x1000 // 1_000
    ask.day_bps, ask.drawdown_bps = drawdown.day_bps, drawdown.drawdown_bps
    ask.margin_bps, ask.governor_bps = fund.margin_bps, fund.governor_bps
    ask.confidence_bps = int(tape.confidence[t, i] * 10_000.0 + 1e-6)
    ask.agreement, ask.members = tape.agreement[t, i], tape.members
    ask.minute_orders = recent_orders(world, i)
    ask.second_orders = sent * 1_000 // max(conduct.pace_ms, 1_000)
    ask.ten_second_orders = sent * 10_000 // max(conduct.pace_ms, 10_000)
    ask.repeat_count, ask.repeat_side = book.repeat_count, book.repeat_side
    ask.valid, ask.allowed = quote.valid, instrument.allowed
    ask.killed, ask.allow_new = fund.killed, fund.allow_new
    ask.armed = 1 if fund.ess <= ARMED else 0
    ask.disabled = book.disabled
    ask.volatile = 1 if quote.regime == HIGH or quote.regime == EXTREME else 0


@inlined
def judge(world: World, tape: Tape, journal: Journal, t: int, i: int, sent: int) -> int:
    """Review one wish, act on what was granted and write the decision down; return the orders sent."""
    book, want = world.books[i], world.wishes[i]
    pose(world, tape, t, i, want, sent)
    verdict = review(world.bands, world.asks[i], world.limits[0])
    if verdict.bound >> REPEATED & 1 == 1:
        book.disabled = 1
    release(world, i, exposed(world, i))
    orders, bound, granted = act(world, i, verdict.granted, world.causes[i], world.asks[i].confidence_bps)
    reserve(world, i, exposed(world, i))
    row = journal.decisions[tape.first + t, i]
    row.wish, row.granted = want, granted
    row.score, row.confidence = tape.score[t, i], tape.confidence[t, i]
    row.bound = verdict.bound | bound
    row.binding = PRECISION if verdict.binding == 0 and bound != 0 else verdict.binding
    row.regime, row.agreement = world.quotes[i].regime, tape.agreement[t, i]
    row.action = action(book.position, want, granted)
    return orders


@inlined
def action(position: int, want: int, granted: int) -> int:
    """Name what a decision does to a position."""
    if granted == position:
        return REFUSED if want != position else HOLD
    if granted == 0:
        return CLOSE
    if position == 0:
        return ENTER
    if (granted > 0) != (position > 0):
        return FLIP
    return ADD if abs(granted) > abs(position) else REDUCE


@inlined
def tighten(world: World, i: int, ts: int) -> None:
    """Move a position's stop after its bar, never away from profit."""
    book, quote = world.books[i], world.quotes[i]
    rule = world.exits[book.entry_regime]
    if book.position == 0 or rule.active == 0 or quote.valid == 0 or world.slots[i * 3 + 1].kind == MARKET:
        return
    book.stop = max(tightened(book, rule, quote.atr, quote.last), 1)
    guard_levels(world, i, i * 3, ts, book.opened_cycle)


@compiled
def size(world: World, tape: Tape, t: int) -> None:
    """Put every symbol's wish and its cause into the world, after its stop has followed the bar."""
    for i in range(len(world.books)):
        tighten(world, i, world.account[0].ts)
        world.wishes[i], world.causes[i] = wanted(world, tape, t, i)


@compiled
def review_all(world: World, tape: Tape, journal: Journal, t: int) -> None:
    """Review every wish: those that keep or lessen first, then those that grow, most confident first."""
    sent, growing = 0, 0
    for i in range(len(world.books)):
        if grows(world.books[i].position, world.wishes[i]):
            growing = _queue(world, tape, t, i, growing)
        else:
            sent += judge(world, tape, journal, t, i, sent)
    for rank in range(growing):
        sent += judge(world, tape, journal, t, world.entrants[rank], sent)


@compiled
def decide(world: World, tape: Tape, journal: Journal, t: int) -> None:
    """Decide for every symbol."""
    size(world, tape, t)
    review_all(world, tape, journal, t)


@inlined
def _queue(world: World, tape: Tape, t: int, i: int, growing: int) -> int:
    """Insert a growing symbol by confidence, ties by its place in the list of symbols."""
    at = growing
    while at > 0 and tape.confidence[t, world.entrants[at - 1]] < tape.confidence[t, i]:
        world.entrants[at] = world.entrants[at - 1]
        at -= 1
    world.entrants[at] = i
    return growing + 1
