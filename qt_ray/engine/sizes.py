"""Sizes: what one opinion would be worth, asked outside of a fund, by the functions that size inside of one.

Nothing here knows the account's limits. Whoever asks hears what the plan wishes and what the fallback of high
volatility would leave of it; what a guard grants is never more.
"""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.ai.sizing import SizerPlan, sizer_rows, target, wish
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import BPS, money
from qt_ray.core.policy import Policy
from qt_ray.engine.high_volatility import WILD
from qt_ray.market.regime import Regime


@dataclass(frozen=True, slots=True)
class Asked:
    """An opinion about one symbol and what is known beside it."""

    score: float
    equity: Decimal
    mark: Decimal
    position: Decimal
    atr_bps: int
    regime: Regime


@dataclass(frozen=True, slots=True)
class Size:
    """The wished position, what high volatility leaves of it, and whether it took any; all in signed quantities."""

    wished: Decimal
    allowed: Decimal
    is_fallback: bool


def size_of(instrument: Instrument, plan: SizerPlan, policy: Policy, asked: Asked) -> Size:
    """Return the size that follows from an opinion."""
    if asked.mark <= 0:
        raise Invalid(f"mark: a price is above 0, was {asked.mark}")
    row = sizer_rows((instrument,), plan, policy.risk.scaling)[0]
    position, value = int(asked.position / instrument.step), int(money(asked.mark * instrument.step))
    steps = int(target(row, money(asked.equity), value, asked.atr_bps))
    wanted = int(wish(row, asked.score, position, 0, steps))
    grows = abs(wanted) > abs(position) or wanted * position < 0
    left = wanted
    if grows and asked.regime in WILD:
        volatility = policy.volatility
        levered = int(max(asked.equity, Decimal(0)) * volatility.fallback_leverage / (asked.mark * instrument.step))
        most = min(abs(wanted) * int(volatility.fallback_size_max * BPS) // BPS, levered)
        side = 1 if wanted > 0 else -1
        left = side * max(most, position * side)
    return Size(instrument.quantity(wanted), instrument.quantity(left), left != wanted)
