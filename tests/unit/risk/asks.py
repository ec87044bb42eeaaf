"""Asks that are granted whole under limits that bind nothing: a test spoils one fact and sees who objects."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.core.records import dtype, empty
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.guard import SLOTS, Verdict, answer

# One step is worth 10 of the quote currency, equity is 10 000, the wish is worth 1 000.
STEP_VALUE = 1_000_000_000
EQUITY = 1_000_000_000_000
WISH = 100

CALM = {
    "now_ms": 1_704_067_200_000,
    "wish": WISH,
    "last": 1_000,
    "mark": 1_000,
    "unit": 1_000_000,
    "price_min": 1,
    "price_max": 1_000_000,
    "equity": EQUITY,
    "bracket_notional": 100 * EQUITY,
    "risk_ticks": 20,
    "depth": 1_000_000,
    "volume_day": 1_000_000,
    "market_quantity_max": 1_000_000,
    "since_repeat_ms": 10**12,
    "since_order_ms": 10**12,
    "since_slipped_ms": 10**12,
    "atr_bps": 100,
    "atr_hour_bps": 100,
    "governor_bps": 10_000,
    "confidence_bps": 9_000,
    "agreement": 4,
    "members": 4,
    "funding_known": 1,
    "valid": 1,
    "allowed": 1,
    "allow_new": 1,
    "armed": 1,
}

WIDE = {
    "leverage_x100": 12_500,
    "risk_per_trade_bps": 10_000,
    "position_cap": 10**16,
    "positions_max": 1_000,
    "confidence_min_bps": 5_000,
    "confidence_quality_bps": 4_500,
    "confidence_volatile_bps": 6_500,
    "confidence_margin_bps": 1_000,
    "volatile_atr_bps": 300,
    "fallback_bps": 10_000,
    "fallback_leverage_x100": 12_500,
    "agreement_quarters": 3,
    "order_value_bps": 10_000,
    "order_value_max": 10**16,
    "depth_share_bps": 10_000,
    "volume_day_share_bps": 1_000,
    "position_bps": 200_000,
    "gross_bps": 200_000,
    "net_bps": 200_000,
    "cluster_bps": 200_000,
    "day_loss_bps": 300,
    "drawdown_soft_bps": 500,
    "drawdown_soft_scale_bps": 5_000,
    "day_drawdown_trip_bps": 500,
    "drawdown_hard_bps": 1_000,
    "open_loss_bps": 1_000,
    "flash_crash_bps": 300,
    "flash_window_ms": 60_000,
    "liquidation_atr_x100": 300,
    "liquidation_min_bps": 500,
    "margin_entry_bps": 5_000,
    "margin_reduce_bps": 7_000,
    "margin_flatten_bps": 8_500,
    "collar_market_bps": 50,
    "collar_volatile_bps": 300,
    "price_age_ms": 5_000,
    "orders_second_max": 5,
    "orders_minute_max": 100,
    "orders_ten_seconds_max": 200,
    "repeat_entries_max": 5,
    "repeat_window_ms": 600_000,
    "duplicate_window_ms": 1_000,
    "slippage_pause_bps": 100,
    "slippage_pause_ms": 3_600_000,
    "funding_entry_max": 100_000,
    "stop_hits_max": 10,
    "stop_window_ms": 900_000,
    "breaches_confirm": 2,
    "cooldown_ms": 900_000,
}

# Which way each number of `Limits` tightens; the last group is read by the watch and not by the guard.
LOWER_IS_TIGHTER = [
    "leverage_x100",
    "risk_per_trade_bps",
    "position_cap",
    "positions_max",
    "volatile_atr_bps",
    "fallback_bps",
    "fallback_leverage_x100",
    "order_value_bps",
    "order_value_max",
    "depth_share_bps",
    "volume_day_share_bps",
    "position_bps",
    "gross_bps",
    "net_bps",
    "cluster_bps",
    "day_loss_bps",
    "drawdown_soft_bps",
    "drawdown_soft_scale_bps",
    "drawdown_hard_bps",
    "margin_entry_bps",
    "margin_reduce_bps",
    "margin_flatten_bps",
    "collar_market_bps",
    "collar_volatile_bps",
    "price_age_ms",
    "orders_second_max",
    "orders_minute_max",
    "orders_ten_seconds_max",
    "repeat_entries_max",
    "funding_entry_max",
]
HIGHER_IS_TIGHTER = [
    "confidence_min_bps",
    "confidence_quality_bps",
    "confidence_volatile_bps",
    "confidence_margin_bps",
    "agreement_quarters",
    "liquidation_atr_x100",
    "liquidation_min_bps",
    "repeat_window_ms",
    "duplicate_window_ms",
    "slippage_pause_ms",
]
NOT_THE_GUARDS = [
    "day_drawdown_trip_bps",
    "open_loss_bps",
    "flash_crash_bps",
    "flash_window_ms",
    "slippage_pause_bps",
    "stop_hits_max",
    "stop_window_ms",
    "breaches_confirm",
    "cooldown_ms",
]


class Judged(NamedTuple):
    """A verdict and the band of every rule, as Python integers."""

    granted: int
    bound: int
    binding: int
    bands: NDArray[np.int64]


def ask(**facts: int) -> Any:
    """Return the calm ask with some facts spoiled."""
    return _row(Ask, CALM | facts)


def limits(**numbers: int) -> Any:
    """Return the wide limits with some numbers changed."""
    return _row(Limits, WIDE | numbers)


def _row(kind: type[Any], values: dict[str, int]) -> Any:
    row = empty(kind, 1)
    for name, value in values.items():
        row[name] = value
    return row[0]


def judge(question: Any, numbers: Any) -> Judged:
    """Ask the guard."""
    bands = np.zeros((SLOTS, 2), dtype=np.int64)
    return Judged(*Verdict(*answer(question, numbers, bands)), bands)


def granted(wish: int = WISH, numbers: dict[str, int] | None = None, **facts: int) -> int:
    """Return what the guard grants of a wish when these facts and numbers differ from the calm ones."""
    return judge(ask(wish=wish, **facts), limits(**(numbers or {}))).granted


def hostile(kind: type[Any]) -> st.SearchStrategy[NDArray[np.void]]:
    """Return rows of any bytes at all: every field takes every value that fits it."""
    size = dtype(kind).itemsize
    return st.binary(min_size=size, max_size=size).map(lambda raw: _filled(kind, raw))


def _filled(kind: type[Any], raw: bytes) -> NDArray[np.void]:
    rows = empty(kind, 1)
    rows[:] = np.frombuffer(raw, dtype(kind))
    return rows


def _between(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


MONEY = _between(-(10**13), 10**13)
FLAG = _between(0, 1)
PLAUSIBLE = st.fixed_dictionaries(
    {
        "wish": _between(-400, 400),
        "position": _between(-200, 200),
        "last": _between(980, 1_020),
        "mark": _between(990, 1_010),
        "age_ms": _between(0, 6_000),
        "equity": _between(0, 3 * EQUITY),
        "gross_others": _between(0, 4 * EQUITY),
        "net_others": MONEY,
        "cluster_others": MONEY,
        "bracket_notional": _between(0, 10 * EQUITY),
        "risk_ticks": _between(0, 60),
        "depth": _between(0, 3_000),
        "volume_day": _between(0, 300_000),
        "market_quantity_max": _between(1, 400),
        "funding": _between(-150_000, 150_000),
        "since_repeat_ms": _between(0, 700_000),
        "since_order_ms": _between(0, 2_000),
        "since_slipped_ms": _between(0, 5_000_000),
        "order_quantity": _between(-400, 400),
        "atr_bps": _between(0, 500),
        "atr_hour_bps": _between(0, 900),
        "day_bps": _between(-400, 400),
        "drawdown_bps": _between(0, 1_100),
        "margin_bps": _between(0, 9_000),
        "governor_bps": _between(-1, 10_001),
        "confidence_bps": _between(4_000, 10_000),
        "agreement": _between(0, 4),
        "members": _between(0, 4),
        "positions_others": _between(0, 40),
        "minute_orders": _between(0, 110),
        "second_orders": _between(0, 6),
        "repeat_count": _between(0, 6),
        "repeat_side": _between(-1, 1),
        "volatile": FLAG,
    }
)
