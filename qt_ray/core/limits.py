"""Limits: the numbers a fund obeys, each with its range and its looser side, as values inside the policy.

Names end in their unit: `bps` are hundredths of a percent, `ms` milliseconds; money is in quote currency.
Defaults are for an account of 10 000 to 1 000 000 USDT; limits that contradict each other are refused.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from qt_ray.core.bounds import check, either, less, more
from qt_ray.core.errors import Invalid

DAY_MS = 86_400_000
# How late a request may reach a venue and still be carried out, where no setting says otherwise. Whoever signs requests
# and whoever waits until one cannot arrive any more must mean the same.
RECEIVE_WINDOW_MS = 2_000
# How far our idea of a venue's clock may be from that clock.
CLOCK_ERROR_MS = 250


class Mode(StrEnum):
    """How much risk the fund wants, before any safety layer lowers it."""

    AGGRESSIVE_SMALL_ACCOUNT = "AGGRESSIVE_SMALL_ACCOUNT"
    NORMAL = "NORMAL"
    DEFENSIVE = "DEFENSIVE"


ALIASES = {"AGGRESSIVE": Mode.AGGRESSIVE_SMALL_ACCOUNT}


def mode(name: str) -> Mode:
    """Return the mode of that name or alias."""
    wanted = str(name).strip().upper()
    if wanted in ALIASES:
        return ALIASES[wanted]
    if wanted not in Mode.__members__:
        raise Invalid(f"active_mode: one of {', '.join([*Mode, *ALIASES])}, was {name!r:.60}")
    return Mode[wanted]


@dataclass(frozen=True, slots=True)
class ModeLimits:
    """One row of the table of modes; fractions are of equity, 0.015 is 1.5 %."""

    max_leverage: Annotated[Decimal, more(1, 125)]
    min_leverage: Annotated[Decimal, more(1, 125)]
    max_risk_pct: Annotated[Decimal, more("0.0001", "0.10")]
    max_daily_drawdown: Annotated[Decimal, more("0.001", "0.50")]
    max_positions: Annotated[int, more(1, 1000)]
    min_confidence: Annotated[Decimal, less(0, 1)]
    scaling: Annotated[Decimal, more("0.01", 5)]
    position_cap_usd: Annotated[Decimal, more(1, 100_000_000)]
    learning: bool

    def __post_init__(self) -> None:
        check(self)
        if self.min_leverage > self.max_leverage:
            raise Invalid(f"min_leverage: at most max_leverage {self.max_leverage}, was {self.min_leverage}")


def _row(*numbers: str, positions: int, learning: bool) -> ModeLimits:
    most, least, risk, drawdown, confidence, scaling, cap = map(Decimal, numbers)
    return ModeLimits(most, least, risk, drawdown, positions, confidence, scaling, cap, learning)


AGGRESSIVE = _row("7", "2", "0.03", "0.06", "0.45", "1.5", "300", positions=15, learning=True)
NORMAL = _row("5", "1", "0.015", "0.05", "0.50", "1.0", "1000", positions=30, learning=True)
DEFENSIVE = _row("3", "1", "0.0075", "0.03", "0.60", "0.7", "500", positions=10, learning=False)


@dataclass(frozen=True, slots=True)
class Modes:
    """The table of modes."""

    AGGRESSIVE_SMALL_ACCOUNT: ModeLimits = AGGRESSIVE
    NORMAL: ModeLimits = NORMAL
    DEFENSIVE: ModeLimits = DEFENSIVE

    def __getitem__(self, mode: Mode) -> ModeLimits:
        found: ModeLimits = getattr(self, mode.name)
        return found


@dataclass(frozen=True, slots=True)
class Limits:
    """The guard's controls, by number of the controls table: 1-5, 6-7, 10-15, 23, and the two filters."""

    price_collar_market_bps: Annotated[int, more(1, 2_000)] = 50
    price_collar_limit_bps: Annotated[int, more(1, 2_000)] = 300
    price_collar_max_bps: Annotated[int, more(1, 2_000)] = 500
    slippage_pause_bps: Annotated[int, more(1, 2_000)] = 100
    slippage_window_ms: Annotated[int, less(1_000, DAY_MS)] = 60_000
    order_value_equity_max_bps: Annotated[int, more(1, 10_000)] = 200
    order_value_max: Annotated[Decimal, more(1, 100_000_000)] = Decimal(50_000)
    order_depth_max_bps: Annotated[int, more(1, 10_000)] = 1_000
    order_depth_levels: Annotated[int, more(1, 1_000)] = 10
    order_day_volume_max_bps: Annotated[int, more(1, 1_000)] = 10
    orders_per_second_max: Annotated[int, more(1, 30)] = 5
    orders_per_minute_symbol_max: Annotated[int, more(1, 1_200)] = 100
    orders_per_10s_account_max: Annotated[int, more(1, 300)] = 200
    repeat_entries_max: Annotated[int, more(1, 1_000)] = 5
    repeat_entries_window_ms: Annotated[int, less(1_000, DAY_MS)] = 600_000
    duplicate_window_ms: Annotated[int, less(0, DAY_MS)] = 1_000
    gross_exposure_max_bps: Annotated[int, more(1, 200_000)] = 30_000
    net_exposure_max_bps: Annotated[int, more(1, 200_000)] = 20_000
    symbol_exposure_max_bps: Annotated[int, more(1, 200_000)] = 5_000
    cluster_exposure_max_bps: Annotated[int, more(1, 200_000)] = 7_500
    cluster_correlation_bps: Annotated[int, more(1, 10_000)] = 8_000
    leverage_default: Annotated[int, more(1, 125)] = 5
    leverage_max: Annotated[int, more(1, 125)] = 10
    margin_entry_max_bps: Annotated[int, more(1, 10_000)] = 5_000
    margin_reduce_bps: Annotated[int, more(1, 10_000)] = 7_000
    margin_flatten_bps: Annotated[int, more(1, 10_000)] = 8_500
    liquidation_distance_atr_min_bps: Annotated[int, less(0, 1_000_000)] = 30_000
    liquidation_distance_min_bps: Annotated[int, less(1, 10_000)] = 500
    drawdown_soft_bps: Annotated[int, more(1, 5_000)] = 500
    drawdown_soft_scale_bps: Annotated[int, more(0, 10_000)] = 5_000
    drawdown_hard_bps: Annotated[int, more(1, 5_000)] = 1_000
    drawdown_month_max_bps: Annotated[int, more(1, 5_000)] = 1_500
    day_loss_max_bps: Annotated[int, more(1, 5_000)] = 300
    stop_hits_max: Annotated[int, more(1, 1_000)] = 10
    stop_hits_window_ms: Annotated[int, less(1_000, DAY_MS)] = 900_000
    book_age_max_ms: Annotated[int, more(1, 600_000)] = 2_000
    mark_age_max_ms: Annotated[int, more(1, 600_000)] = 5_000
    features_age_max_bars: Annotated[int, more(1, 100)] = 2
    entry_cancel_age_ms: Annotated[int, more(1, 3_600_000)] = 30_000
    funding_rate_max_ppm: Annotated[int, more(0, 100_000)] = 1_000
    funding_rate_warn_ppm: Annotated[int, more(0, 100_000)] = 500
    agreement_min: Annotated[int, less(1, 16)] = 3

    def __post_init__(self) -> None:
        check(self)
        for lower, upper in ASCENDING:
            low, high = getattr(self, lower), getattr(self, upper)
            if low > high:
                raise Invalid(f"{lower}: at most {upper} {high}, was {low}")


ASCENDING = (
    ("price_collar_market_bps", "price_collar_max_bps"),
    ("price_collar_limit_bps", "price_collar_max_bps"),
    ("net_exposure_max_bps", "gross_exposure_max_bps"),
    ("symbol_exposure_max_bps", "cluster_exposure_max_bps"),
    ("cluster_exposure_max_bps", "gross_exposure_max_bps"),
    ("leverage_default", "leverage_max"),
    ("margin_entry_max_bps", "margin_reduce_bps"),
    ("margin_reduce_bps", "margin_flatten_bps"),
    ("drawdown_soft_bps", "drawdown_hard_bps"),
    ("day_loss_max_bps", "drawdown_hard_bps"),
    ("drawdown_hard_bps", "drawdown_month_max_bps"),
    ("funding_rate_warn_ppm", "funding_rate_max_ppm"),
    ("book_age_max_ms", "entry_cancel_age_ms"),
    ("mark_age_max_ms", "entry_cancel_age_ms"),
)


@dataclass(frozen=True, slots=True)
class EssLimits:
    """When the emergency stop trips, and how it is left again."""

    enabled: bool = True
    daily_drawdown_bps: Annotated[int, more(1, 5_000)] = 500
    open_loss_bps: Annotated[int, more(1, 5_000)] = 1_000
    equity_drawdown_bps: Annotated[int, more(1, 5_000)] = 1_000
    flash_crash_bps: Annotated[int, more(1, 5_000)] = 300
    execution_errors_max: Annotated[int, more(1, 1_000)] = 5
    execution_errors_window_ms: Annotated[int, less(1_000, DAY_MS)] = 900_000
    stop_hits_max: Annotated[int, more(1, 1_000)] = 10
    stop_hits_window_ms: Annotated[int, less(1_000, DAY_MS)] = 900_000
    feed_age_max_ms: Annotated[int, more(1, 3_600_000)] = 30_000
    heartbeat_age_max_ms: Annotated[int, more(1, 600_000)] = 10_000
    cooldown_ms: Annotated[int, less(0, DAY_MS)] = 900_000
    recovery_emergency_bps: Annotated[int, more(1, 5_000)] = 1_000
    recovery_protective_bps: Annotated[int, more(1, 5_000)] = 400
    recovery_cautious_bps: Annotated[int, more(1, 5_000)] = 200

    def __post_init__(self) -> None:
        check(self)
        if not self.recovery_cautious_bps < self.recovery_protective_bps < self.recovery_emergency_bps:
            raise Invalid(
                "recovery_protective_bps: between recovery_cautious_bps and recovery_emergency_bps,"
                f" was {self.recovery_protective_bps}"
            )


@dataclass(frozen=True, slots=True)
class Volatility:
    """Where volatility and trend change their names, and what high volatility asks of a signal."""

    atr_low_bps: Annotated[int, either(1, 10_000)] = 50
    atr_high_bps: Annotated[int, either(1, 10_000)] = 150
    atr_extreme_bps: Annotated[int, either(1, 10_000)] = 300
    adx_trend: Annotated[int, either(1, 100)] = 25
    adx_strong: Annotated[int, either(1, 100)] = 40
    min_confidence: Annotated[Decimal, less(0, 1)] = Decimal("0.65")
    half_size_within: Annotated[Decimal, less(0, 1)] = Decimal("0.10")
    fallback_size_max: Annotated[Decimal, more(0, 1)] = Decimal("0.3")
    fallback_leverage: Annotated[Decimal, more(1, 2)] = Decimal(1)

    def __post_init__(self) -> None:
        check(self)
        if not self.atr_low_bps < self.atr_high_bps < self.atr_extreme_bps:
            raise Invalid(f"atr_high_bps: between atr_low_bps and atr_extreme_bps, was {self.atr_high_bps}")
        if self.adx_trend >= self.adx_strong:
            raise Invalid(f"adx_trend: below adx_strong {self.adx_strong}, was {self.adx_trend}")
