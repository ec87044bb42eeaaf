"""At: the column of every feature.

A kernel writes `out[At.RSI_14]` and the schema calls the same column `rsi_14`, so the two cannot disagree.
The list only ever grows at its end; a column that changes its meaning raises `SCHEMA_VERSION`.
"""

from enum import IntEnum


class At(IntEnum):
    """Columns of the full feature row, in order."""

    PRICE_CHANGE = 0
    HIGH_LOW_RANGE = 1
    VOLUME_CHANGE = 2
    VOLUME_MA_RATIO = 3
    EMA_10 = 4
    EMA_20 = 5
    EMA_50 = 6
    EMA_10_20_CROSS = 7
    EMA_10_50_CROSS = 8
    RSI_14 = 9
    VOLATILITY_20 = 10
    MACD = 11
    MACD_SIGNAL = 12
    MACD_HIST = 13
    MOMENTUM_10 = 14
    MOMENTUM_20 = 15
    RETURN_3 = 16
    RETURN_5 = 17
    RETURN_30 = 18
    RETURN_60 = 19
    EMA_10_GAP = 20
    EMA_20_GAP = 21
    EMA_50_GAP = 22
    MACD_RATIO = 23
    MACD_SIGNAL_RATIO = 24
    MACD_HIST_RATIO = 25
    ATR_14 = 26
    ATR_14_RATIO = 27
    RANGE_ATR_RATIO = 28
    ADX_14 = 29
    DI_14_BALANCE = 30
    BB_POSITION = 31
    BB_WIDTH = 32
    VOLATILITY_10 = 33
    VOLATILITY_60 = 34
    VOLATILITY_10_60_RATIO = 35
    VOLATILITY_20_60_RATIO = 36
    RANGE_VOLATILITY_20 = 37
    RETURN_ZSCORE_20 = 38
    DOWNSIDE_SHARE_20 = 39
    SKEW_60 = 40
    KURTOSIS_60 = 41
    AUTOCORRELATION_20 = 42
    AUTOCORRELATION_60 = 43
    EFFICIENCY_20 = 44
    EFFICIENCY_60 = 45
    RANGE_POSITION_20 = 46
    RANGE_POSITION_60 = 47
    DRAWDOWN_60 = 48
    RISE_60 = 49
    BODY = 50
    UPPER_WICK = 51
    LOWER_WICK = 52
    CLOSE_LOCATION = 53
    OPEN_GAP = 54
    VOLUME_ZSCORE_20 = 55
    VOLUME_ZSCORE_60 = 56
    VOLUME_20_60_RATIO = 57
    ILLIQUIDITY_20_60_RATIO = 58
    MONEY_FLOW_20 = 59
    VWAP_GAP_20 = 60
    VWAP_GAP_60 = 61
    FUNDING_RATE = 62
    FUNDING_MEAN = 63
    FUNDING_SURPRISE = 64
    FUNDING_COUNTDOWN = 65
    BASIS = 66
    BASIS_MEAN = 67
    BASIS_ZSCORE = 68
    HOUR_SIN = 69
    HOUR_COS = 70
    WEEK_SIN = 71
    WEEK_COS = 72
    RETURN_5X = 73
    EMA_10_GAP_5X = 74
    EMA_10_20_CROSS_5X = 75
    RSI_14_5X = 76
    ATR_14_RATIO_5X = 77
    VOLUME_RATIO_5X = 78
    RETURN_15X = 79
    EMA_10_GAP_15X = 80
    EMA_10_20_CROSS_15X = 81
    RSI_14_15X = 82
    ATR_14_RATIO_15X = 83
    VOLUME_RATIO_15X = 84
    RETURN_60X = 85
    EMA_10_GAP_60X = 86
    EMA_10_20_CROSS_60X = 87
    RSI_14_60X = 88
    ATR_14_RATIO_60X = 89
    VOLUME_RATIO_60X = 90
    VOLUME_10_60_RATIO = 91

    @property
    def label(self) -> str:
        """Return the name models, reports and configurations use."""
        return self.name.lower()
