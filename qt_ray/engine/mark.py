"""Mark: what everything is worth at the close of a bar.

Quotes first, then the account: equity with marks, exposure with working entries counted as if they had filled,
maintenance by bracket. A symbol without a bar keeps its last mark and is not valid for entries.
"""

from qt_ray.core.compiled import inlined
from qt_ray.core.money import ratio_bps
from qt_ray.engine.settle import ticks
from qt_ray.engine.world import Tape, World
from qt_ray.execution.ledger import unrealised
from qt_ray.execution.margin import maintenance
from qt_ray.market.regime import observe


@inlined
def quote(world: World, tape: Tape, t: int, i: int, ts: int) -> None:
    """Take a closed bar into the symbol's quote: prices, ATR, regime, volume of a day and depth."""
    seen, state = world.quotes[i], world.regimes[i]
    close = tape.close[t, i]
    if close != close:
        seen.valid = 0
        return
    seen.regime = observe(state, world.regime_params[0], tape.high[t, i], tape.low[t, i], close)
    seen.last = ticks(world, i, close)
    mark = tape.mark[t, i] if tape.mark.shape[0] > 0 else close
    seen.mark = ticks(world, i, mark) if mark == mark else seen.last
    seen.ts = ts
    seen.valid = 1 if seen.last > 0 and seen.mark > 0 else 0
    seen.atr = round(state.atr * world.ticks_per[i])
    seen.atr_bps = int(state.atr_bps)
    _volumes(world, i, tape.volume[t, i] * world.steps_per[i])


@inlined
def _volumes(world: World, i: int, steps: float) -> None:
    """Follow the volume of a day by an exponential mean over a day; depth is a few of its minutes."""
    per_day, seen = world.conduct[0].bars_per_day, world.quotes[i]
    if world.averages[i] == 0.0:
        world.averages[i] = steps
    else:
        world.averages[i] += (steps - world.averages[i]) / float(per_day)
    seen.volume_day = int(world.averages[i] * float(per_day))
    seen.depth = seen.volume_day * world.venue[0].depth_minutes_x100 // 144_000


@inlined
def account(world: World, ts: int) -> None:
    """Value the account at the marks."""
    fund = world.account[0]
    fund.ts, fund.equity_before = ts, fund.equity
    fund.unrealised = fund.gross = fund.net = fund.maintenance = 0
    fund.positions = 0
    for cluster in range(len(world.clusters)):
        world.clusters[cluster] = 0
    for i in range(len(world.books)):
        counted = exposed(world, i)
        if counted != 0:
            _value(world, i)
            reserve(world, i, counted)
    fund.equity = fund.wallet + fund.unrealised
    fund.margin_bps = min(ratio_bps(fund.maintenance, fund.equity), 1_000_000) if fund.equity > 0 else 1_000_000
    if fund.maintenance == 0:
        fund.margin_bps = 0


@inlined
def exposed(world: World, i: int) -> int:
    """Return what counts as held: the position, or what it becomes when a working entry that adds to it has filled."""
    position, entry = world.books[i].position, world.slots[i * 3]
    if entry.kind == 0 or entry.reduce_only == 1:
        return position
    filled = position + entry.quantity
    return filled if abs(filled) > abs(position) else position


@inlined
def _value(world: World, i: int) -> None:
    fund, book, instrument = world.account[0], world.books[i], world.instruments[i]
    mark = world.quotes[i].mark
    fund.unrealised += unrealised(book, instrument.unit, mark)
    fund.maintenance += maintenance(instrument, world.brackets, abs(book.position) * mark * instrument.unit)


@inlined
def reserve(world: World, i: int, steps: int) -> None:
    """Count a position or an approved wish against gross, net, cluster and the number of positions."""
    fund, instrument = world.account[0], world.instruments[i]
    notional = steps * world.quotes[i].mark * instrument.unit
    fund.gross += abs(notional)
    fund.net += notional
    fund.positions += 1 if steps != 0 else 0
    world.clusters[instrument.cluster] += notional


@inlined
def release(world: World, i: int, steps: int) -> None:
    """Take back what `reserve` counted."""
    fund, instrument = world.account[0], world.instruments[i]
    notional = steps * world.quotes[i].mark * instrument.unit
    fund.gross -= abs(notional)
    fund.net -= notional
    fund.positions -= 1 if steps != 0 else 0
    world.clusters[instrument.cluster] -= notional
