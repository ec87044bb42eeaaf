"""Reasons: the closed list of why a position was refused or shrunk.

A reason's number is its bit in a decision's mask and its slot in the guard's table, so the list only ever grows
at its end. Names are the wire and metric labels (`risk_denials{reason,symbol}`).
"""

from enum import IntEnum


class Reason(IntEnum):
    """Why a wish was bounded; NONE means it was granted whole."""

    NONE = 0
    KILL_SWITCH = 1
    NEW_POSITIONS_DISABLED = 2
    SYMBOL_NOT_ALLOWED = 3
    PRICE_INVALID = 4
    PRICE_RANGE = 5
    PRICE_COLLAR = 6
    PRICE_STALE = 7
    MAX_LEVERAGE = 8
    MAX_RISK_PCT = 9
    POSITION_CAP = 10
    MAX_POSITIONS = 11
    NOTIONAL_LIMIT = 12
    LIQUIDITY = 13
    POSITION_LIMIT = 14
    GROSS_EXPOSURE_LIMIT = 15
    NET_EXPOSURE_LIMIT = 16
    CORRELATION = 17
    DAILY_LOSS_LIMIT = 18
    DRAWDOWN_SOFT = 19
    DRAWDOWN_HARD = 20
    LIQUIDATION_DISTANCE = 21
    MARGIN = 22
    ORDER_RATE = 23
    REPEATED_EXECUTION = 24
    DUPLICATE = 25
    SLIPPAGE_PAUSE = 26
    FUNDING_RATE = 27
    AGREEMENT = 28
    CONFIDENCE = 29
    GOVERNOR = 30
    PRECISION = 31
    RL_FALLBACK_HIGH_VOL = 32

    @property
    def label(self) -> str:
        """Return the name used in logs, metrics and reports."""
        return self.name.lower()


def reasons_in(mask: int) -> tuple[Reason, ...]:
    """Return the reasons whose bits are set in a decision's mask."""
    return tuple(reason for reason in Reason if reason and mask >> reason & 1)
