"""Rules: one small answer each to "which positions may this symbol have?".

Every rule returns a band around flat. All but `margin` also permit what is already held, so a limit that moves
under a position stops it from growing and never forces a trade; only a margin call does that. Unknown closes.
"""

from typing import Final

from qt_ray.core.compiled import inlined
from qt_ray.core.money import bps_of
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.bands import Band, anything, around, flat, holding, within

NOTIONAL_MAX: Final = 9_000_000_000_000_000_000


@inlined
def open_when(condition: bool, ask: Ask) -> Band:
    """Permit anything while the condition holds, and only what is held otherwise."""
    return anything() if condition else holding(ask.position)


@inlined
def worth(notional: int, ask: Ask) -> int:
    """Return how many whole steps a notional buys at the mark, rounded down."""
    value = ask.mark * ask.unit
    return max(notional, 0) // value if value > 0 else 0


@inlined
def shrunk(bps: int, ask: Ask) -> Band:
    """Permit a share of the wish, or what is held."""
    return within(bps_of(abs(ask.wish), bps), ask.position)


@inlined
def kill_switch(ask: Ask, limits: Limits) -> Band:
    """Nothing grows while a person has pulled the switch."""
    return open_when(ask.killed == 0, ask)


@inlined
def new_positions_disabled(ask: Ask, limits: Limits) -> Band:
    """Nothing grows unless policy allows it and the emergency stop stands armed."""
    return open_when(ask.allow_new == 1 and ask.armed == 1, ask)


@inlined
def symbol_not_allowed(ask: Ask, limits: Limits) -> Band:
    """Only listed symbols are entered."""
    return open_when(ask.allowed == 1, ask)


@inlined
def price_invalid(ask: Ask, limits: Limits) -> Band:
    """No entry without a last and a mark price."""
    return open_when(ask.valid == 1 and ask.last > 0 and ask.mark > 0, ask)


@inlined
def price_range(ask: Ask, limits: Limits) -> Band:
    """Prices stay between the venue's floor and ceiling."""
    return open_when(ask.price_min <= ask.last <= ask.price_max, ask)


@inlined
def price_collar(ask: Ask, limits: Limits) -> Band:
    """Last and mark agree; in a volatile market they may differ more."""
    collar = limits.collar_volatile_bps if ask.volatile == 1 else limits.collar_market_bps
    if ask.mark <= 0:
        return holding(ask.position)
    return open_when(abs(ask.last - ask.mark) * 10_000 <= collar * ask.mark, ask)


@inlined
def price_stale(ask: Ask, limits: Limits) -> Band:
    """No entry on an old price."""
    return open_when(0 <= ask.age_ms <= limits.price_age_ms, ask)


@inlined
def max_leverage(ask: Ask, limits: Limits) -> Band:
    """Notional is bounded by equity times leverage, and by the venue's bracket at that size."""
    by_policy = max(ask.equity, 0) // 100 * limits.leverage_x100
    return within(worth(min(by_policy, ask.bracket_notional), ask), ask.position)


@inlined
def max_risk_pct(ask: Ask, limits: Limits) -> Band:
    """What the stop would lose is a bounded share of equity; without a stop, everything is at risk."""
    at_risk = ask.risk_ticks if ask.risk_ticks > 0 else ask.mark
    value = at_risk * ask.unit
    budget = bps_of(max(ask.equity, 0), limits.risk_per_trade_bps)
    return within(budget // value if value > 0 else 0, ask.position)


@inlined
def position_cap(ask: Ask, limits: Limits) -> Band:
    """A position is worth at most the mode's cap."""
    return within(worth(limits.position_cap, ask), ask.position)


@inlined
def max_positions(ask: Ask, limits: Limits) -> Band:
    """A new symbol needs a free place."""
    return open_when(ask.position != 0 or ask.positions_others < limits.positions_max, ask)


@inlined
def notional_limit(ask: Ask, limits: Limits) -> Band:
    """One order is worth at most a share of levered equity, and never more than the fixed maximum."""
    levered = max(ask.equity, 0) // 100 * limits.leverage_x100
    value = min(bps_of(levered, limits.order_value_bps), limits.order_value_max)
    return around(ask.position, worth(value, ask))


@inlined
def liquidity(ask: Ask, limits: Limits) -> Band:
    """One order is a small share of the book's depth and of a day's volume."""
    share = min(
        bps_of(ask.depth, limits.depth_share_bps),
        bps_of(ask.volume_day, limits.volume_day_share_bps),
    )
    return around(ask.position, share)


@inlined
def position_limit(ask: Ask, limits: Limits) -> Band:
    """One symbol is at most a share of equity."""
    return within(worth(bps_of(max(ask.equity, 0), limits.position_bps), ask), ask.position)


@inlined
def gross_exposure_limit(ask: Ask, limits: Limits) -> Band:
    """All positions together stay under a multiple of equity."""
    room = bps_of(max(ask.equity, 0), limits.gross_bps) - ask.gross_others
    return within(worth(room, ask), ask.position)


@inlined
def net_exposure_limit(ask: Ask, limits: Limits) -> Band:
    """Longs less shorts stay under a multiple of equity; the hedging side keeps its room."""
    return one_sided(bps_of(max(ask.equity, 0), limits.net_bps), ask.net_others, ask)


@inlined
def correlation(ask: Ask, limits: Limits) -> Band:
    """Symbols that move together count as one."""
    return one_sided(bps_of(max(ask.equity, 0), limits.cluster_bps), ask.cluster_others, ask)


@inlined
def one_sided(limit: int, others: int, ask: Ask) -> Band:
    """Permit what keeps `others` plus this symbol within plus and minus `limit`."""
    held = holding(ask.position)
    return Band(min(held.low, -worth(limit + others, ask)), max(held.high, worth(limit - others, ask)))


@inlined
def daily_loss_limit(ask: Ask, limits: Limits) -> Band:
    """A day that lost enough is over."""
    return open_when(ask.day_bps > -limits.day_loss_bps, ask)


@inlined
def drawdown_soft(ask: Ask, limits: Limits) -> Band:
    """Past the soft drawdown, wishes shrink to a share."""
    if ask.drawdown_bps < limits.drawdown_soft_bps:
        return anything()
    return shrunk(limits.drawdown_soft_scale_bps, ask)


@inlined
def drawdown_hard(ask: Ask, limits: Limits) -> Band:
    """Past the hard drawdown nothing grows, whatever else has tripped."""
    return open_when(ask.drawdown_bps < limits.drawdown_hard_bps, ask)


@inlined
def liquidation_distance(ask: Ask, limits: Limits) -> Band:
    """Equity survives an adverse move of the whole book by the required distance."""
    distance = max(limits.liquidation_min_bps, limits.liquidation_atr_x100 * ask.atr_hour_bps // 100, 1)
    gross = min(max(ask.equity, 0) // distance, NOTIONAL_MAX // 10_000) * 10_000
    return within(worth(gross - ask.gross_others, ask), ask.position)


@inlined
def margin(ask: Ask, limits: Limits) -> Band:
    """A strained margin stops growth, then halves, then closes: the one rule that forces."""
    if ask.margin_bps >= limits.margin_flatten_bps:
        return flat()
    if ask.margin_bps >= limits.margin_reduce_bps:
        half = holding(ask.position)
        return Band(-(-half.low // 2), half.high // 2)
    return open_when(ask.margin_bps < limits.margin_entry_bps, ask)


@inlined
def order_rate(ask: Ask, limits: Limits) -> Band:
    """Messages stay under the limits of a second, a minute and ten seconds."""
    calm = (
        ask.second_orders < limits.orders_second_max
        and ask.minute_orders < limits.orders_minute_max
        and ask.ten_second_orders < limits.orders_ten_seconds_max
    )
    return open_when(calm, ask)


@inlined
def repeated_execution(ask: Ask, limits: Limits) -> Band:
    """The same side again and again is a fault until a person says otherwise."""
    side = 1 if ask.wish > ask.position else -1
    again = ask.repeat_side == side and ask.since_repeat_ms < limits.repeat_window_ms
    return open_when(ask.disabled == 0 and not (again and ask.repeat_count >= limits.repeat_entries_max), ask)


@inlined
def duplicate(ask: Ask, limits: Limits) -> Band:
    """The same order within the window is the same order."""
    same = ask.order_quantity == ask.wish - ask.position and ask.order_quantity != 0
    return open_when(not (same and ask.since_order_ms < limits.duplicate_window_ms), ask)


@inlined
def slippage_pause(ask: Ask, limits: Limits) -> Band:
    """A symbol whose fills drifted from arrival rests for a while."""
    return open_when(ask.since_slipped_ms >= limits.slippage_pause_ms, ask)


@inlined
def governor(ask: Ask, limits: Limits) -> Band:
    """The governor's fused vote is a share of the wish; nothing computed is a share of nothing."""
    return anything() if ask.governor_bps >= 10_000 else shrunk(max(ask.governor_bps, 0), ask)


@inlined
def rl_fallback_high_vol(ask: Ask, limits: Limits) -> Band:
    """In high volatility a size that no trained policy has chosen shrinks to a share of it, and to little leverage."""
    if ask.volatile == 0:
        return anything()
    levered = max(ask.equity, 0) // 100 * limits.fallback_leverage_x100
    return within(min(bps_of(abs(ask.wish), limits.fallback_bps), worth(levered, ask)), ask.position)


@inlined
def precision(ask: Ask, limits: Limits) -> Band:
    """One order fits the venue's largest market quantity; the rest waits for the next cycle."""
    return around(ask.position, ask.market_quantity_max)
