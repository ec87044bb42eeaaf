"""Margin: what the venue's brackets ask for, and when it takes the position away.

Maintenance is notional times the bracket's rate less its deduction. A larger position may use less leverage; the
largest notional that equity can carry is found bracket by bracket, so a wish is never sized into a liquidation.
"""

from typing import Final

from qt_ray.core.compiled import inlined
from qt_ray.core.instruments import BracketRow, InstrumentRow
from qt_ray.core.money import per_million
from qt_ray.core.records import Rows

# Leverage is at most 200, so what this much equity carries still fits 64 bits; more of it carries no more.
EQUITY_MAX: Final = 46_000_000_000_000_000


@inlined
def maintenance(instrument: InstrumentRow, brackets: Rows[BracketRow], notional: int) -> int:
    """Return the maintenance margin of a position worth `notional`."""
    at = instrument.first_bracket
    for index in range(instrument.first_bracket + 1, instrument.first_bracket + instrument.brackets):
        if brackets[index].floor >= notional:
            break
        at = index
    return max(per_million(notional, brackets[at].maintenance_ppm) - brackets[at].deduction, 0)


@inlined
def carried(instrument: InstrumentRow, brackets: Rows[BracketRow], equity: int) -> int:
    """Return the largest notional that `equity` may carry under the brackets' leverage."""
    last = instrument.first_bracket + instrument.brackets - 1
    most, usable = 0, min(max(equity, 0), EQUITY_MAX)
    for index in range(instrument.first_bracket, last + 1):
        reach = usable * brackets[index].leverage_max
        if reach <= brackets[index].floor:
            break
        most = reach if index == last else min(reach, brackets[index + 1].floor)
    return most
