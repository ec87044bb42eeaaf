"""Cycle: one bar closes, the venue settles, the account is valued, watched and decided upon, and it is written down.

`step` is the whole of it; `run` is `step` in a compiled loop. Live, backtest and replay call the same `step`, so
a thousand bars at once and one bar at a time give the same bits.
"""

from qt_ray.core.compiled import compiled, inlined
from qt_ray.engine import mark, settle
from qt_ray.engine.decide import decide
from qt_ray.engine.watch import watch
from qt_ray.engine.world import Journal, Tape, World

FILLS_PER_SYMBOL = 6


@inlined
def idle(world: World, i: int) -> bool:
    """Return whether a symbol has neither position nor order, so that a bar cannot touch it."""
    base = i * 3
    orders = world.slots[base].kind + world.slots[base + 1].kind + world.slots[base + 2].kind
    return orders == 0 and world.books[i].position == 0


@inlined
def settle_bar(world: World, tape: Tape, journal: Journal, t: int) -> None:
    """Let the venue do its part of the bar: funding (at the last mark where no bar opened), fills, liquidation."""
    held = False
    for i in range(len(world.books)):
        missing = tape.close[t, i] != tape.close[t, i]
        if tape.funding.shape[0] > 0 and tape.funding[t, i] == tape.funding[t, i]:
            price = world.quotes[i].mark if missing else settle.ticks(world, i, tape.open[t, i])
            settle.pay_funding(world, tape, t, i, price)
        if not missing and not idle(world, i):
            settle.trade(world, journal, i, settle.bar_of(world, tape, t, i))
        held = held or world.books[i].position != 0
    if held:
        settle.liquidate(world, tape, journal, t, False)
        settle.liquidate(world, tape, journal, t, True)


@inlined
def write_cycle(world: World, journal: Journal, cycle: int) -> None:
    """Write the account's row."""
    fund, drawdown, row = world.account[0], world.drawdown[0], journal.cycles[cycle]
    row.ts, row.wallet, row.equity = fund.ts, fund.wallet, fund.equity
    row.gross, row.net, row.positions = fund.gross, fund.net, fund.positions
    row.realised, row.fees, row.funding = fund.realised, fund.fees, fund.funding
    row.slippage, row.transfers, row.maintenance = fund.slippage, fund.transfers, fund.maintenance
    row.day_start, row.peak, row.drawdown_bps = drawdown.day_start, drawdown.peak, drawdown.drawdown_bps
    row.policy_version, row.ess, row.tripped_by = fund.policy_version, fund.ess, fund.tripped_by
    row.liquidated = min(fund.liquidations, 255)


@compiled
def observe(world: World, tape: Tape, journal: Journal, t: int) -> None:
    """Take one closed bar: what the venue did, what everything is worth, whether to stop."""
    fund = world.account[0]
    ts = tape.ts[t] + world.venue[0].interval_ms
    fund.cycle = tape.first + t
    settle_bar(world, tape, journal, t)
    for i in range(len(world.books)):
        mark.quote(world, tape, t, i, ts)
    mark.account(world, ts)
    watch(world)
    write_cycle(world, journal, fund.cycle)


@compiled
def step(world: World, tape: Tape, journal: Journal, t: int) -> None:
    """Run one whole cycle."""
    observe(world, tape, journal, t)
    decide(world, tape, journal, t)


@compiled
def run(world: World, tape: Tape, journal: Journal, start: int, stop: int) -> int:
    """Run cycles from `start` to `stop`, or until the journal has no room for another; return where it ended."""
    for t in range(start, stop):
        if journal.filled[0] + FILLS_PER_SYMBOL * len(world.books) > len(journal.fills):
            return t
        step(world, tape, journal, t)
    return stop
