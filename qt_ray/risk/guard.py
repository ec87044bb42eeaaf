"""Guard: every rule is asked, their bands meet, the wish is clamped. Risk only shrinks.

The table in `ask_every_rule` is the whole pre-trade authority. Each line fills one slot and `verdict` intersects the
slots, so their order cannot matter, one more line can only tighten, and the mask says which lines bound the wish.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invariant
from qt_ray.risk import filters, rules
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.bands import UNBOUNDED, Band, clamp, meet
from qt_ray.risk.reasons import Reason, reasons_in

SLOTS = len(Reason)
Slots = NDArray[np.int64]


class Verdict(NamedTuple):
    """What was granted, every rule that bound the wish (a bit per Reason), and the tightest of them."""

    granted: int
    bound: int
    binding: int


@inlined
def put(bands: Slots, reason: int, band: Band) -> None:
    """Write one rule's answer into its slot."""
    bands[reason, 0] = band.low
    bands[reason, 1] = band.high


@inlined
def ask_every_rule(bands: Slots, ask: Ask, limits: Limits) -> None:
    """Fill every slot: the table of rules."""
    put(bands, Reason.KILL_SWITCH, rules.kill_switch(ask, limits))
    put(bands, Reason.NEW_POSITIONS_DISABLED, rules.new_positions_disabled(ask, limits))
    put(bands, Reason.SYMBOL_NOT_ALLOWED, rules.symbol_not_allowed(ask, limits))
    put(bands, Reason.PRICE_INVALID, rules.price_invalid(ask, limits))
    put(bands, Reason.PRICE_RANGE, rules.price_range(ask, limits))
    put(bands, Reason.PRICE_COLLAR, rules.price_collar(ask, limits))
    put(bands, Reason.PRICE_STALE, rules.price_stale(ask, limits))
    put(bands, Reason.MAX_LEVERAGE, rules.max_leverage(ask, limits))
    put(bands, Reason.MAX_RISK_PCT, rules.max_risk_pct(ask, limits))
    put(bands, Reason.POSITION_CAP, rules.position_cap(ask, limits))
    put(bands, Reason.MAX_POSITIONS, rules.max_positions(ask, limits))
    put(bands, Reason.NOTIONAL_LIMIT, rules.notional_limit(ask, limits))
    put(bands, Reason.LIQUIDITY, rules.liquidity(ask, limits))
    put(bands, Reason.POSITION_LIMIT, rules.position_limit(ask, limits))
    put(bands, Reason.GROSS_EXPOSURE_LIMIT, rules.gross_exposure_limit(ask, limits))
    put(bands, Reason.NET_EXPOSURE_LIMIT, rules.net_exposure_limit(ask, limits))
    put(bands, Reason.CORRELATION, rules.correlation(ask, limits))
    put(bands, Reason.DAILY_LOSS_LIMIT, rules.daily_loss_limit(ask, limits))
    put(bands, Reason.DRAWDOWN_SOFT, rules.drawdown_soft(ask, limits))
    put(bands, Reason.DRAWDOWN_HARD, rules.drawdown_hard(ask, limits))
    put(bands, Reason.LIQUIDATION_DISTANCE, rules.liquidation_distance(ask, limits))
    put(bands, Reason.MARGIN, rules.margin(ask, limits))
    put(bands, Reason.ORDER_RATE, rules.order_rate(ask, limits))
    put(bands, Reason.REPEATED_EXECUTION, rules.repeated_execution(ask, limits))
    put(bands, Reason.DUPLICATE, rules.duplicate(ask, limits))
    put(bands, Reason.SLIPPAGE_PAUSE, rules.slippage_pause(ask, limits))
    put(bands, Reason.FUNDING_RATE, filters.funding_rate(ask, limits))
    put(bands, Reason.AGREEMENT, filters.agreement(ask, limits))
    put(bands, Reason.CONFIDENCE, filters.confidence(ask, limits))
    put(bands, Reason.GOVERNOR, rules.governor(ask, limits))
    put(bands, Reason.PRECISION, rules.precision(ask, limits))
    put(bands, Reason.RL_FALLBACK_HIGH_VOL, rules.rl_fallback_high_vol(ask, limits))


@inlined
def verdict(bands: Slots, wish: int) -> Verdict:
    """Intersect the slots and clamp the wish to what is left."""
    allowed = Band(-UNBOUNDED, UNBOUNDED)
    bound, binding, tightest = 0, 0, -1
    for reason in range(1, SLOTS):
        band = Band(bands[reason, 0], bands[reason, 1])
        allowed = meet(allowed, band)
        shortfall = abs(wish - clamp(band, wish))
        if shortfall > 0:
            bound |= 1 << reason
            if shortfall > tightest:
                tightest = shortfall
                binding = reason
    return Verdict(clamp(allowed, wish), bound, binding)


@inlined
def review(bands: Slots, ask: Ask, limits: Limits) -> Verdict:
    """Ask the whole table about one wish."""
    ask_every_rule(bands, ask, limits)
    return verdict(bands, ask.wish)


@compiled
def answer(ask: Ask, limits: Limits, bands: Slots) -> Verdict:
    """Ask the table from Python, for explanation and for the object side of the house."""
    return review(bands, ask, limits)


class Explanation(NamedTuple):
    """One rule's answer to one wish."""

    reason: Reason
    band: Band
    bound: bool


def explain(ask: Any, limits: Any) -> tuple[Verdict, list[Explanation]]:
    """Return the verdict on one row of `Ask` under one row of `Limits`, with every rule's band, tightest first."""
    bands = np.zeros((SLOTS, 2), dtype=np.int64)
    result, wish = Verdict(*answer(ask, limits, bands)), int(ask["wish"])
    if abs(result.granted) > abs(wish) or result.granted * wish < 0:
        raise Invariant(f"a guard only shrinks, granted {result.granted} of {wish}")
    named = reasons_in(result.bound)
    answers = [Explanation(r, Band(*map(int, bands[r])), r in named) for r in Reason if r]
    return result, sorted(answers, key=lambda a: (a.band.high - a.band.low, a.reason))
