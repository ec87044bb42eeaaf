"""Wishes: an intent of ours as the order that the exchange is asked for.

As over the wire: stops watch the mark price, which one trade cannot move, and entries give way to our own resting
orders, so that the fund never trades with itself.
"""

from qt_ray.core.orders import Intent, PositionSide
from qt_ray.execution.exchange.triggers import STOPS
from qt_ray.execution.exchange.values import NewAlgo, NewOrder, SelfTrade, TimeInForce, Working


def plain(intent: Intent) -> NewOrder:
    """Return the plain order that an intent asks for."""
    return NewOrder(
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        quantity=intent.quantity,
        price=intent.limit_price,
        time_in_force=TimeInForce(intent.time_in_force.value),
        client_id=intent.client_id,
        reduce_only=_only_reduces(intent),
        position_side=intent.position_side,
        self_trade=_gives_way(intent),
    )


def conditional(intent: Intent) -> NewAlgo:
    """Return the conditional order that an intent asks for."""
    return NewAlgo(
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        quantity=intent.quantity,
        trigger_price=intent.trigger_price,
        price=intent.limit_price,
        time_in_force=TimeInForce(intent.time_in_force.value),
        client_id=intent.client_id,
        reduce_only=_only_reduces(intent),
        position_side=intent.position_side,
        working=Working.MARK_PRICE if intent.type in STOPS else Working.CONTRACT_PRICE,
        self_trade=_gives_way(intent),
    )


def _only_reduces(intent: Intent) -> bool:
    """Return whether an order bears the flag: hedged, the side of the position says what closes."""
    return intent.reduce_only and intent.position_side is PositionSide.BOTH


def _gives_way(intent: Intent) -> SelfTrade:
    return SelfTrade.NONE if intent.reduce_only else SelfTrade.EXPIRE_TAKER
