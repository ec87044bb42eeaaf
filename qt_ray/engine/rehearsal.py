"""Rehearsal: one decision that nobody acts on, so that the first real one does not pay for what all of them use.

What is compiled or loaded on first use is there before a part says that it is ready: a decision has about a second, and
a process that has just begun takes longer than that to load its kernels. Compiling them takes a core half a minute, so
`prepared` goes once through all that any part of a fund uses, in one process, before there is a fund: its dozen
processes find them on disk, and do not compile them beside each other within the minute in which decisions are due.
"""

from decimal import Decimal
from typing import Final

import numpy as np

from qt_ray.ai.baselines import single
from qt_ray.core.policy import Policy
from qt_ray.engine.live import LiveFund
from qt_ray.engine.pipeline import Decision, Guard, Opinion, Sizer, Snapshot
from qt_ray.engine.setup import Setup
from qt_ray.engine.takeover import foreign, taken_over
from qt_ray.engine.tidings import Filled, Holding, Stand
from qt_ray.execution.slots import Place
from qt_ray.governance.framing import laid_out
from qt_ray.market.bars import Bars
from qt_ray.market.columns import Bar
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema
from qt_ray.market.gated_rows import COLUMNS
from qt_ray.market.quality_gate import QualityGate
from qt_ray.market.regime_watch import RegimeWatch
from qt_ray.market.synthetic import synthetic
from qt_ray.risk.drawdown import DrawdownMonitor
from qt_ray.risk.in_force import limits_in_force

SYMBOLS: Final = ("AAAUSDT", "BBBUSDT")
INTERVAL_MS: Final = 60_000
BARS: Final = 3
SEED: Final = 1


def rehearsed() -> Decision:
    """Decide about a market that never was, through every stage, and return what was decided."""
    market = synthetic(SYMBOLS, INTERVAL_MS, SEED)
    bars = market.bars(BARS)
    fund = LiveFund(Setup(market.instruments), INTERVAL_MS, int(bars.ts[0]))
    for at in range(BARS):
        fund.observed(bars.window(at, at + 1))
    shape = 1, len(SYMBOLS)
    snapshot = Snapshot(bars.window(BARS - 1, BARS), np.zeros((*shape, 0)), fund.twin().world)
    decision = Guard().review(Sizer().size(Opinion(snapshot, single(np.ones(shape), np.ones(shape)))))
    fund.adopt(decision)
    return decision


def prepared() -> None:
    """Use once whatever a fund compiles on first use, beginning with all that a decision does."""
    rehearsed()
    market = synthetic(SYMBOLS, INTERVAL_MS, SEED)
    bars = market.bars(BARS)
    FeatureEngine(FeatureSchema(), SYMBOLS, INTERVAL_MS).block(bars)
    RegimeWatch(SYMBOLS).take(bars)
    gate = QualityGate(INTERVAL_MS)
    for at, ts in enumerate(bars.ts):
        gate.admit(Bar(int(ts), *(float(getattr(bars, name)[at, 0]) for name in COLUMNS)))
    laid_out(1, [b"a record"])
    _traded(LiveFund(Setup(market.instruments), INTERVAL_MS, int(bars.ts[0])), bars)


def _traded(fund: LiveFund, bars: Bars) -> None:
    """Let a fund hear of a fill of its own, of another's, and of what its account holds."""
    fund.observed(bars.window(0, 1))
    first, ts_ms, fee = fund.instruments[0], int(bars.ts[0]), Decimal(0)
    price = first.price(first.ticks(Decimal(float(bars.close[0, 0]))))
    fund.filled(first.symbol, Place.ENTRY, ts_ms, first.step, price, fee)
    foreign(fund, Filled("a-stranger", first.symbol, ts_ms, first.step, price, fee, Decimal(0), 1, maker=False))
    taken_over(fund, Stand(Decimal(1), {first.symbol: Holding(first.step, price)}, (), ts_ms))
    DrawdownMonitor(limits_in_force(Policy()).row[0], Decimal(1), ts_ms).observe(Decimal(1), ts_ms, confirmed=True)
