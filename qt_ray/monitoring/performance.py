"""Performance: what a run earned, what it cost and what it risked, in numbers that tie to the ledger.

Money is summed in whole 1e-8 and ratios in floats; whatever cannot be known from the record is NaN or None
and is shown as "n/a". Nothing here is estimated except the interval around the Sharpe ratio, which says so.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.market.bars import Floats
from qt_ray.monitoring import ratios
from qt_ray.monitoring.breakdown import (
    Group,
    SymbolResult,
    TripStats,
    by_cause,
    by_regime,
    by_side,
    by_symbol,
    trip_stats,
)
from qt_ray.monitoring.decisions import Blocked, Regret, blocks_by_rule, wishes, worst_decisions
from qt_ray.monitoring.emergencies import Emergency, emergencies_of
from qt_ray.monitoring.growth import (
    Curve,
    Drawdown,
    Month,
    Returns,
    drawdowns_of,
    growth_curve,
    held_curve,
    months_of,
    returns_of,
)
from qt_ray.monitoring.ratios import NAN, Interval
from qt_ray.monitoring.trips import exact_sum, notionals_of, trips_of


@dataclass(frozen=True, slots=True)
class Reward:
    """Return and its risk; rates are per year of 365 days."""

    total: float
    cagr: float
    annual_mean: float
    volatility: float
    sharpe: float
    interval: Interval | None
    sortino: float
    calmar: float
    drawdown: float
    under_water: float
    skew: float
    kurtosis: float
    shortfall: float
    best: float
    worst: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Where the money went; 1e-8 of the quote currency, costs positive.

    `funding` is what was paid net of what was received. `slippage` is already inside the prices of fills and
    so inside `gross`: gross - fees - funding = net, and ideal prices would have earned gross + slippage.
    """

    gross: int
    fees: int
    funding: int
    slippage: int
    net: int
    turnover: int
    maker: int

    def bps(self, cost: int) -> float:
        """Return a cost in basis points of turnover."""
        return ratios.quotient(cost * 10_000, self.turnover)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Position value over equity; `invested` is the share of closes with any position."""

    gross_mean: float
    gross_max: float
    net_mean: float
    invested: float
    turns_per_year: float


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """Everything a report says about one run."""

    curve: Curve
    returns: Returns
    reward: Reward
    held: Curve | None
    held_reward: Reward | None
    correlation: float
    beta: float
    rolling: Floats
    months: tuple[Month, ...]
    drawdowns: tuple[Drawdown, ...]
    trips: NDArray[np.void]
    stats: TripStats
    open_trips: int
    costs: Costs
    exposure: Exposure
    sides: tuple[Group, ...]
    causes: tuple[Group, ...]
    regimes: tuple[Group, ...]
    symbols: tuple[SymbolResult, ...]
    decisions: int
    wishes: int
    blocks: tuple[Blocked, ...]
    regrets: tuple[Regret, ...]
    emergencies: tuple[Emergency, ...]
    liquidations: int


def measure(run: Run) -> Performance:
    """Return the performance of `run`."""
    curve, trips = growth_curve(run), trips_of(run)
    returns = returns_of(curve)
    held = held_curve(run.bars, curve.ts)
    held_returns = None if held is None else returns_of(held)
    together = (NAN, NAN) if held_returns is None else ratios.together(returns, held_returns)
    return Performance(
        curve=curve,
        returns=returns,
        reward=reward(curve, returns),
        held=held,
        held_reward=None if held is None or held_returns is None else reward(held, held_returns),
        correlation=together[0],
        beta=together[1],
        rolling=ratios.rolling_sharpe(returns),
        months=months_of(curve),
        drawdowns=drawdowns_of(curve),
        trips=trips,
        stats=trip_stats(trips),
        open_trips=int(np.count_nonzero(trips["closed"] == 0)),
        costs=costs(run),
        exposure=exposure(run, curve),
        sides=by_side(trips),
        causes=by_cause(trips[trips["closed"] > 0]),
        regimes=by_regime(run, trips),
        symbols=by_symbol(run, trips),
        decisions=int(run.decisions.size),
        wishes=wishes(run),
        blocks=blocks_by_rule(run),
        regrets=worst_decisions(run, trips),
        emergencies=emergencies_of(run),
        liquidations=int(np.count_nonzero(run.fills["cause"] == Cause.LIQUIDATION)),
    )


def reward(curve: Curve, returns: Returns) -> Reward:
    """Return the ratios of one growth curve."""
    depth = curve.drawdown
    deepest, yearly = float(depth.min()), ratios.cagr(curve)
    skew, kurtosis = ratios.shape(returns)
    return Reward(
        total=curve.total,
        cagr=yearly,
        annual_mean=ratios.annual_mean(returns),
        volatility=ratios.volatility(returns),
        sharpe=ratios.sharpe(returns),
        interval=ratios.sharpe_interval(returns),
        sortino=ratios.sortino(returns),
        calmar=ratios.quotient(yearly, -deepest),
        drawdown=deepest,
        under_water=float(np.mean(depth < 0)),
        skew=skew,
        kurtosis=kurtosis,
        shortfall=ratios.expected_shortfall(returns),
        best=float(returns.values.max()),
        worst=float(returns.values.min()),
    )


def costs(run: Run) -> Costs:
    """Return the account's costs; gross is what makes them tie to equity, open positions at their mark."""
    last = run.cycles[-1]
    net = int(last["equity"]) - run.initial - int(last["transfers"])
    fees, funding = int(last["fees"]), -int(last["funding"])
    notionals = notionals_of(run.fills, run.instruments)
    return Costs(
        gross=net + fees + funding,
        fees=fees,
        funding=funding,
        slippage=int(last["slippage"]),
        net=net,
        turnover=exact_sum(notionals),
        maker=exact_sum(notionals[run.fills["maker"] > 0]),
    )


def leverage(run: Run) -> tuple[Floats, Floats]:
    """Return gross and net position value over equity at every close, NaN without equity."""
    equity = run.cycles["equity"].astype(np.float64)
    out = []
    for name in ("gross", "net"):
        ratio = np.full(len(equity), np.nan)
        np.divide(run.cycles[name], equity, out=ratio, where=equity > 0)
        out.append(ratio)
    return out[0], out[1]


def exposure(run: Run, curve: Curve) -> Exposure:
    """Return how much of the equity was at work."""
    gross, net = leverage(run)
    known = np.isfinite(gross)
    equity = run.equity
    turnover = exact_sum(notionals_of(run.fills, run.instruments)) / 1e8
    turns = ratios.quotient(turnover, float(equity[equity > 0].mean())) if (equity > 0).any() else NAN
    long_enough = curve.years * 365 >= ratios.ANNUALISE_DAYS_MIN
    return Exposure(
        gross_mean=float(gross[known].mean()) if known.any() else NAN,
        gross_max=float(gross[known].max()) if known.any() else NAN,
        net_mean=float(net[known].mean()) if known.any() else NAN,
        invested=float(np.mean(run.cycles["gross"] > 0)),
        turns_per_year=turns / curve.years if long_enough else NAN,
    )
