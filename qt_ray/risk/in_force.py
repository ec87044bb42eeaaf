"""Limits in force: the minimum over all layers, each number with the layer it came from.

Policy mode, controls, the emergency stop and automatic layers each set limits; where two speak of the same thing the
tighter one rules. The result is one packed row for the guard and a name per number for the person who asks why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.money import BPS, money
from qt_ray.core.policy import Policy
from qt_ray.core.records import empty
from qt_ray.risk.ask import Limits
from qt_ray.risk.restraints import FREE, Latitude

QUALITY_CONFIDENCE_BPS = 4_500
SLIPPAGE_REST_MS = 3_600_000
FLASH_WINDOW_MS = 60_000
CONFIRMATIONS = 2

Layered = tuple[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class InForce:
    """The packed limits, and for each the layer that set it."""

    row: NDArray[np.void]
    layers: Mapping[str, str]

    def value(self, name: str) -> int:
        """Return one limit."""
        return int(self.row[name][0])


def limits_in_force(policy: Policy, left: Latitude = FREE) -> InForce:
    """Return the limits that `policy` puts in force now, within what automatic layers leave of it."""
    table = _from_mode(policy, left) | _from_controls(policy) | _from_emergency(policy) | _shared(policy, left)
    row = empty(Limits, 1)
    for name, (value, _) in table.items():
        row[name] = value
    return InForce(row, {name: layer for name, (_, layer) in table.items()})


def _bps(fraction: Decimal) -> int:
    return int(fraction * BPS)


def _asked(fraction: Decimal) -> int:
    # What is asked of a signal is rounded up, as what is granted to it is rounded down.
    return int((fraction * BPS).to_integral_value(ROUND_CEILING))


def _least(*candidates: Layered) -> Layered:
    return min(candidates, key=lambda candidate: candidate[0])


def _most(*candidates: Layered) -> Layered:
    return max(candidates, key=lambda candidate: candidate[0])


def _from_mode(policy: Policy, left: Latitude) -> dict[str, Layered]:
    mode, layer = policy.risk, f"mode {policy.active_mode}"
    return {
        "risk_per_trade_bps": (_bps(mode.max_risk_pct), layer),
        "position_cap": (money(mode.position_cap_usd), layer),
        "positions_max": _least(
            (mode.max_positions, layer), (left.positions_max, f"layer {left.by.get('positions_max', '')}")
        ),
        "confidence_min_bps": _most(
            (_asked(mode.min_confidence), layer),
            (left.confidence_min_bps, f"layer {left.by.get('confidence_min_bps', '')}"),
        ),
    }


def _shared(policy: Policy, left: Latitude) -> dict[str, Layered]:
    """Numbers that two layers speak of: the tighter one rules."""
    mode, limits, ess = policy.risk, policy.limits, policy.ess
    by_mode = f"mode {policy.active_mode}"
    return {
        "leverage_x100": _least(
            (int(mode.max_leverage * 100), by_mode),
            (limits.leverage_default * 100, "controls leverage_default"),
            (limits.leverage_max * 100, "controls leverage_max"),
            (left.leverage_max * 100, f"layer {left.by.get('leverage_max', '')}"),
        ),
        "day_loss_bps": _least(
            (_bps(mode.max_daily_drawdown), by_mode),
            (limits.day_loss_max_bps, "controls day_loss_max_bps"),
            (ess.daily_drawdown_bps, "emergency daily_drawdown_bps"),
        ),
        "drawdown_hard_bps": _least(
            (limits.drawdown_hard_bps, "controls drawdown_hard_bps"),
            (ess.equity_drawdown_bps, "emergency equity_drawdown_bps"),
        ),
        "stop_hits_max": _least(
            (limits.stop_hits_max, "controls stop_hits_max"), (ess.stop_hits_max, "emergency stop_hits_max")
        ),
        "stop_window_ms": _most(
            (limits.stop_hits_window_ms, "controls stop_hits_window_ms"),
            (ess.stop_hits_window_ms, "emergency stop_hits_window_ms"),
        ),
        "price_age_ms": _least(
            (limits.mark_age_max_ms, "controls mark_age_max_ms"),
            (limits.entry_cancel_age_ms, "controls entry_cancel_age_ms"),
        ),
    }


def _from_controls(policy: Policy) -> dict[str, Layered]:
    limits, volatility = policy.limits, policy.volatility
    values: dict[str, Any] = {
        "confidence_quality_bps": QUALITY_CONFIDENCE_BPS,
        "confidence_volatile_bps": _asked(volatility.min_confidence),
        "confidence_margin_bps": _asked(volatility.half_size_within),
        "volatile_atr_bps": volatility.atr_extreme_bps,
        "fallback_bps": _bps(volatility.fallback_size_max),
        "fallback_leverage_x100": int(volatility.fallback_leverage * 100),
        "agreement_quarters": limits.agreement_min,
        "order_value_bps": limits.order_value_equity_max_bps,
        "order_value_max": money(limits.order_value_max),
        "depth_share_bps": limits.order_depth_max_bps,
        "volume_day_share_bps": limits.order_day_volume_max_bps,
        "position_bps": limits.symbol_exposure_max_bps,
        "gross_bps": limits.gross_exposure_max_bps,
        "net_bps": limits.net_exposure_max_bps,
        "cluster_bps": limits.cluster_exposure_max_bps,
        "drawdown_soft_bps": limits.drawdown_soft_bps,
        "drawdown_soft_scale_bps": limits.drawdown_soft_scale_bps,
        "liquidation_atr_x100": limits.liquidation_distance_atr_min_bps // 100,
        "liquidation_min_bps": limits.liquidation_distance_min_bps,
        "margin_entry_bps": limits.margin_entry_max_bps,
        "margin_reduce_bps": limits.margin_reduce_bps,
        "margin_flatten_bps": limits.margin_flatten_bps,
        "collar_market_bps": limits.price_collar_market_bps,
        "collar_volatile_bps": max(limits.price_collar_limit_bps, limits.price_collar_market_bps),
        "orders_second_max": limits.orders_per_second_max,
        "orders_minute_max": limits.orders_per_minute_symbol_max,
        "orders_ten_seconds_max": limits.orders_per_10s_account_max,
        "repeat_entries_max": limits.repeat_entries_max,
        "repeat_window_ms": limits.repeat_entries_window_ms,
        "duplicate_window_ms": limits.duplicate_window_ms,
        "slippage_pause_bps": limits.slippage_pause_bps,
        "slippage_pause_ms": SLIPPAGE_REST_MS,
        "funding_entry_max": limits.funding_rate_max_ppm * 100,
    }
    return {name: (value, "controls") for name, value in values.items()}


def _from_emergency(policy: Policy) -> dict[str, Layered]:
    ess = policy.ess
    values = {
        "open_loss_bps": ess.open_loss_bps,
        "day_drawdown_trip_bps": ess.daily_drawdown_bps,
        "flash_crash_bps": ess.flash_crash_bps,
        "flash_window_ms": FLASH_WINDOW_MS,
        "breaches_confirm": CONFIRMATIONS,
        "cooldown_ms": ess.cooldown_ms,
    }
    return {name: (value, "emergency") for name, value in values.items()}
