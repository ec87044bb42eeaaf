"""Backtest: the one class a notebook needs, and the run behind `qt backtest`.

    Backtest(frames, predictor="trend").run().report("report.html")

Whatever way it is started, by settings or by hand, on one process or two, a run depends only on its setup and bars.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from qt_ray.adapters.files import write_text_atomic
from qt_ray.adapters.forecast_cache import ForecastCache
from qt_ray.adapters.frames import bars_of, decisions_frame, equity_frame, fills_frame
from qt_ray.adapters.fund_setup import recipe_of
from qt_ray.adapters.instruments import infer_instrument
from qt_ray.adapters.models.recipe import ENSEMBLE, Recipe
from qt_ray.adapters.settings_strategy import Ensemble
from qt_ray.ai.forecast import Forecasts
from qt_ray.core.instruments import Instrument
from qt_ray.engine.backtest import BLOCK_BARS, Progress, Simulation, forecast_blocks, silent
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup
from qt_ray.engine.tapes import Block
from qt_ray.jobs.forecasting import blocks, forecast_on
from qt_ray.jobs.fund import Material
from qt_ray.market.bars import Bars
from qt_ray.monitoring.performance import Performance, measure
from qt_ray.monitoring.summary import summarised
from qt_ray.monitoring.tearsheet.page import rendered


@dataclass(frozen=True)
class Result:
    """A finished run, for people: frames, numbers and a page."""

    run: Run

    @cached_property
    def performance(self) -> Performance:
        """Return everything measured about the run."""
        return measure(self.run)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Return the run's numbers as plain values, money as strings."""
        return summarised(self.run, self.performance)

    @property
    def equity(self) -> pd.DataFrame:
        """Return the account at every close."""
        return equity_frame(self.run)

    @property
    def fills(self) -> pd.DataFrame:
        """Return every fill."""
        return fills_frame(self.run)

    def decisions(self, symbol: str) -> pd.DataFrame:
        """Return every decision about one symbol."""
        return decisions_frame(self.run, symbol)

    def page(self, title: str = "QT-Ray backtest") -> str:
        """Return the tearsheet as one HTML page."""
        return rendered(self.run, self.performance, title)

    def report(self, path: str | Path, title: str = "QT-Ray backtest") -> Path:
        """Write the tearsheet and return its path."""
        write_text_atomic(Path(path), self.page(title))
        return Path(path)


class Backtest:
    """A fund over bars. Instruments that are not given are inferred from the bars themselves."""

    def __init__(
        self,
        bars: Bars | Mapping[str, pd.DataFrame],
        instruments: tuple[Instrument, ...] | None = None,
        predictor: str = "trend",
        parameters: Mapping[str, Any] | None = None,
        setup: Setup | None = None,
    ) -> None:
        self.bars = bars if isinstance(bars, Bars) else bars_of(bars)
        self.setup = setup or Setup(instruments or inferred(self.bars), funding_known=self.bars.funding is None)
        self.recipe = Recipe(predictor, dict(parameters or {}))
        if predictor == ENSEMBLE:
            self.recipe = recipe_of(Ensemble(**(parameters or {})))

    def run(self, workers: int = 1, block_bars: int = BLOCK_BARS, progress: Progress = silent) -> Result:
        """Run the fund and return what came of it."""
        return Result(run_material(Material(self.setup, self.bars, self.recipe), workers, block_bars, progress))


def inferred(bars: Bars) -> tuple[Instrument, ...]:
    """Return instruments read off the bars, one for each symbol."""
    return tuple(infer_instrument(symbol, bars) for symbol in bars.symbols)


def run_material(
    made: Material,
    workers: int = 1,
    block_bars: int = BLOCK_BARS,
    progress: Progress = silent,
    cache: ForecastCache | None = None,
) -> Run:
    """Run what `made` describes; a cache spares forecasts of models that were made before."""
    simulation = Simulation(made.setup, made.bars)
    for block in _source(made, workers, block_bars, cache):
        simulation.feed(block)
        progress(len(block.bars))
    return simulation.finish(made.recipe.plain())


def _source(made: Material, workers: int, block_bars: int, cache: ForecastCache | None) -> Iterator[Block]:
    """Return bars with forecasts, in blocks: as they are made, or all made before, here, there or long ago."""
    bars, recipe = made.bars, made.recipe
    keep = cache if recipe.kind == ENSEMBLE else None
    known = keep.get(bars, recipe.plain()) if keep else None
    if known is None and workers > 1:
        known = forecast_on(workers, bars, recipe, block_bars)
        if keep:
            keep.put(bars, recipe.plain(), known)
    if known is not None:
        recipe.require_whole()
        yield from blocks(bars, known, block_bars)
        return
    parts = []
    for block in forecast_blocks(bars, recipe.predictor(bars), block_bars):
        parts.append(block.forecasts)
        yield block
    if keep:
        keep.put(bars, recipe.plain(), Forecasts.joined(parts))
