"""Filters: signals that are not worth acting on, as bands like every other rule.

SignalQualityFilter counts agreement (never labels) and asks more confidence of a volatile market; FundingRateFilter
refuses to pay too much for holding. An unknown confidence or funding rate is a closed door, not a default.
"""

from qt_ray.core.compiled import inlined
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.bands import UNBOUNDED, Band, anything, holding
from qt_ray.risk.rules import open_when, shrunk


@inlined
def agreement(ask: Ask, limits: Limits) -> Band:
    """At least three quarters of the members that exist say the same."""
    enough = ask.members > 0 and ask.agreement * 4 >= limits.agreement_quarters * ask.members
    return open_when(enough, ask)


@inlined
def confidence(ask: Ask, limits: Limits) -> Band:
    """Confidence clears policy and quality; a volatile market asks for more, and halves what only just clears."""
    needed = max(limits.confidence_min_bps, limits.confidence_quality_bps)
    if ask.atr_bps < limits.volatile_atr_bps:
        return open_when(ask.confidence_bps >= needed, ask)
    needed = max(needed, limits.confidence_volatile_bps)
    if ask.confidence_bps < needed:
        return holding(ask.position)
    if ask.confidence_bps < limits.confidence_volatile_bps + limits.confidence_margin_bps:
        return shrunk(5_000, ask)
    return anything()


@inlined
def funding_rate(ask: Ask, limits: Limits) -> Band:
    """The side that would pay too much may not grow; the side that receives may."""
    held = holding(ask.position)
    if ask.funding_known == 0:
        return held
    high = held.high if ask.funding > limits.funding_entry_max else UNBOUNDED
    low = held.low if -ask.funding > limits.funding_entry_max else -UNBOUNDED
    return Band(low, high)
