"""Opening: what an account held when its books began, as one moment that the venue itself confirms.

Wallets, positions and trade numbers are asked for one after the other, so they are believed only when asking for all
of them again shows the same.
"""

from collections.abc import Iterable
from typing import Any, Final

from qt_ray.core.errors import Retryable
from qt_ray.execution.entries import Carried, Opening
from qt_ray.execution.venue.calls import AskAccount, AskPositions, AskRules, AskTime, AskTrades, Call, Done
from qt_ray.execution.venue.session import VenueSession
from qt_ray.execution.venue.views import RulesView

LOOKS_MAX: Final = 10


async def told(session: VenueSession, call: Call) -> Any:
    """Return the venue's answer, or raise what it said instead."""
    answer = await session.ask(call)
    if not isinstance(answer, Done):
        raise Retryable(f"{type(call).__name__}: the venue answers, was {answer}")
    return answer.value


async def rules_of(session: VenueSession) -> RulesView:
    """Return the filters of every symbol as the venue has them now."""
    found: RulesView = await told(session, AskRules())
    return found


async def opening_of(session: VenueSession, symbols: Iterable[str]) -> Opening:
    """Return what the account holds now, seen twice the same."""
    names = tuple(symbols)
    before = await _look(session, names)
    for _ in range(LOOKS_MAX):
        after = await _look(session, names)
        if (before.wallets, before.positions, before.cursors) == (after.wallets, after.positions, after.cursors):
            # Nothing moved between the looks, so the later moment is the one before which all is told; before the first
            # look something may have moved that is in its wallets and yet younger than it.
            return after
        before = after
    raise Retryable(f"opening: an account stands still for two looks, moved during {LOOKS_MAX}")


async def _look(session: VenueSession, symbols: tuple[str, ...]) -> Opening:
    at_ms: int = await told(session, AskTime())
    account = await told(session, AskAccount())
    positions = [view for view in await told(session, AskPositions()) if view.quantity != 0]
    cursors: dict[str, int] = {}
    for symbol in sorted({*symbols, *(view.symbol for view in positions)}):
        trades = await told(session, AskTrades(symbol, limit=1))
        cursors[symbol] = max((trade.execution.trade_id for trade in trades), default=-1)
    carried = tuple(Carried(view.symbol, view.side, view.quantity, view.entry) for view in positions)
    return Opening(at_ms, account.wallets, carried, {symbol: last for symbol, last in cursors.items() if last >= 0})
