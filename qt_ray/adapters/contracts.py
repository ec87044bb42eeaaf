"""Contracts at the venue: what a live fund trades, in the units that its venue has now.

Ticks and steps of a file may be last year's; an order in them would be refused. What a file knows and no venue says is
which symbols move together. Fees are told with each fill, so none are kept here.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from qt_ray.adapters.instruments import load_instruments
from qt_ray.adapters.trading.opening import rules_of, told
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.execution.venue.calls import AskBrackets
from qt_ray.execution.venue.contracts import Fees, instrument_of
from qt_ray.execution.venue.session import VenueSession
from qt_ray.execution.venue.views import Brackets

TOLD_WITH_FILLS: Final = Fees(Decimal(0), Decimal(0))


async def contracts_of(session: VenueSession, symbols: Iterable[str]) -> tuple[Instrument, ...]:
    """Return the instruments of symbols as the venue has them; Invalid of one that it does not list."""
    rules, known = (await rules_of(session)).symbols, load_instruments()
    brackets: Brackets = await told(session, AskBrackets())
    found = []
    for symbol in symbols:
        if symbol not in rules or symbol not in brackets:
            raise Invalid(f"{symbol}: a symbol that is traded is listed by the venue with its brackets, was not")
        cluster = known[symbol].cluster if symbol in known else 0
        found.append(instrument_of(rules[symbol], brackets[symbol], TOLD_WITH_FILLS, cluster))
    return tuple(found)
