"""Backtest: the EMA 10/30 cross with every rule, the ledger and the decision records on, against NautilusTrader.

Both engines get the same bars in the same run of this script, and both must agree with an independent reference
loop fill by fill and to the cent, or the row does not hold however fast it was.
"""

import tracemalloc
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from math import log

import numpy as np

from benchmarks.form import Row, Sample, at_most, main, median_of, more_is_better
from benchmarks.fund import fund, plain
from benchmarks.market import minute_bars, quantities
from benchmarks.peers import nautilus
from benchmarks.reference import Outcome, ema_cross
from qt_ray.ai.baselines import EmaCross
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import decimal
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.run import Run
from qt_ray.market.bars import Bars

SHAPES = ((1, 525_600, 10.0), (20, 100_000, 40.0))
SLOPE_MAX = 1.0
ORDER_US_MAX = 60.0
MEMORY_MAX = 2.0


def market(symbols: int, count: int) -> tuple[Bars, tuple[Instrument, ...]]:
    """Return the benchmark's bars and instruments."""
    bars, instruments = minute_bars(symbols, count)
    return plain(bars), instruments


def simulate(bars: Bars, instruments: Sequence[Instrument], amounts: Sequence[Decimal]) -> Run:
    """Run the strategy in our engine, opens, forecasts, digests and all."""
    return run_backtest(fund(instruments, amounts), bars, EmaCross(len(bars.symbols)))


def fills_digest(run: Run) -> str:
    """Return the digest of our fills in the reference's form."""
    lines = []
    for fill in run.fills:
        instrument = run.instruments[int(fill["symbol"])]
        figures = (instrument.quantity(int(fill["quantity"])), instrument.price(int(fill["price"])))
        words = [format(value.normalize(), "f") for value in figures]
        lines.append(",".join([instrument.symbol, str(fill["ts"]), *words]))
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()


def agrees(run: Run, reference: Outcome) -> bool:
    """Return whether fills, realised profit and fees equal the reference's, fills exactly and money to the cent."""
    last = run.cycles[-1]
    realised, fees = decimal(int(last["realised"])), decimal(int(last["fees"]))
    close = abs(realised - reference.realised) < Decimal("0.01") and abs(fees - reference.fees) < Decimal("0.01")
    return close and fills_digest(run) == reference.digest()


def against_peer(symbols: int, count: int, target: float, quick: bool) -> list[Row]:
    """Return our rate against the peer's on one shape, which holds only if all three agree on every fill."""
    bars, instruments = market(symbols, count)
    amounts = quantities(bars, instruments)
    reference = ema_cross(bars, instruments, amounts)
    ours = median_of(lambda: simulate(bars, instruments, amounts), 1 if quick else 5).rate(symbols * count)
    peer = nautilus(bars, instruments, amounts)
    same = agrees(simulate(bars, instruments, amounts), reference) and peer.digest == reference.digest()
    name = f"EMA cross {symbols} × {count}, {len(reference.trades)} orders, NautilusTrader {peer.version}"
    row = more_is_better(name, "bars/s", ours, peer.bars_per_second, target)
    agree = Sample(0.0 if same else 1.0, 1, (0.0, 1.0))
    apart = at_most(f"engines that disagree with the reference, {symbols} × {count}", "engines", agree, 0.0)
    return [row, apart]


def order_cost(quick: bool) -> Row:
    """Return what one order costs: a run with orders less the same run in which nothing is wished."""
    bars, instruments = market(1, 50_000 if quick else 525_600)
    amounts = quantities(bars, instruments)
    orders = len(simulate(bars, instruments, amounts).fills)
    busy = median_of(lambda: simulate(bars, instruments, amounts), 5)
    idle = median_of(lambda: simulate(bars, instruments, [Decimal(0)]), 5)
    cost = Sample(
        max(busy.value - idle.value, 0.0), 5, (busy.spread[0] - idle.spread[1], busy.spread[1] - idle.spread[0])
    )
    return at_most("cost of one order, fill and its records", "µs", cost.scaled(1e6 / orders), ORDER_US_MAX)


def slope(sizes: Sequence[int], samples: Sequence[Sample]) -> float:
    """Return by which power of the size the time grows."""
    return float(np.polyfit([log(size) for size in sizes], [log(sample.value) for sample in samples], 1)[0])


def growth(quick: bool) -> list[Row]:
    """Return how cost grows with history and with symbols, as log-log slopes."""
    runs = 1 if quick else 5
    histories = [25_000, 100_000] if quick else [50_000, 100_000, 200_000, 400_000]
    widths = [5, 20] if quick else [10, 20, 50, 100, 200]
    by_history = [_timed(1, count, runs) for count in histories]
    by_width = [_timed(width, 5_000, runs) for width in widths]
    rows = []
    for name, sizes, samples in (("history", histories, by_history), ("symbols", widths, by_width)):
        value = slope(sizes, samples)
        rows.append(
            at_most(f"growth of cost with {name}, log-log", "slope", Sample(value, runs, (value, value)), SLOPE_MAX)
        )
    return rows


def _timed(symbols: int, count: int, runs: int) -> Sample:
    bars, instruments = market(symbols, count)
    amounts = quantities(bars, instruments)
    return median_of(lambda: simulate(bars, instruments, amounts), runs)


def memory(quick: bool) -> Row:
    """Return a run's peak of memory, bars included, over its bars as they are stored: time and five columns each."""
    bars, instruments = market(20, 10_000 if quick else 100_000)
    amounts = quantities(bars, instruments)
    data = 6 * bars.close.nbytes
    simulate(bars.window(0, 1_000), instruments, amounts)
    tracemalloc.start()
    simulate(bars, instruments, amounts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    value = (data + peak) / data
    return at_most("memory of a run over its bars, 20 symbols", "times", Sample(value, 1, (value, value)), MEMORY_MAX)


def measure(quick: bool) -> list[Row]:
    """Measure every shape, then what an order costs and how cost grows."""
    shapes = [(symbols, count // 20 if quick else count, target) for symbols, count, target in SHAPES]
    rows = [row for shape in shapes for row in against_peer(*shape, quick)]
    return [*rows, order_cost(quick), memory(quick), *growth(quick)]


if __name__ == "__main__":
    main(measure)
