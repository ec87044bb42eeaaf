"""Fund setup: from settings to a setup and a recipe, one way for a backtest, a sweep, a replay and a live desk."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from qt_ray.adapters.models.recipe import Recipe
from qt_ray.adapters.models.registry import Registry, find_registry
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.settings import Venue as VenueSettings
from qt_ray.adapters.settings_strategy import (
    DynamicExits,
    Ensemble,
    ExitLevels,
    Exits,
    FixedFraction,
    FixedQuantity,
    HybridExits,
    NoExits,
    Predictor,
    Sizer,
)
from qt_ray.ai.sizing import Method, SizerPlan
from qt_ray.core.instruments import Instrument
from qt_ray.core.policy import Policy
from qt_ray.engine.setup import Setup, VenueModel
from qt_ray.execution.exits import ExitPlan, Levels
from qt_ray.market.bars import Bars
from qt_ray.market.regime import Regime

BPS = Decimal("0.0001")


def setup_of(settings: Settings, policy: Policy, instruments: tuple[Instrument, ...], bars: Bars) -> Setup:
    """Return the fund that the settings describe; funding is known where the bars carry it."""
    return Setup(
        instruments=tuple(with_fees(one, settings.venue) for one in instruments),
        initial=settings.fund.initial_balance,
        policy=policy,
        venue=venue_of(settings.venue),
        sizer=sizer_of(settings.sizer),
        exits=exits_of(settings.exits),
        operator_reset_hours=settings.run.operator_reset_hours,
        funding_known=bars.funding is None and settings.venue.assume_no_funding,
    )


def with_fees(instrument: Instrument, venue: VenueSettings) -> Instrument:
    """Return the instrument with the fees that the settings override."""
    maker = instrument.maker_rate if venue.maker_bps is None else venue.maker_bps * BPS
    taker = instrument.taker_rate if venue.taker_bps is None else venue.taker_bps * BPS
    return replace(instrument, maker_rate=maker, taker_rate=taker)


def venue_of(venue: VenueSettings) -> VenueModel:
    """Return the simulated venue that the settings describe."""
    return VenueModel(
        latency_ms=venue.latency_ms,
        half_spread_bps=venue.half_spread_bps,
        slippage_bps=venue.slippage_bps,
        impact_coefficient=venue.impact_coefficient,
        participation_max_bps=venue.participation_max_bps,
        depth_minutes=venue.depth_minutes,
        queue_touch=venue.queue == "touch",
        entry_limit=venue.entry == "limit",
        limit_offset_bps=venue.limit_offset_bps,
    )


def sizer_of(sizer: Sizer) -> SizerPlan:
    """Return the sizing plan that the settings describe."""
    if isinstance(sizer, FixedQuantity):
        return SizerPlan(Method.FIXED_QUANTITY, quantity=sizer.quantity, quantities=dict(sizer.quantities))
    if isinstance(sizer, FixedFraction):
        return SizerPlan(Method.FIXED_FRACTION, fraction_bps=sizer.fraction_bps, rebalance_bps=sizer.rebalance_bps)
    return SizerPlan(
        Method.VOLATILITY_TARGET,
        fraction_bps=sizer.fraction_bps,
        fraction_max_bps=sizer.fraction_max_bps,
        target_atr_bps=sizer.target_atr_bps,
        rebalance_bps=sizer.rebalance_bps,
    )


def exits_of(exits: Exits) -> ExitPlan:
    """Return the exit plan that the settings describe."""
    if isinstance(exits, NoExits):
        return ExitPlan.none()
    if isinstance(exits, DynamicExits):
        return ExitPlan.dynamic(levels_of(exits))
    table = {regime: levels_of(getattr(exits, regime.name.lower())) for regime in Regime if regime}
    return ExitPlan.hybrid(table) if isinstance(exits, HybridExits) else ExitPlan.by_regime(table)


def levels_of(levels: ExitLevels) -> Levels:
    """Return one regime's levels."""
    return Levels(
        stop_atr=levels.stop_atr,
        target_atr=levels.take_atr,
        breakeven_r=levels.breakeven_r,
        trail_atr=levels.trail_atr,
        hours_max=levels.hours_max,
        partial_r=levels.partial_r,
        partial_bps=levels.partial_bps,
    )


def registry_of(predictor: Ensemble) -> Registry:
    """Return the registry that an ensemble's settings name, else the nearest one."""
    return find_registry(None if predictor.models is None else Path(predictor.models))


def recipe_of(predictor: Predictor) -> Recipe:
    """Return the predictor as plain values; of models, the version that its word means today."""
    values = predictor.model_dump(exclude={"models"})
    kind = str(values.pop("kind"))
    root = None
    if isinstance(predictor, Ensemble):
        registry = registry_of(predictor)
        root, values["version"] = registry.root, registry.resolve(predictor.version)
    return Recipe(kind, {name: float(v) if isinstance(v, Decimal) else v for name, v in values.items()}, root)
