"""Hearing: the venue's views and news of an order of ours as news of its lifecycle, whatever door it came through.

A conditional order has two lives at the venue and a number in each; to us it is one order, named by our own name.
That its trigger "finished" says nothing of what was traded, so the plain order it became has the word.
"""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.orders import ZERO, Intent
from qt_ray.execution.gateway.records import Heard
from qt_ray.execution.lifecycle import News, Signal, algo_signal, venue_signal
from qt_ray.execution.venue.news import AlgoNews, OrderNews
from qt_ray.execution.venue.views import OrderView, TradeView

TRIGGERED = frozenset({"TRIGGERING", "TRIGGERED", "FINISHED"})


@dataclass(frozen=True, slots=True)
class Shape:
    """Quantity and price that the venue says an order has, as of a moment of its own clock."""

    quantity: Decimal
    limit_price: Decimal | None
    venue_ms: int


def of_order_news(intent: Intent, told: OrderNews, at_ms: int) -> Heard:
    """Return what news of a plain order, or of the one a trigger made, says."""
    name = _name(intent, told.venue_id)
    news = News(venue_signal(told.status), at_ms, name, told.executed, told.execution, told.reason)
    return Heard(intent.client_id, news, told.venue_id, told.realised)


def of_algo_news(intent: Intent, told: AlgoNews, at_ms: int) -> Heard:
    """Return what news of a conditional order says; a trigger only says that the order lives on."""
    return _conditional(intent, told.status, told.child_id, told.reason, at_ms)


def of_view(intent: Intent, view: OrderView, at_ms: int) -> Heard:
    """Return what a look at an order says."""
    if view.conditional:
        return _conditional(intent, view.status, view.child_id, view.reason, at_ms)
    news = News(venue_signal(view.status), at_ms, _name(intent, view.venue_id), view.executed, None, view.reason)
    return Heard(intent.client_id, news, view.venue_id)


def of_trade(intent: Intent, trade: TradeView, at_ms: int) -> Heard:
    """Return what one of our trades says of its order."""
    news = News(Signal.TRADED, at_ms, _name(intent, trade.order_id), ZERO, trade.execution)
    return Heard(intent.client_id, news, trade.order_id, trade.realised)


def shape_of(intent: Intent, told: OrderNews | OrderView) -> Shape | None:
    """Return how the venue holds a plain order, if that is not how we wanted it: amended, or cut to the position."""
    if told.quantity <= 0 or (isinstance(told, OrderView) and told.conditional):
        return None
    price = told.limit_price if intent.type.has_limit and told.limit_price is not None else intent.limit_price
    if (told.quantity, price) == (intent.quantity, intent.limit_price):
        return None
    return Shape(told.quantity, price, told.time_ms if isinstance(told, OrderNews) else told.updated_ms)


def _conditional(intent: Intent, status: str, child_id: str | None, reason: str, at_ms: int) -> Heard:
    signal = Signal.ACCEPTED if status in TRIGGERED else algo_signal(status, ZERO, intent.quantity)
    return Heard(intent.client_id, News(signal, at_ms, intent.client_id, reason=reason), child_id)


def _name(intent: Intent, venue_id: str) -> str:
    return intent.client_id if intent.type.is_conditional else venue_id
