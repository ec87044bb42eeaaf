"""Order requests: what is wanted, in the parameters of the venue, every number in its one exact spelling.

Entries give way to our own resting orders (EXPIRE_TAKER); stops watch the mark price, which one trade cannot move. An
intent this venue could only take changed is refused here, before a byte has left.
"""

from collections.abc import Sequence

import orjson

from qt_ray.adapters.binance.signing import Pairs
from qt_ray.core.codec import decimal_text
from qt_ray.core.errors import Invalid
from qt_ray.core.ids import VENUE_ID
from qt_ray.core.orders import Intent, OrderType, PositionSide
from qt_ray.execution.venue.calls import BATCH_MAX

STOPS = frozenset({OrderType.STOP, OrderType.STOP_MARKET})


def order_parameters(intent: Intent) -> Pairs:
    """Return the parameters of one order, plain or conditional."""
    if not VENUE_ID.fullmatch(intent.client_id):
        raise Invalid(f"client_id: 1 to 36 of the venue's letters, was {intent.client_id!r:.60}")
    return _conditional(intent) if intent.type.is_conditional else _plain(intent)


def batch_parameters(intents: Sequence[Intent]) -> Pairs:
    """Return the parameters of a batch of plain orders."""
    if not 1 <= len(intents) <= BATCH_MAX:
        raise Invalid(f"a batch has 1 to {BATCH_MAX} orders, had {len(intents)}")
    conditional = [intent.client_id for intent in intents if intent.type.is_conditional]
    if conditional:
        raise Invalid(f"a batch has plain orders only, had {conditional[0]}")
    return (("batchOrders", _json([dict(order_parameters(intent)) for intent in intents])),)


def names(client_ids: Sequence[str]) -> str:
    """Return a list of client order ids as the venue wants it."""
    if not 1 <= len(client_ids) <= 2 * BATCH_MAX:
        raise Invalid(f"a batch cancels 1 to {2 * BATCH_MAX} orders, had {len(client_ids)}")
    return _json(list(client_ids))


def _plain(intent: Intent) -> Pairs:
    pairs = [*_shared(intent), ("newClientOrderId", intent.client_id), ("newOrderRespType", "RESULT")]
    return (*pairs, *_limit(intent), *_self_trade(intent))


def _conditional(intent: Intent) -> Pairs:
    if intent.trigger_price is None:
        raise Invalid(f"trigger_price: a {intent.type} needs a callback rate instead, which an intent cannot say")
    pairs = [("algoType", "CONDITIONAL"), *_shared(intent), ("clientAlgoId", intent.client_id)]
    pairs.append(("triggerPrice", decimal_text(intent.trigger_price)))
    pairs.append(("workingType", "MARK_PRICE" if intent.type in STOPS else "CONTRACT_PRICE"))
    return (*pairs, *_limit(intent), *_self_trade(intent))


def _shared(intent: Intent) -> Pairs:
    shared = (
        ("symbol", intent.symbol),
        ("side", intent.side.value),
        ("type", intent.type.value),
        ("quantity", decimal_text(intent.quantity)),
    )
    if intent.position_side is not PositionSide.BOTH:
        # In hedge mode the side of the position says what closes, and the venue refuses to hear it twice.
        return (*shared, ("positionSide", intent.position_side.value))
    return (*shared, ("reduceOnly", "true")) if intent.reduce_only else shared


def _limit(intent: Intent) -> Pairs:
    if intent.limit_price is None:
        return ()
    return (("price", decimal_text(intent.limit_price)), ("timeInForce", intent.time_in_force.value))


def _self_trade(intent: Intent) -> Pairs:
    return () if intent.reduce_only else (("selfTradePreventionMode", "EXPIRE_TAKER"),)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
