"""Dangers: high volatility, a flash crash, and positions that are all one bet."""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pytest

from qt_ray.ai.baselines import single
from qt_ray.ai.forecast import Forecasts, Snapshot
from qt_ray.ai.sizing import Method, SizerPlan
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.rows import Action
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup
from qt_ray.engine.watch import CAUSES
from qt_ray.execution.exits import ExitPlan, Levels
from qt_ray.execution.fills import Cause as FillCause
from qt_ray.market.regime import Regime
from qt_ray.market.stress import flash_crash
from qt_ray.market.synthetic import SyntheticMarket
from qt_ray.risk.ess import Cause, EssState
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.engine.funds import FREE, HOUR_MS, NAN, candles, fund, told, wide_policy

pytestmark = pytest.mark.scenario

MINUTE_MS = 60_000
NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
WARM = 60
# A stop 8 % away and nothing else, so that only the danger itself ends a position.
FAR = ExitPlan(
    dict.fromkeys(Regime.__members__, Levels(Decimal(10), Decimal(500), Decimal(0), Decimal(0), 5_000)),
    stop_min_bps=800,
    stop_max_bps=800,
)


@dataclass(frozen=True)
class Says:
    """A predictor with one opinion per symbol, from one bar to another."""

    scores: tuple[float, ...]
    start_ms: int
    end_ms: int = 2**62
    name: str = "says"
    needs: tuple[str, ...] = ()

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Return the opinion."""
        speaks = (snapshot.bars.ts >= self.start_ms) & (snapshot.bars.ts < self.end_ms)
        score = np.where(speaks[:, None], np.array(self.scores), np.nan)
        return single(score, np.full_like(score, 0.9))


def wild(confidence: float) -> Run:
    """Return a fund of one contract that wants to be long in a market of 4 % ATR."""
    rows = [(100.0, 102.0, 98.0, 100.0)] * (WARM + 5)
    return told(fund("4"), candles(rows), [NAN] * WARM + [1.0] * 5, confidence=confidence)


@pytest.mark.requirement("P1-02", "Scenario-2")
@pytest.mark.p1_patches
@pytest.mark.parametrize(
    ("confidence", "granted"),
    [(0.60, 0), (0.6499, 0), (0.65, 2_000), (0.72, 2_000), (0.7499, 2_000), (0.75, 4_000), (0.90, 4_000)],
)
def test_in_high_volatility_the_unsure_are_refused_and_the_half_sure_get_half(confidence: float, granted: int) -> None:
    """Scenario 2 and SPEC 3: .60 with 4 % ATR is rejected, .72 passes at half size."""
    run = wild(confidence)
    row = run.decisions[WARM, 0]
    assert Regime(row["regime"]) in (Regime.HIGH, Regime.EXTREME)
    assert (row["wish"], row["granted"]) == (4_000, granted)
    if granted < 4_000:
        assert reasons_in(int(row["bound"])) == (Reason.CONFIDENCE,)
        assert Reason(row["binding"]) is Reason.CONFIDENCE
        assert row["action"] == (Action.ENTER if granted else Action.REFUSED)
    assert run.fills["position"].tolist() == ([granted] if granted else [])


def test_the_same_opinion_passes_whole_where_it_is_calm() -> None:
    rows = [(100.0, 101.0, 99.0, 100.0)] * (WARM + 2)
    run = told(fund("4"), candles(rows), [NAN] * WARM + [1.0], confidence=0.60)
    assert run.decisions["granted"][WARM, 0] == 4_000


CRASH = 300


def crashed() -> Run:
    """Return a fund that holds three longs, each worth its equity, when all three markets fall by 15 % in minutes."""
    market = SyntheticMarket(NAMES, MINUTE_MS, 4, stresses=(flash_crash(CRASH, depth=0.15, fall_bars=6),))
    bars = market.bars(CRASH + 240)
    setup = Setup(
        market.instruments,
        policy=wide_policy(),
        venue=replace(FREE, latency_ms=50),
        exits=FAR,
        sizer=SizerPlan(fraction_bps=9_000, rebalance_bps=10_000),
    )
    return run_backtest(setup, bars, Says((1.0, 1.0, 1.0), int(bars.ts[100])))


@pytest.mark.requirement("Scenario-3")
def test_a_flash_crash_trips_the_stop_closes_everything_and_nothing_is_opened_again() -> None:
    """Scenario 3."""
    run = crashed()
    states = run.cycles["ess"]
    trip = int(np.argmax(states != EssState.ARMED))
    assert run.cycles["positions"][trip - 1] == 3
    assert CRASH <= trip <= CRASH + 6
    assert CAUSES[run.cycles["tripped_by"][trip] - 1] is Cause.FLASH_CRASH
    flat = trip + int(np.argmax(run.cycles["positions"][trip:] == 0))
    assert flat - trip <= 3
    assert (run.cycles["positions"][flat:] == 0).all()
    assert (run.cycles["gross"][flat:] == 0).all()
    assert states[-1] == EssState.COOLING_DOWN
    closing = run.fills[run.fills["cause"] == FillCause.EMERGENCY]
    assert set(closing["symbol"]) == {0, 1, 2}
    assert (closing["quantity"] < 0).all()
    assert run.fills["ts"].max() <= run.cycles["ts"][flat]
    later = run.decisions[flat:]
    assert (later["wish"] > 0).all()
    assert (later["granted"] == 0).all()
    assert (later["action"] == Action.REFUSED).all()
    assert (later["bound"] >> Reason.NEW_POSITIONS_DISABLED & 1 == 1).all()


def test_equity_stands_still_once_a_crashed_fund_is_flat() -> None:
    run = crashed()
    flat = int(np.nonzero(run.cycles["positions"] > 0)[0][-1]) + 1
    assert len(np.unique(run.cycles["equity"][flat:])) == 1
    assert (run.cycles["wallet"][flat:] == run.cycles["equity"][flat:]).all()


def together(scores: tuple[float, ...], clusters: tuple[int, ...], limit_bps: int = 7_500) -> Run:
    """Return a fund that wants half its equity in each of three symbols of these clusters."""
    market = SyntheticMarket(NAMES, HOUR_MS, 9)
    bars = market.bars(WARM + 120)
    listed = tuple(replace(one, cluster=c) for one, c in zip(market.instruments, clusters, strict=True))
    setup = Setup(
        listed,
        initial=Decimal(100_000),
        policy=wide_policy(cluster_exposure_max_bps=limit_bps, symbol_exposure_max_bps=7_500),
        venue=FREE,
        exits=FAR,
        sizer=SizerPlan(Method.FIXED_FRACTION, fraction_bps=5_000, rebalance_bps=10_000),
    )
    return run_backtest(setup, bars, Says(scores, int(bars.ts[WARM])))


def held(run: Run) -> np.ndarray:
    """Return what each symbol's granted position is worth over equity when it is first granted."""
    prices = run.bars.close if run.bars.mark is None else run.bars.mark
    steps = np.array([float(one.step) for one in run.instruments])
    worth = run.decisions["granted"] * steps * prices
    return np.asarray(worth[WARM] / run.equity[WARM])


@pytest.mark.requirement("Scenario-7")
def test_three_positions_that_are_one_bet_share_one_limit() -> None:
    """Scenario 7."""
    run = together((1.0, 1.0, 1.0), (0, 0, 0))
    shares = held(run)
    assert 0.74 < shares.sum() <= 0.75
    refused = run.decisions[WARM]["bound"] >> Reason.CORRELATION & 1 == 1
    assert refused.sum() == 2
    assert Reason.CORRELATION in {Reason(b) for b in run.decisions[WARM]["binding"]}
    grown = np.diff(np.abs(run.decisions["granted"]), axis=0) > 0
    net = np.abs(run.cycles["net"] / run.cycles["equity"])
    assert (net[1:][grown.any(axis=1)] <= 0.75).all()


def test_shorts_that_are_one_bet_share_it_too() -> None:
    assert -0.75 <= held(together((-1.0, -1.0, -1.0), (3, 3, 3))).sum() < -0.74


def test_clusters_do_not_count_for_each_other_and_a_hedge_keeps_its_room() -> None:
    apart = held(together((1.0, 1.0, 1.0), (0, 1, 2)))
    assert (apart > 0.49).all()
    hedged = held(together((1.0, -1.0, 1.0), (0, 0, 0)))
    assert (np.abs(hedged) > 0.49).all()
    assert abs(hedged.sum()) < 0.75
