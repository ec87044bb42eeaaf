"""Research: a fund led by models over recorded bars, once, once more, and as fifty variants.

The ceiling of the first is the least that any engine must do: features in a block, each library's fastest batch on one
thread, and a loop that follows the answer without guard, ledger or records.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.champion import BARS, LOOKBACK_BARS, ROUNDS, STRENGTH, Champion, champion, registered
from benchmarks.features import in_turn
from benchmarks.form import Row, Sample, at_least, at_most, main, more_is_better, timed
from benchmarks.fund import fund, plain
from benchmarks.libraries import libraries
from benchmarks.market import MINUTE_MS, SEED, names, quantities
from qt_ray.adapters.forecast_cache import ForecastCache
from qt_ray.adapters.models.recipe import ENSEMBLE, Recipe
from qt_ray.ai.ensemble.ensemble import Conduct
from qt_ray.ai.members.member import Evidence, Floats
from qt_ray.core.codec import canonical
from qt_ray.core.compiled import compiled
from qt_ray.engine.backtest import BLOCK_BARS, run_backtest
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup
from qt_ray.jobs.backtest import Result, run_material
from qt_ray.jobs.fund import Material, material
from qt_ray.jobs.sweep import Plan, grid, sweep
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema
from qt_ray.market.synthetic import synthetic

CEILING_SHARE_MIN = 0.5
# What one core reaches with libraries alone, where sequence models are most of the work.
FIRST_RUN_MIN = 4_000.0
CACHED_RUN_MIN = 50_000.0
SWEEP_GAIN_MIN = 20.0
AXES = ("venue.taker_bps=1,2,3,4,5", "venue.slippage_bps=0,1", "fund.initial_balance=20000,40000,60000,80000,100000")


@compiled
def follow(up: Floats, close: Floats) -> float:
    """Return what following the sign of an opinion earns, in prices: the loop of an engine with nothing in it."""
    earned, held = 0.0, 0.0
    for t in range(1, len(close)):
        earned += held * (close[t] - close[t - 1])
        held = 1.0 if up[t] > 0.5 else -1.0
    return earned


def market(count: int) -> tuple[Setup, Bars]:
    """Return a fund and bars like those the champion learned from."""
    source = synthetic(names(1), MINUTE_MS, SEED, STRENGTH)
    bars = plain(source.bars(count))
    return fund(source.instruments, quantities(bars, source.instruments)), bars


def ceiling(made: Champion, bars: Bars) -> Callable[[], float]:
    """Return the work that nobody is spared who wants both tree models' opinion of every bar."""
    schema = FeatureSchema().subset(made.names)
    theirs = libraries(made.learned, LOOKBACK_BARS).calls
    tape = np.zeros((0, 0), np.float32)

    def work() -> float:
        engine, said = FeatureEngine(schema, bars.symbols, bars.interval_ms), []
        for block in bars.blocks(BLOCK_BARS):
            rows = engine.block(block).reshape(len(block), -1).astype(np.float32)
            evidence = Evidence(rows, tape, np.full(len(rows), -1))
            said.append(0.5 * (theirs["xgboost"](evidence) + theirs["lightgbm"](evidence)))
        return follow(np.concatenate(said), np.ascontiguousarray(bars.close[:, 0]))

    return work


def led_by_trees(made: Champion, setup: Setup, bars: Bars) -> Run:
    """Run the whole fund on the opinion of both tree models, votes and records and all."""
    return run_backtest(setup, bars, made.fitted.ensemble(bars.symbols, Conduct("trees", edge_min_bps=0.0)))


def against_ceiling(made: Champion, count: int, runs: int) -> Row:
    """Measure the fund led by trees against the ceiling, by turns."""
    setup, bars = market(count)
    works = (partial(led_by_trees, made, setup, bars), ceiling(made, bars))
    ours, peer = (each.rate(count) for each in in_turn(runs, *works))
    fills = len(led_by_trees(made, setup, bars).fills)
    name = f"fund led by 2 tree models, 1 × {count}, {len(made.names)} features, {fills} fills, peer the batch ceiling"
    return more_is_better(name, "bars/s", ours, peer.value, CEILING_SHARE_MIN)


def twice(made: Champion, root: Path, version: str, count: int, runs: int) -> list[Row]:
    """Measure the fund led by all members, when nobody asked before and when somebody has."""
    parameters = {"version": version, "members": "all", "edge_min_bps": 0.0}
    over = Material(*market(count), Recipe(ENSEMBLE, parameters, root))
    digests: set[bytes] = set()
    with TemporaryDirectory() as folder:
        cache = ForecastCache(Path(folder))

        def run() -> None:
            digests.add(canonical(run_material(over, cache=cache).digests))

        first, again = timed(run, 1), timed(run, runs)
    name = f"fund led by 4 members, 1 × {count}"
    apart = len(digests) - 1.0
    return [
        at_least(f"{name}, first run", "bars/s", first.rate(count), FIRST_RUN_MIN),
        at_least(f"{name}, again, through the cache", "bars/s", again.rate(count), CACHED_RUN_MIN),
        at_most("runs through the cache whose digests are others", "runs", Sample(apart, runs, (apart, apart)), 0.0),
    ]


def variants(root: Path, version: str, count: int, runs: int) -> Row:
    """Measure a sweep of fifty points against fifty runs, each of which would do everything."""
    flags = {
        "data.source": "synthetic",
        "data.synthetic_bars": str(count),
        "market.symbols": names(1)[0],
        "market.interval": "1m",
        "predictor.kind": ENSEMBLE,
        "predictor.models": str(root),
        "predictor.version": version,
    }
    plan, points = Plan("backtest", flags, {}, Path.cwd()), grid(AXES)

    def one() -> object:
        return Result(run_material(material(plan.loaded(points[0])))).summary

    alone = timed(one, runs)
    together = timed(lambda: list(sweep(plan, points)), runs)
    gain = together.rate(len(points) * alone.value)
    return at_least(
        f"sweep of {len(points)} points over 4 members, 1 × {count}, against one run each",
        "times",
        gain,
        SWEEP_GAIN_MIN,
    )


def measure(quick: bool) -> list[Row]:
    """Measure the fund under the ceiling, the same fund twice, and its variants."""
    count, runs = (5_000, 1) if quick else (100_000, 5)
    made = champion(*((40, 6_000) if quick else (ROUNDS, BARS)))
    rows = [against_ceiling(made, count, runs)]
    with registered(made) as (root, version):
        return [*rows, *twice(made, root, version, count, runs), variants(root, version, count, 1 if quick else 2)]


if __name__ == "__main__":
    main(measure)
