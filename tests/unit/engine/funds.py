"""Small funds for tests: hand-drawn candles, one instrument, opinions that are simply told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from qt_ray.ai.baselines import single
from qt_ray.ai.forecast import Forecasts, Snapshot
from qt_ray.ai.sizing import Method, SizerPlan
from qt_ray.core.instruments import Bracket, Instrument
from qt_ray.core.limits import Limits, Modes
from qt_ray.core.policy import Policy
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup, VenueModel
from qt_ray.execution.exits import ExitPlan
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import synthetic

HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000
NAN = float("nan")


def contract(symbol: str = "BTCUSDT", leverage: int = 20) -> Instrument:
    """Return a contract with round units: a tick of a dime, a step of a thousandth."""
    return Instrument(
        symbol=symbol,
        tick=Decimal("0.1"),
        step=Decimal("0.001"),
        quantity_min=Decimal("0.001"),
        quantity_max=Decimal(1_000),
        market_quantity_max=Decimal(1_000),
        notional_min=Decimal(5),
        price_min=Decimal("0.1"),
        price_max=Decimal(1_000_000),
        maker_rate=Decimal("0.0002"),
        taker_rate=Decimal("0.0004"),
        liquidation_rate=Decimal("0.0125"),
        brackets=(Bracket(Decimal(0), leverage, Decimal("0.02"), Decimal(0)),),
    )


def candles(rows: Sequence[tuple[float, float, float, float]], volume: float = 1e6, interval_ms: int = HOUR_MS) -> Bars:
    """Return one symbol's bars from (open, high, low, close)."""
    columns = [np.array(column, dtype=np.float64).reshape(-1, 1) for column in zip(*rows, strict=True)]
    ts = START_MS + np.arange(len(rows), dtype=np.int64) * interval_ms
    return Bars(("BTCUSDT",), interval_ms, ts, *columns, np.full((len(rows), 1), volume))


def still(count: int, price: float = 100.0) -> list[tuple[float, float, float, float]]:
    """Return candles that move by half a percent either way and go nowhere: a market to warm up in."""
    return [(price, price * 1.005, price * 0.995, price) for _ in range(count)]


@dataclass(frozen=True)
class Told:
    """A predictor that says what it was told, bar by bar from the first."""

    scores: tuple[float, ...]
    confidence: float = 0.9
    name: str = "told"
    needs: tuple[str, ...] = ()

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Return the told score of every bar of the snapshot."""
        bars = snapshot.bars
        at = ((bars.ts - START_MS) // bars.interval_ms).astype(int)
        column = np.array([self.scores[i] if i < len(self.scores) else NAN for i in at])
        score = np.repeat(column.reshape(-1, 1), len(bars.symbols), axis=1)
        return single(score, np.full_like(score, self.confidence))


def wide_policy(**limits: object) -> Policy:
    """Return a policy whose limits are out of the way, but for those given."""
    given = {
        "order_value_equity_max_bps": 10_000,
        "order_value_max": Decimal(100_000_000),
        "order_depth_max_bps": 10_000,
        "order_day_volume_max_bps": 1_000,
        "symbol_exposure_max_bps": 100_000,
        "cluster_exposure_max_bps": 150_000,
        "net_exposure_max_bps": 200_000,
        "gross_exposure_max_bps": 200_000,
        "leverage_default": 10,
        "repeat_entries_max": 1_000,
        "slippage_pause_bps": 2_000,
        "drawdown_soft_bps": 4_000,
        "drawdown_hard_bps": 5_000,
        "day_loss_max_bps": 5_000,
        "drawdown_month_max_bps": 5_000,
        **limits,
    }
    base = Policy()
    mode = replace(
        base.risk,
        max_leverage=Decimal(10),
        max_positions=1_000,
        max_risk_pct=Decimal("0.10"),
        max_daily_drawdown=Decimal("0.5"),
        position_cap_usd=Decimal(100_000_000),
    )
    ess = replace(base.ess, daily_drawdown_bps=5_000, equity_drawdown_bps=5_000, open_loss_bps=5_000)
    wild = replace(base.volatility, fallback_size_max=Decimal(1), fallback_leverage=Decimal(2))
    return replace(base, limits=Limits(**given), modes=Modes(NORMAL=mode), ess=ess, volatility=wild)  # type: ignore[arg-type]


FREE = VenueModel(
    latency_ms=0,
    half_spread_bps=Decimal(0),
    impact_coefficient=Decimal(0),
    participation_max_bps=10_000,
    depth_minutes=Decimal(1_440),
)


def fund(quantity: str = "1", **changes: object) -> Setup:
    """Return a fund of one contract that trades a fixed quantity at no cost but fees, and protects nothing."""
    setup = Setup(
        instruments=(contract(),),
        initial=Decimal(10_000),
        policy=wide_policy(),
        venue=FREE,
        sizer=SizerPlan(Method.FIXED_QUANTITY, quantity=Decimal(quantity)),
        exits=ExitPlan.none(),
        funding_known=True,
    )
    return replace(setup, **changes)  # type: ignore[arg-type]


def told(setup: Setup, bars: Bars, scores: Sequence[float], **more: float) -> Run:
    """Run a fund that is told its opinions."""
    return run_backtest(setup, bars, Told(tuple(scores), **more))  # type: ignore[arg-type]


def lively(count: int = 1_500, symbols: int = 3, seed: int = 5) -> tuple[Bars, Setup]:
    """Return a synthetic market and a fund with the shipped policy, exits and costs."""
    names = tuple(f"SYM{i}USDT" for i in range(symbols))
    market = synthetic(names, HOUR_MS, seed)
    bars = market.bars(count)
    return bars, Setup(market.instruments, exits=ExitPlan.hybrid())
