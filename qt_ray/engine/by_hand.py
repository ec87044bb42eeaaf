"""By hand: what a person's word to close comes to: one reduce-only order at the market for each position that is held.

It asks for what is held at this moment and can only lessen it. Its orders bear names that follow from the word, so the
fund books their trades as somebody else's, and a word that is handed over twice is the same orders.
"""

from collections.abc import Collection
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Holding, Stand

STRATEGY: Final = "hand"


def closing(stand: Stand, symbols: Collection[str], stamp: Stamp) -> Errands:
    """Return the errands that close positions of these symbols, or all there are if none is named."""
    held = {symbol: holding for symbol, holding in stand.holdings.items() if holding.quantity != 0}
    if absent := sorted(set(symbols) - held.keys()):
        raise Invalid(f"a position that is held is closed, of {absent[0]!r:.30} there is none")
    wanted = {symbol: held[symbol] for symbol in sorted(symbols or held)}
    return Errands(tuple(_closed(symbol, holding, stamp) for symbol, holding in wanted.items()))


def _closed(symbol: str, holding: Holding, stamp: Stamp) -> Intent:
    decision = stamp.decision(symbol)
    return Intent(
        client_id=str(ClientOrderId(STRATEGY, intent_id(decision, "close by hand"))),
        symbol=symbol,
        side=Side.SELL if holding.quantity > 0 else Side.BUY,
        type=OrderType.MARKET,
        quantity=abs(holding.quantity),
        decision_id=decision,
        policy_version=stamp.policy_version,
        epoch=stamp.epoch,
        reduce_only=True,
    )
