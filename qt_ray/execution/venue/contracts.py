"""Contracts: a symbol's rules, brackets and fees as the instrument that the rest of the house trades.

Nothing is rounded or filled in: a symbol whose rules the house cannot hold exactly is refused, never approximated.
"""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Bracket, Instrument, instrument_rows
from qt_ray.execution.venue.views import SymbolRules


@dataclass(frozen=True, slots=True)
class Fees:
    """What the account pays, as rates."""

    maker_rate: Decimal
    taker_rate: Decimal


def instrument_of(rules: SymbolRules, brackets: tuple[Bracket, ...], fees: Fees, cluster: int = 0) -> Instrument:
    """Return the instrument, proven to fit compiled code too."""
    if rules.step % rules.market_step != 0 and rules.market_step % rules.step != 0:
        raise Invalid(f"{rules.symbol}: steps divide one another, were {rules.step} and {rules.market_step}")
    instrument = Instrument(
        symbol=rules.symbol,
        tick=rules.tick,
        step=max(rules.step, rules.market_step),
        quantity_min=rules.quantity_min,
        quantity_max=rules.quantity_max,
        market_quantity_max=rules.market_quantity_max,
        notional_min=rules.notional_min,
        price_min=max(rules.price_min, rules.tick),
        price_max=rules.price_max,
        maker_rate=fees.maker_rate,
        taker_rate=fees.taker_rate,
        liquidation_rate=rules.liquidation_rate,
        brackets=brackets,
        cluster=cluster,
    )
    instrument_rows((instrument,))
    return instrument
