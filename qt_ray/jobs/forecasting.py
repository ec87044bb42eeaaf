"""Forecasting: the stateless part of a run, on one process or several, to the same bits.

Features and forecasts of one symbol never read another symbol, so symbols can be dealt out to processes and their
columns put back in order. What depends on the fund itself stays in one process.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from qt_ray.adapters.models.recipe import Recipe
from qt_ray.ai.forecast import Forecasts
from qt_ray.engine.backtest import BLOCK_BARS, Progress, forecast_blocks, silent
from qt_ray.engine.tapes import Block
from qt_ray.market.bars import Bars


def forecast(
    bars: Bars,
    recipe: Recipe,
    block_bars: int = BLOCK_BARS,
    progress: Progress = silent,
) -> Forecasts:
    """Return the forecasts for all bars, made in this process."""
    parts = []
    for block in forecast_blocks(bars, recipe.predictor(bars), block_bars):
        parts.append(block.forecasts)
        progress(len(block.bars))
    return Forecasts.joined(parts)


def forecast_on(workers: int, bars: Bars, recipe: Recipe, block_bars: int = BLOCK_BARS) -> Forecasts:
    """Return the same forecasts, symbols dealt out to `workers` processes."""
    shares = [bars.symbols[at::workers] for at in range(min(workers, len(bars.symbols)))]
    with ProcessPoolExecutor(len(shares), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(forecast, chosen(bars, share), recipe, block_bars) for share in shares]
        parts = [job.result() for job in jobs]
    order = np.argsort([bars.symbols.index(symbol) for share in shares for symbol in share])
    return Forecasts.joined(parts, axis=1).symbols(order)


def chosen(bars: Bars, symbols: tuple[str, ...]) -> Bars:
    """Return the bars of some of the symbols, as compact columns of their own."""
    at = [bars.symbols.index(symbol) for symbol in symbols]
    columns: dict[str, Any] = {
        name: None if (column := getattr(bars, name)) is None else np.ascontiguousarray(column[:, at])
        for name in ("open", "high", "low", "close", "volume", "funding", "mark")
    }
    return replace(bars, symbols=symbols, **columns)


def blocks(bars: Bars, forecasts: Forecasts, block_bars: int = BLOCK_BARS) -> Iterator[Block]:
    """Yield bars and ready forecasts in blocks."""
    first = 0
    for window in bars.blocks(block_bars):
        yield Block(first, window, forecasts.bars(slice(first, first + len(window))))
        first += len(window)
