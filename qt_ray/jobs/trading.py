"""Trading: an account goes to work behind the gate, or not at all.

Whoever starts one from settings does it here, so that nobody can forget to ask whether its key could withdraw, the
clock is off or the latch is closed. It is asked before anything is opened: what may not start has left no trace, and
what it held is protected by the stops that it had placed at the venue.
"""

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.adapters.trading.gateway_loop import Mark, unmarked
from qt_ray.adapters.trading.places import places_of
from qt_ray.execution.gateway.rules import Rules
from qt_ray.jobs.doctor import gate


async def begun(
    session: BinanceSession, settings: Settings, rules: Rules, keeping: Keeping, mark: Mark = unmarked
) -> AccountLoop:
    """Return the account of these settings, about to work, or Invalid with every reason that forbids it."""
    await gate(session, settings)
    places, symbols = places_of(settings), settings.market.symbols
    return await AccountLoop.open(places.journal, session, symbols, rules, keeping, mark=mark, latch=places.latch)
