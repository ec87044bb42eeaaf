"""Start: an account goes to work behind the gate, or not at all.

Whoever starts one from settings does it here, so that nobody can forget to ask whether its key could withdraw, the
clock is off or the latch is closed. It is asked before anything is opened: what may not start has left no trace, and
what it held is protected by the stops that it had placed at the venue.
"""

from collections.abc import Collection

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.adapters.trading.doctor import gate
from qt_ray.adapters.trading.gateway_loop import Mark, unmarked
from qt_ray.adapters.trading.memory import Follower
from qt_ray.adapters.trading.places import Places, places_of
from qt_ray.execution.gateway.fence import Gate, ungated
from qt_ray.execution.gateway.rules import Rules


async def begun(
    session: BinanceSession,
    settings: Settings,
    rules: Rules,
    keeping: Keeping,
    mark: Mark = unmarked,
    places: Places | None = None,
    prices: Gate = ungated,
    follower: Follower | None = None,
    but: Collection[str] = (),
) -> AccountLoop:
    """Return the account of these settings, about to work, or Invalid with every reason that forbids it.

    `prices` is asked at each entry, `follower` reads the journal along, and the checks in `but` forbid nothing.
    """
    where, symbols = places or places_of(settings), settings.market.symbols
    await gate(session, settings, where, but)
    return await AccountLoop.open(
        where.journal, session, symbols, rules, keeping, mark=mark, latch=where.latch, gate=prices, follower=follower
    )
