"""Rows: what a run writes down, one row per cycle and one per symbol and cycle.

Money is in 1e-8 of the quote currency and cumulative where it accumulates; quantities are signed steps.
"""

from enum import IntEnum

from qt_ray.core.records import F32, I32, I64, U8


class Action(IntEnum):
    """What a decision did to the position."""

    HOLD = 0
    ENTER = 1
    ADD = 2
    REDUCE = 3
    CLOSE = 4
    FLIP = 5
    REFUSED = 6


class CycleRow:
    """The account at the close of one bar; `ts` is that close in milliseconds."""

    ts: I64
    wallet: I64
    equity: I64
    gross: I64
    net: I64
    realised: I64
    fees: I64
    funding: I64
    slippage: I64
    transfers: I64
    maintenance: I64
    day_start: I64
    peak: I64
    drawdown_bps: I32
    positions: I32
    policy_version: I32
    ess: U8
    liquidated: U8
    tripped_by: U8
    spare: U8


class DecisionRow:
    """One symbol in one cycle: the wish, what was granted, and every rule that bound it (a bit per Reason)."""

    wish: I64
    granted: I64
    bound: I64
    score: F32
    confidence: F32
    binding: U8
    regime: U8
    action: U8
    agreement: U8
