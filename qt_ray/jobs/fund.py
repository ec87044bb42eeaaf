"""Fund: from settings to bars, a setup and a recipe, the same way for a backtest, a sweep and a replay."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qt_ray.adapters.catalog import Catalog
from qt_ray.adapters.config import Loaded
from qt_ray.adapters.fund_setup import recipe_of, setup_of
from qt_ray.adapters.instruments import fit_to_data, infer_instrument, load_instruments, pick
from qt_ray.adapters.models.recipe import Recipe
from qt_ray.adapters.policy_files import load_policy
from qt_ray.adapters.settings import Settings
from qt_ray.core.instruments import Instrument
from qt_ray.engine.setup import Setup
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import synthetic


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a run is made of; `listed` are the instruments before the settings changed their fees."""

    setup: Setup
    bars: Bars
    recipe: Recipe
    listed: tuple[Instrument, ...] = ()


def material(loaded: Loaded, same_market: Material | None = None) -> Material:
    """Return what the settings ask for; bars and instruments may be taken from material of the same market."""
    settings = loaded.settings
    policy = load_policy(loaded.policy_path, settings.policy.mode)
    if same_market is None:
        bars, instruments = market_of(settings)
    else:
        bars, instruments = same_market.bars, same_market.listed
    return Material(setup_of(settings, policy, instruments, bars), bars, recipe_of(settings.predictor), instruments)


def market_of(settings: Settings) -> tuple[Bars, tuple[Instrument, ...]]:
    """Return bars and instruments from the synthetic market or the catalogue."""
    market, data = settings.market, settings.data
    if data.source == "synthetic":
        source = synthetic(market.symbols, market.interval_ms, settings.run.seed, float(data.synthetic_strength))
        return source.bars(data.synthetic_bars), source.instruments
    catalog = Catalog(Path(data.root))
    bars = catalog.load(market.symbols, market.interval_ms, market.start_ms, market.end_ms, market.venue)
    if data.infer_filters:
        return bars, tuple(infer_instrument(symbol, bars) for symbol in bars.symbols)
    known = load_instruments(None if data.instruments is None else Path(data.instruments))
    listed = pick(known, market.symbols, "add it to instruments.yaml, or infer them with --set data.infer_filters=true")
    prices = np.stack((bars.open, bars.high, bars.low, bars.close))
    return bars, tuple(fit_to_data(one, prices[:, :, at]) for at, one in enumerate(listed))
