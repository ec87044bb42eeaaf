"""Watch: drawdown and the emergency stop, looked at once per closed bar before anything is decided.

A trip needs no permission and a reset needs a person. In a simulated run that person is the `operator_reset_ms` of
the run's conduct, who takes the equity of the day as the new peak; without one a tripped fund stays flat to the end.
"""

from typing import Final

from qt_ray.core.compiled import inlined
from qt_ray.core.money import ratio_bps
from qt_ray.engine.world import World
from qt_ray.execution.slots import clear
from qt_ray.risk.drawdown import begin, observe
from qt_ray.risk.ess import Cause, EssSignal, EssState

CAUSES: Final = tuple(Cause)
EQUITY_DRAWDOWN: Final = 1 + CAUSES.index(Cause.EQUITY_DRAWDOWN)
DAILY_DRAWDOWN: Final = 1 + CAUSES.index(Cause.DAILY_DRAWDOWN)
OPEN_LOSS: Final = 1 + CAUSES.index(Cause.OPEN_LOSS)
FLASH_CRASH: Final = 1 + CAUSES.index(Cause.FLASH_CRASH)
STOP_LOSS_FLOOD: Final = 1 + CAUSES.index(Cause.STOP_LOSS_FLOOD)
ARMED: Final = int(EssState.ARMED)
FLATTENING: Final = int(EssState.FLATTENING)
FLAT: Final = int(EssState.FLAT)
COOLING: Final = int(EssState.COOLING_DOWN)
TRIP: Final = int(EssSignal.TRIP)
FLATTENED: Final = int(EssSignal.FLATTENED)
SETTLED: Final = int(EssSignal.SETTLED)
RESET: Final = int(EssSignal.RESET)


@inlined
def cause_of(world: World, level: int) -> int:
    """Return what demands an emergency now, the gravest first, as its place in CAUSES plus one, or zero."""
    fund, limits, drawdown = world.account[0], world.limits[0], world.drawdown[0]
    if level == 2:
        return EQUITY_DRAWDOWN
    if -drawdown.day_bps >= limits.day_drawdown_trip_bps:
        return DAILY_DRAWDOWN
    if ratio_bps(-fund.unrealised, max(fund.wallet, 1)) >= limits.open_loss_bps:
        return OPEN_LOSS
    fall = fund.equity_before - fund.equity
    watched = world.venue[0].interval_ms <= limits.flash_window_ms
    if watched and ratio_bps(fall, max(fund.equity_before, 1)) >= limits.flash_crash_bps:
        return FLASH_CRASH
    if fund.stop_hits + fund.stop_hits_before >= limits.stop_hits_max:
        return STOP_LOSS_FLOOD
    return 0


@inlined
def signal(world: World, kind: int) -> None:
    """Advance the emergency stop by its table."""
    fund = world.account[0]
    fund.ess = world.ess_table[fund.ess, kind]


@inlined
def cancel_entries(world: World) -> None:
    """Cancel every working entry; protective stops stay until flat."""
    for i in range(len(world.books)):
        if world.slots[i * 3].reduce_only == 0:
            clear(world.slots[i * 3])


@inlined
def reset(world: World) -> None:
    """Open the latch as a person would: the equity of the day is the new peak and old stop hits are forgotten."""
    fund = world.account[0]
    signal(world, RESET)
    begin(world.drawdown[0], fund.equity, fund.ts)
    fund.resets += 1
    fund.stop_hits = fund.stop_hits_before = 0
    fund.tripped_by = 0


@inlined
def release_disabled(world: World) -> None:
    """Let the simulated person enable symbols again that repeated execution has disabled."""
    now, wait = world.account[0].ts, world.conduct[0].operator_reset_ms
    for i in range(len(world.books)):
        book = world.books[i]
        if book.disabled == 1 and wait > 0 and now - book.repeat_ts >= wait:
            book.disabled = 0
            book.repeat_count = 0


@inlined
def watch(world: World) -> None:
    """Read the drawdown, trip when something demands it, and walk a tripped stop toward flat, cool and armed."""
    fund, conduct = world.account[0], world.conduct[0]
    release_disabled(world)
    level = observe(world.drawdown[0], world.limits[0], fund.equity, fund.ts, True)
    if fund.ess == ARMED:
        cause = cause_of(world, level)
        if cause != 0:
            fund.tripped_by, fund.tripped_ts = cause, fund.ts
            fund.trips += 1
            signal(world, TRIP)
            cancel_entries(world)
    if fund.ess == FLATTENING and fund.positions == 0:
        signal(world, FLATTENED)
    if fund.ess == FLAT:
        signal(world, SETTLED)
        fund.settled_ts = fund.ts
    wait = max(conduct.operator_reset_ms, world.limits[0].cooldown_ms)
    if fund.ess == COOLING and conduct.operator_reset_ms > 0 and fund.ts - fund.settled_ts >= wait:
        reset(world)
