"""A change of regime is told once, when hysteresis lets it through, and however the bars are cut."""

import numpy as np
import pytest

from qt_ray.core.limits import Volatility
from qt_ray.market.bars import Bars
from qt_ray.market.recent import joined
from qt_ray.market.regime import Regime, regimes
from qt_ray.market.regime_watch import RegimeWatch

pytestmark = pytest.mark.unit

NAMES = ("CALM", "WILD")
ROWS = 200


def market() -> Bars:
    dice = np.random.default_rng(5)
    moves = np.stack([np.full(ROWS, 0.001), np.r_[np.full(ROWS // 2, 0.001), np.full(ROWS - ROWS // 2, 0.03)]], axis=1)
    close = 100 * np.exp(np.cumsum(moves * dice.standard_normal((ROWS, 2)), axis=0))
    ts = np.arange(ROWS, dtype=np.int64) * 60_000
    return Bars(NAMES, 60_000, ts, close, close * (1 + moves), close * (1 - moves), close, np.ones_like(close))


@pytest.mark.requirement("S5 RegimeDetector")
def test_one_by_one_the_changes_are_those_of_the_whole_series() -> None:
    bars, watch = market(), RegimeWatch(NAMES)
    told = [turn for row in bars.blocks(1) for turn in watch.take(row)]
    whole = regimes(bars)
    for at, symbol in enumerate(NAMES):
        turns = [turn for turn in told if turn.symbol == symbol]
        changed = np.flatnonzero(np.diff(whole[:, at].astype(int), prepend=0))
        assert [turn.at_ms for turn in turns] == [int(bars.ts[row]) + 60_000 for row in changed]
        assert [turn.new for turn in turns] == [Regime(int(whole[row, at])) for row in changed]
        assert [turn.old for turn in turns] == [Regime.UNKNOWN, *(turn.new for turn in turns[:-1])]
    assert watch.regimes["WILD"] is Regime.EXTREME


def test_what_is_taken_at_once_is_one_change_from_its_beginning_to_its_end() -> None:
    bars, watch = market(), RegimeWatch(NAMES, Volatility())
    turns = watch.take(joined(list(bars.blocks(1))))
    assert [(turn.symbol, turn.old) for turn in turns] == [(name, Regime.UNKNOWN) for name in NAMES]
    assert {turn.symbol: turn.new for turn in turns} == watch.regimes


def test_other_thresholds_count_from_the_next_bar_on_and_the_past_stays_seen() -> None:
    bars, watch = market(), RegimeWatch(NAMES)
    watch.take(bars.window(0, ROWS - 1))
    assert watch.regimes["WILD"] is Regime.EXTREME
    watch.governed(Volatility(atr_high_bps=5_000, atr_extreme_bps=9_000))
    (turn,) = watch.take(bars.window(ROWS - 1, ROWS))
    assert (turn.symbol, turn.old) == ("WILD", Regime.EXTREME)
    assert turn.new not in (Regime.UNKNOWN, Regime.HIGH, Regime.EXTREME)
