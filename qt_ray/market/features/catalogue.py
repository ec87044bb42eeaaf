"""Catalogue: every feature, the bars it needs before it speaks, its unit and the data it lives on.

A warm-up counts usable bars since the start; until it has passed the feature is NaN, never a guess. On coarse
bars it is counted for the worst alignment: the stream may begin one bar after a coarse bar did.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from qt_ray.market.features.at import At
from qt_ray.market.features.coarse import COARSE_STEPS


class Part(IntEnum):
    """The kernels; a value is the bit that asks for one."""

    BAR = 1
    AVERAGES = 2
    SUMS = 4
    PEAKS = 8
    BANDS = 16
    FUNDING = 32
    BASIS = 64
    CLOCK = 128
    COARSE = 256


class Unit(StrEnum):
    """FREE features do not change when price or volume is quoted in another unit; models want those."""

    FREE = "free"
    PRICE = "price"


class Source(StrEnum):
    """What a feature needs beyond the bar itself."""

    BAR = "bar"
    FUNDING = "funding"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: `warmup` usable bars give the first number."""

    at: At
    warmup: int
    part: Part
    unit: Unit = Unit.FREE
    source: Source = Source.BAR

    @property
    def name(self) -> str:
        """Return the column's name."""
        return self.at.label


COARSE_FIRST = int(At.RETURN_5X)
# Bars of the coarse interval before each of a coarse bar's six columns speaks, in column order.
COARSE_WARMUPS = (2, 10, 20, 15, 15, 20)

FINE = (
    Feature(At.PRICE_CHANGE, 2, Part.BAR),
    Feature(At.HIGH_LOW_RANGE, 1, Part.BAR),
    Feature(At.VOLUME_CHANGE, 2, Part.BAR),
    Feature(At.VOLUME_MA_RATIO, 20, Part.SUMS),
    Feature(At.EMA_10, 10, Part.AVERAGES, Unit.PRICE),
    Feature(At.EMA_20, 20, Part.AVERAGES, Unit.PRICE),
    Feature(At.EMA_50, 50, Part.AVERAGES, Unit.PRICE),
    Feature(At.EMA_10_20_CROSS, 20, Part.AVERAGES),
    Feature(At.EMA_10_50_CROSS, 50, Part.AVERAGES),
    Feature(At.RSI_14, 15, Part.AVERAGES),
    Feature(At.VOLATILITY_20, 21, Part.SUMS),
    Feature(At.MACD, 26, Part.AVERAGES, Unit.PRICE),
    Feature(At.MACD_SIGNAL, 34, Part.AVERAGES, Unit.PRICE),
    Feature(At.MACD_HIST, 34, Part.AVERAGES, Unit.PRICE),
    Feature(At.MOMENTUM_10, 11, Part.BAR),
    Feature(At.MOMENTUM_20, 21, Part.BAR),
    Feature(At.RETURN_3, 4, Part.BAR),
    Feature(At.RETURN_5, 6, Part.BAR),
    Feature(At.RETURN_30, 31, Part.BAR),
    Feature(At.RETURN_60, 61, Part.BAR),
    Feature(At.EMA_10_GAP, 10, Part.AVERAGES),
    Feature(At.EMA_20_GAP, 20, Part.AVERAGES),
    Feature(At.EMA_50_GAP, 50, Part.AVERAGES),
    Feature(At.MACD_RATIO, 26, Part.AVERAGES),
    Feature(At.MACD_SIGNAL_RATIO, 34, Part.AVERAGES),
    Feature(At.MACD_HIST_RATIO, 34, Part.AVERAGES),
    Feature(At.ATR_14, 15, Part.AVERAGES, Unit.PRICE),
    Feature(At.ATR_14_RATIO, 15, Part.AVERAGES),
    Feature(At.RANGE_ATR_RATIO, 15, Part.AVERAGES),
    Feature(At.ADX_14, 28, Part.AVERAGES),
    Feature(At.DI_14_BALANCE, 15, Part.AVERAGES),
    Feature(At.BB_POSITION, 20, Part.BANDS),
    Feature(At.BB_WIDTH, 20, Part.BANDS),
    Feature(At.VOLATILITY_10, 11, Part.SUMS),
    Feature(At.VOLATILITY_60, 61, Part.SUMS),
    Feature(At.VOLATILITY_10_60_RATIO, 61, Part.SUMS),
    Feature(At.VOLATILITY_20_60_RATIO, 61, Part.SUMS),
    Feature(At.RANGE_VOLATILITY_20, 20, Part.SUMS),
    Feature(At.RETURN_ZSCORE_20, 21, Part.SUMS),
    Feature(At.DOWNSIDE_SHARE_20, 21, Part.SUMS),
    Feature(At.SKEW_60, 61, Part.SUMS),
    Feature(At.KURTOSIS_60, 61, Part.SUMS),
    Feature(At.AUTOCORRELATION_20, 22, Part.SUMS),
    Feature(At.AUTOCORRELATION_60, 62, Part.SUMS),
    Feature(At.EFFICIENCY_20, 21, Part.SUMS),
    Feature(At.EFFICIENCY_60, 61, Part.SUMS),
    Feature(At.RANGE_POSITION_20, 20, Part.PEAKS),
    Feature(At.RANGE_POSITION_60, 60, Part.PEAKS),
    Feature(At.DRAWDOWN_60, 60, Part.PEAKS),
    Feature(At.RISE_60, 60, Part.PEAKS),
    Feature(At.BODY, 1, Part.BAR),
    Feature(At.UPPER_WICK, 1, Part.BAR),
    Feature(At.LOWER_WICK, 1, Part.BAR),
    Feature(At.CLOSE_LOCATION, 1, Part.BAR),
    Feature(At.OPEN_GAP, 2, Part.BAR),
    Feature(At.VOLUME_ZSCORE_20, 20, Part.SUMS),
    Feature(At.VOLUME_ZSCORE_60, 60, Part.SUMS),
    Feature(At.VOLUME_20_60_RATIO, 60, Part.SUMS),
    Feature(At.ILLIQUIDITY_20_60_RATIO, 61, Part.SUMS),
    Feature(At.MONEY_FLOW_20, 20, Part.SUMS),
    Feature(At.VWAP_GAP_20, 20, Part.SUMS),
    Feature(At.VWAP_GAP_60, 60, Part.SUMS),
    Feature(At.FUNDING_RATE, 1, Part.FUNDING, source=Source.FUNDING),
    Feature(At.FUNDING_MEAN, 1, Part.FUNDING, source=Source.FUNDING),
    Feature(At.FUNDING_SURPRISE, 1, Part.FUNDING, source=Source.FUNDING),
    Feature(At.FUNDING_COUNTDOWN, 1, Part.FUNDING, source=Source.FUNDING),
    Feature(At.BASIS, 1, Part.BASIS, source=Source.MARK),
    Feature(At.BASIS_MEAN, 60, Part.BASIS, source=Source.MARK),
    Feature(At.BASIS_ZSCORE, 60, Part.BASIS, source=Source.MARK),
    Feature(At.HOUR_SIN, 1, Part.CLOCK),
    Feature(At.HOUR_COS, 1, Part.CLOCK),
    Feature(At.WEEK_SIN, 1, Part.CLOCK),
    Feature(At.WEEK_COS, 1, Part.CLOCK),
)


def _coarse() -> Iterator[Feature]:
    for number, step in enumerate(COARSE_STEPS):
        for column, warmup in enumerate(COARSE_WARMUPS):
            at = At(COARSE_FIRST + number * len(COARSE_WARMUPS) + column)
            yield Feature(at, step * warmup + step - 1, Part.COARSE)


# What joined after the coarse columns: a column never moves, so a newcomer stands at the end.
JOINED = (Feature(At.VOLUME_10_60_RATIO, 60, Part.SUMS),)

CATALOGUE: tuple[Feature, ...] = (*FINE, *_coarse(), *JOINED)
