"""The gate: symbol by symbol, what is known of prices and leverage keeps entries out, twice, and never an exit."""

from decimal import Decimal

import pytest

from qt_ray.core.orders import Rejected
from qt_ray.execution.gateway.effects import Declined
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.venue.calls import Amend, Cancel, Place
from qt_ray.execution.venue.news import StreamUp
from tests.unit.execution.gateway.stories import OPEN, RULES, Story, entry, exit_, name, news, resting, stop

pytestmark = pytest.mark.unit

OLD = "no entry on an old price"


class Gated(Story):
    """A gateway whose gate a test shuts for some symbols."""

    def __init__(self) -> None:
        super().__init__()
        self.shut: set[str] = set()
        self.gateway = Gateway(RULES, gate=lambda symbol, at_ms: OLD if symbol in self.shut else None)
        self.take(self.gateway.fenced(OPEN, 0))
        self.take(self.gateway.heard(StreamUp(0), 0))

    def reasons(self) -> list[str]:
        return [effect.reason for effect in self.effects if isinstance(effect, Declined)]


def test_an_entry_is_declined_in_a_shut_symbol_and_passes_in_another() -> None:
    story = Gated()
    story.shut = {"BTCUSDT"}
    story.take(story.gateway.want(entry(), 1))
    assert story.reasons() == [OLD]
    story.take(story.gateway.want(entry(1, symbol="ETHUSDT"), 1))
    assert len(story.sent(Place)) == 1


@pytest.mark.parametrize("intent", [exit_(), stop()])
def test_what_lessens_risk_passes_every_gate(intent: object) -> None:
    story = Gated()
    story.shut = {"BTCUSDT"}
    story.take(story.gateway.want(intent, 1))  # type: ignore[arg-type]
    assert len(story.sent(Place)) == 1


def test_an_entry_whose_symbol_is_shut_while_it_waits_never_leaves() -> None:
    story = Gated()
    for number in range(RULES.limits.orders_per_second_max + 1):
        story.take(story.gateway.want(entry(number, quantity=Decimal(number + 1)), 1))
    story.shut = {"BTCUSDT"}
    story.take(story.gateway.ticked(1_500))
    assert story.sent(Place) == []
    order = story.gateway.book.orders[name(RULES.limits.orders_per_second_max)].order
    assert isinstance(order, Rejected)
    assert order.reason == OLD


def test_a_resting_entry_is_not_amended_in_a_shut_symbol() -> None:
    story = Gated()
    story.take(story.gateway.want(resting(), 1))
    story.take(story.gateway.heard(news(resting(), "NEW"), 2))
    story.shut = {"BTCUSDT"}
    story.take(story.gateway.amend(resting(limit_price=resting().limit_price - 1), 3))  # type: ignore[operator]
    assert story.sent(Amend) == []
    assert story.reasons() == [OLD]


def test_all_that_may_open_in_a_symbol_is_cancelled_and_nothing_else() -> None:
    story = Gated()
    wanted = resting(0), resting(1, symbol="ETHUSDT"), stop(2)
    story.take(story.gateway.want_all(wanted, 1))
    for intent in wanted[:2]:
        story.take(story.gateway.heard(news(intent, "NEW"), 2))
    story.take(story.gateway.cancel_entries("old prices", 3, "BTCUSDT"))
    assert [call.client_id for _, call in story.sent(Cancel)] == [name(0)]
    story.take(story.gateway.cancel_entries("old prices", 4))
    assert [call.client_id for _, call in story.sent(Cancel)] == [name(1)]
