"""Judge: how good an ensemble is on bars that taught it nothing, in scores with their doubt and in money after costs.

The money is the fund's own: the same guard, venue and ledger as any backtest, once under the edge that costs demand and
once with every opinion acted on, so that nobody has to guess what the caution was worth.
"""

from collections.abc import Mapping

import numpy as np

from qt_ray.ai.ensemble.ensemble import Conduct, Ensemble
from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.sample import Sample
from qt_ray.ai.scores import scorecard
from qt_ray.engine.backtest import Simulation, forecast_blocks
from qt_ray.engine.setup import Setup
from qt_ray.jobs.backtest import Result
from qt_ray.jobs.forecasting import blocks
from qt_ray.jobs.training.fit import Fitted
from qt_ray.market.bars import Bars
from qt_ray.market.features.schema import FeatureSchema

Metrics = dict[str, float]
# Bars before the judged part beyond the features' own warm-up, for regimes and windows to settle.
WARM_BARS = 200


def scores(fitted: Fitted, test: Sample, symbols: tuple[str, ...], seed: int) -> Metrics:
    """Return the scores of every member, of the blend and of a coin, on rows that nobody learned from."""
    told = Metrics()
    for name in fitted.spec.panels:
        ensemble = fitted.ensemble(symbols, Conduct(panel=name, edge_min_bps=0.0))
        counted = ensemble.weigh(test.evidence, test.regime, test.ts)
        if name == "all":
            for at, seat in enumerate(ensemble.placed):
                vote = counted.votes["calibrated"][:, at].astype(np.float64)
                told |= _named(seat.kind, scorecard(vote, test.up, test.ret, test.ts, seed))
        outlook = counted.outlook
        called = "blend" if name == "all" else f"blend_{name}"
        told |= _named(called, scorecard(outlook["up"].astype(np.float64), test.up, test.ret, test.ts, seed))
        inside = (test.ret >= outlook["low"]) & (test.ret <= outlook["high"])
        told[f"test.{called}.interval_coverage"] = float(inside[np.isfinite(outlook["low"])].mean())
    return told | _named("coin", scorecard(np.full(len(test), 0.5), test.up, test.ret, test.ts, seed))


def money(fitted: Fitted, setup: Setup, bars: Bars, test_start_ms: int) -> Metrics:
    """Return what a fund makes of the judged part, under the least edge and without one."""
    first = int(np.searchsorted(bars.ts + bars.interval_ms, test_start_ms))
    judged, told = bars.window(first, len(bars)), Metrics()
    for name, conduct in (("costs", Conduct()), ("any_edge", Conduct(edge_min_bps=0.0))):
        known = forecast_from(first, bars, fitted.ensemble(bars.symbols, conduct))
        simulation = Simulation(setup, judged)
        for block in blocks(judged, known):
            simulation.feed(block)
        told |= _money(name, Result(simulation.finish({"kind": "ensemble"})))
    return told


def forecast_from(first: int, bars: Bars, ensemble: Ensemble) -> Forecasts:
    """Return the forecasts from bar `first` on, of an ensemble that has seen enough of the bars before it."""
    warm = FeatureSchema().subset(ensemble.needs).warmup + WARM_BARS
    start = max(first - warm, 0)
    parts = [block.forecasts for block in forecast_blocks(bars.window(start, len(bars)), ensemble)]
    return Forecasts.joined(parts).bars(slice(first - start, None))


def _money(name: str, result: Result) -> Metrics:
    summary = result.summary
    costs, held = summary["costs"], summary["buy_and_hold"] or {}
    told = {
        "return": summary["reward"]["total"],
        "sharpe": summary["reward"]["sharpe"],
        "sharpe_low": summary["reward"]["sharpe_low"],
        "sharpe_high": summary["reward"]["sharpe_high"],
        "drawdown": summary["reward"]["drawdown"],
        "trips": summary["trips"]["count"],
        "gross": costs["gross"],
        "fees": costs["fees"],
        "net": costs["net"],
        "buy_and_hold": held.get("total"),
    }
    return {f"test.money.{name}.{key}": float(value) for key, value in told.items() if _told(value)}


def _told(value: object) -> bool:
    return value is not None and float(str(value)) == float(str(value))


def _named(name: str, card: Mapping[str, float]) -> Metrics:
    return {f"test.{name}.{key}": value for key, value in card.items() if np.isfinite(value)}
