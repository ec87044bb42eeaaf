"""Ask: one question to the guard, with everything a rule may know to answer it.

Rules read an `Ask` and the `Limits` and nothing else, so a decision can be asked again from its record.
Units are in the names; where a fact is unknown its field holds the value that closes the door.
"""

from qt_ray.core.records import I32, I64, U8


class Ask:
    """A wish for one symbol, in whole steps, and the facts around it; money is 1e-8 of the quote."""

    now_ms: I64
    wish: I64
    position: I64
    last: I64
    mark: I64
    unit: I64
    price_min: I64
    price_max: I64
    age_ms: I64
    equity: I64
    gross_others: I64
    net_others: I64
    cluster_others: I64
    bracket_notional: I64
    risk_ticks: I64
    depth: I64
    volume_day: I64
    market_quantity_max: I64
    funding: I64
    since_repeat_ms: I64
    since_order_ms: I64
    since_slipped_ms: I64
    order_quantity: I64
    atr_bps: I32
    atr_hour_bps: I32
    day_bps: I32
    drawdown_bps: I32
    margin_bps: I32
    governor_bps: I32
    confidence_bps: I32
    agreement: I32
    members: I32
    positions_others: I32
    minute_orders: I32
    second_orders: I32
    ten_second_orders: I32
    repeat_count: I32
    repeat_side: I32
    funding_known: U8
    valid: U8
    allowed: U8
    killed: U8
    allow_new: U8
    armed: U8
    disabled: U8
    volatile: U8


class Limits:
    """Every number a rule compares with: the minimum over all layers, in force now."""

    leverage_x100: I64
    risk_per_trade_bps: I64
    position_cap: I64
    positions_max: I64
    confidence_min_bps: I64
    confidence_quality_bps: I64
    confidence_volatile_bps: I64
    confidence_margin_bps: I64
    volatile_atr_bps: I64
    fallback_bps: I64
    fallback_leverage_x100: I64
    agreement_quarters: I64
    order_value_bps: I64
    order_value_max: I64
    depth_share_bps: I64
    volume_day_share_bps: I64
    position_bps: I64
    gross_bps: I64
    net_bps: I64
    cluster_bps: I64
    day_loss_bps: I64
    drawdown_soft_bps: I64
    drawdown_soft_scale_bps: I64
    day_drawdown_trip_bps: I64
    drawdown_hard_bps: I64
    open_loss_bps: I64
    flash_crash_bps: I64
    flash_window_ms: I64
    liquidation_atr_x100: I64
    liquidation_min_bps: I64
    margin_entry_bps: I64
    margin_reduce_bps: I64
    margin_flatten_bps: I64
    collar_market_bps: I64
    collar_volatile_bps: I64
    price_age_ms: I64
    orders_second_max: I64
    orders_minute_max: I64
    orders_ten_seconds_max: I64
    repeat_entries_max: I64
    repeat_window_ms: I64
    duplicate_window_ms: I64
    slippage_pause_bps: I64
    slippage_pause_ms: I64
    funding_entry_max: I64
    stop_hits_max: I64
    stop_window_ms: I64
    breaches_confirm: I64
    cooldown_ms: I64
