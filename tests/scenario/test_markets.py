"""Markets: a fund in a normal one, in one without any edge, and in one whose secret it is told."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from qt_ray.ai.baselines import baseline, single
from qt_ray.ai.forecast import Floats, Forecasts, Snapshot
from qt_ray.ai.sizing import SizerPlan
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.rows import Action
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup
from qt_ray.execution.exits import ExitPlan
from qt_ray.execution.fills import Cause
from qt_ray.market.plant import Plant
from qt_ray.market.synthetic import SyntheticMarket
from qt_ray.risk.ess import EssState
from tests.unit.engine.funds import HOUR_MS, wide_policy

pytestmark = pytest.mark.scenario

NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
SEEDS = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, eq=False)
class Whisperer:
    """A predictor that knows the plant's true odds, or says the opposite of them."""

    odds: Floats
    start_ms: int
    sign: float = 1.0
    name: str = "whisperer"
    needs: tuple[str, ...] = ()

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Return the side the odds are on."""
        rows = (snapshot.bars.ts - self.start_ms) // snapshot.bars.interval_ms
        edge = self.sign * (2.0 * self.odds[rows] - 1.0)
        return single(np.where(edge == 0.0, np.nan, edge), np.full_like(edge, 0.9))


def market(seed: int, strength: float) -> SyntheticMarket:
    return SyntheticMarket(NAMES, HOUR_MS, seed, plant=Plant(strength=strength))


def won(run: Run) -> float:
    """Return what a run has won, in the quote currency."""
    return float(run.cycles["equity"][-1] - run.initial) / 1e8


def won_before_costs(run: Run) -> float:
    """Return what it would have won if trading were free."""
    last = run.cycles[-1]
    return won(run) + float(last["fees"] - last["funding"] + last["slippage"]) / 1e8


def followed(seed: int, strength: float, sign: float = 1.0) -> Run:
    """Return the run of a fund that does as the whisperer says, with nothing else in its way."""
    source = market(seed, strength)
    bars = source.bars(1_000)
    sizer = SizerPlan(fraction_bps=3_000, rebalance_bps=10_000)
    setup = Setup(source.instruments, policy=wide_policy(), exits=ExitPlan.none(), sizer=sizer)
    return run_backtest(setup, bars, Whisperer(source.oracle(bars), int(bars.ts[0]), sign))


@cache
def without_edge(kind: str, seed: int) -> Run:
    source = market(seed, 0.0)
    return run_backtest(Setup(source.instruments), source.bars(2_000), baseline(kind, len(NAMES), {}))


@pytest.mark.requirement("Scenario-1")
def test_a_normal_market_is_traded_to_its_end_without_an_emergency() -> None:
    """Scenario 1."""
    source = market(7, 0.12)
    bars = source.bars(2_000)
    run = run_backtest(Setup(source.instruments), bars, baseline("trend", len(NAMES), {}))
    assert len(run.cycles) == len(bars)
    assert (run.cycles["ess"] == EssState.ARMED).all()
    assert (run.cycles["liquidated"] == 0).all()
    assert (run.cycles["tripped_by"] == 0).all()
    causes = {Cause(cause) for cause in np.unique(run.fills["cause"])}
    assert {Cause.SIGNAL, Cause.STOP, Cause.TAKE_PROFIT} <= causes
    assert Cause.EMERGENCY not in causes
    assert set(np.unique(run.fills["symbol"])) == {0, 1, 2}
    entered = run.decisions["action"] == Action.ENTER
    assert (run.decisions["granted"][entered] > 0).any()
    assert (run.decisions["granted"][entered] < 0).any()
    assert (np.abs(run.cycles["net"]) <= run.cycles["gross"]).all()
    assert run.cycles["gross"].max() <= 0.5 * run.cycles["equity"].max()
    assert run.cycles["drawdown_bps"].max() < 1_000


@pytest.mark.parametrize("kind", ["trend", "mean_reversion", "ema_cross"])
def test_where_nothing_can_be_foretold_costs_are_not_beaten(kind: str) -> None:
    runs = [without_edge(kind, seed) for seed in SEEDS]
    assert sum(len(run.fills) for run in runs) > 100
    assert sum(map(won, runs)) < 0
    fees = sum(float(run.cycles["fees"][-1]) / 1e8 for run in runs)
    assert sum(map(won_before_costs, runs)) < fees


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_who_knows_the_plant_makes_money_and_who_does_the_opposite_loses_it(seed: int) -> None:
    """The pipeline trades the right way round, from a score's sign to the ledger."""
    right, wrong = followed(seed, 0.3), followed(seed, 0.3, -1.0)
    assert won_before_costs(right) > 1_000
    assert won_before_costs(wrong) < -1_000
    assert won(right) < won_before_costs(right)
    assert won(wrong) < won_before_costs(wrong)


def test_the_more_is_planted_the_more_is_won() -> None:
    gains = [won_before_costs(followed(1, strength)) for strength in (0.1, 0.3, 0.6)]
    assert gains == sorted(gains)


def test_who_is_told_nothing_does_nothing() -> None:
    run = followed(1, 0.0)
    assert len(run.fills) == 0
    assert won(run) == 0
