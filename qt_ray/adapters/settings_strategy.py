"""Strategy settings: which rule predicts, which one sizes, how a position ends.

Each section has a `kind`, and only that kind's parameters are legal in it. These are the honest baselines,
simple enough to be checked by hand, so that what a model adds can be seen.
"""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from qt_ray.adapters.settings_values import Amount, BySymbol, Count, NotNegative, Section, Share, Text


class Windows(Section):
    """Two moving averages, the fast one shorter."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        fast, slow = getattr(self, "fast_bars", 0), getattr(self, "slow_bars", 1)
        if fast >= slow:
            raise ValueError(f"fast_bars is below slow_bars {slow}, was {fast}")
        return self


class Trend(Section):
    """Follow two averages that are far apart, while the market has a direction."""

    kind: Literal["trend"] = "trend"
    gap_atr_min: NotNegative = Decimal("0.5")
    """Distance of the averages, in ATR, below which there is no wish."""
    adx_min: NotNegative = Decimal(20)
    """ADX below which there is no wish."""


class MeanReversion(Section):
    """Lean against a close outside its band, in a market without direction."""

    kind: Literal["mean_reversion"] = "mean_reversion"
    stretch: Amount = Decimal(1)
    """Distance from the middle at which the wish begins, in half widths of the band."""
    rsi_band: NotNegative = Decimal(20)
    """Distance of RSI from 50 that it also takes."""
    adx_max: NotNegative = Decimal(25)
    """ADX above which there is no wish."""


class EmaCross(Windows):
    """Long while the fast average is above the slow one, short while it is below."""

    kind: Literal["ema_cross"] = "ema_cross"
    """Names this one."""
    fast_bars: Count = 10
    """Window of the fast average."""
    slow_bars: Count = 30
    """Window of the slow average."""


class Ensemble(Section):
    """Trained models heard together, each with its vote."""

    kind: Literal["ensemble"] = "ensemble"
    """Names this one."""
    models: Text | None = None
    """Folder of the registry; null takes `models` here, else the one that comes with the program."""
    version: Text = "champion"
    """A version, the start of one, or `champion` for the active one; a run records the version."""
    members: Literal["all", "trees"] = "all"
    """`trees` leaves the networks out, for speed; agreement is then counted among the trees."""
    age_max_days: Count = 365
    """Days after the end of its training data at which a member falls silent."""
    edge_min_bps: NotNegative | None = None
    """Expected edge below which there is no wish; null takes the costs that the labels were made with."""


class FixedFraction(Section):
    """The same share of equity for each full-hearted wish."""

    kind: Literal["fixed_fraction"] = "fixed_fraction"
    fraction_bps: Count = 1_000
    """Notional of a position, in hundredths of a percent of equity."""
    rebalance_bps: Share = 2_500
    """A held position is left alone until the wanted one differs by this share of it."""


class FixedQuantity(Section):
    """The same quantity each time, whatever the price."""

    kind: Literal["fixed_quantity"] = "fixed_quantity"
    quantity: Amount = Decimal(1)
    """Contracts of each symbol that `quantities` does not name."""
    quantities: BySymbol = Field(default_factory=dict)
    """Contracts by symbol."""


class VolatilityTarget(Section):
    """More when it is calm, less when it is wild, so that each position risks alike."""

    kind: Literal["volatility_target"] = "volatility_target"
    fraction_bps: Count = 1_000
    """Notional of a position when ATR over price is the target, in hundredths of a percent of equity."""
    target_atr_bps: Count = 50
    """ATR over price of one bar at which a position has its usual size."""
    fraction_max_bps: Count = 5_000
    """Most notional of one position, in hundredths of a percent of equity."""
    rebalance_bps: Share = 2_500
    """A held position is left alone until the wanted one differs by this share of it."""


class NoExits(Section):
    """Positions end when the predictor says so, and by the guard."""

    kind: Literal["none"] = "none"
    """Names this one."""


class ExitLevels(Section):
    """Where one position ends; distances in ATR from the entry, R is the distance of the first stop."""

    stop_atr: Amount
    """Stop loss."""
    take_atr: Amount
    """Take profit."""
    breakeven_r: NotNegative = Decimal(1)
    """Profit at which the stop moves to the entry; 0 never moves it."""
    trail_atr: NotNegative = Decimal(2)
    """Distance at which the stop follows the best price; 0 does not follow."""
    partial_r: NotNegative = Decimal(0)
    """Profit at which a part is closed; 0 closes none."""
    partial_bps: Share = 5_000
    """How much of the position that part is, in hundredths of a percent."""
    hours_max: Count = 24
    """Longest life of a position."""


class DynamicExits(ExitLevels):
    """The same levels in every regime, measured in the volatility of the day."""

    kind: Literal["dynamic"] = "dynamic"
    """Names this one."""
    stop_atr: Amount = Decimal("1.5")
    """Stop loss."""
    take_atr: Amount = Decimal(3)
    """Take profit."""
    hours_max: Count = 36
    """Longest life of a position."""


def _levels(stop: str, take: str, breakeven: str, hours: int) -> ExitLevels:
    return ExitLevels(
        stop_atr=Decimal(stop),
        take_atr=Decimal(take),
        breakeven_r=Decimal(breakeven),
        trail_atr=Decimal(stop),
        hours_max=hours,
    )


class RegimeTable(Section):
    """One set of levels for each regime."""

    low_vol: ExitLevels = _levels("1.2", "3.5", "1", 48)
    normal: ExitLevels = _levels("1.5", "3", "1", 36)
    high: ExitLevels = _levels("2", "4", "1.2", 24)
    extreme: ExitLevels = _levels("2.5", "5", "1.5", 12)
    trending: ExitLevels = _levels("1.8", "4.5", "1.5", 72)
    ranging: ExitLevels = _levels("1", "2", "0.8", 18)


class RegimeExits(RegimeTable):
    """Levels by the regime in which the position was opened."""

    kind: Literal["by_regime"] = "by_regime"


class HybridExits(RegimeTable):
    """The table of regimes, tilted by confidence, its stops between fixed bounds."""

    kind: Literal["hybrid"] = "hybrid"


Predictor = Trend | MeanReversion | EmaCross | Ensemble
Sizer = FixedFraction | FixedQuantity | VolatilityTarget
Exits = NoExits | DynamicExits | RegimeExits | HybridExits
