"""Rehearsal: one decision that nobody acts on, so that the first real one does not pay for what all of them use.

What is compiled or loaded on first use is there before a part says that it is ready: a decision has about a second, and
a process that has just begun takes longer than that to load its kernels.
"""

from typing import Final

import numpy as np

from qt_ray.ai.baselines import single
from qt_ray.engine.live import LiveFund
from qt_ray.engine.pipeline import Decision, Guard, Opinion, Sizer, Snapshot
from qt_ray.engine.setup import Setup
from qt_ray.market.synthetic import synthetic

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
