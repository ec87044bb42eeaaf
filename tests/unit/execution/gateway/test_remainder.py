from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import Intent, Rejected, TimeInForce, progress_of
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import AskTrades, Cancel, Done, Place
from tests.unit.execution.gateway.stories import RULES, Story, entry, ioc, name, news, resting, trade, view

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S4 PartialFills")]


def expires(story: Story, intent: Intent, executed: int, at_ms: int, trade_id: int = 1) -> None:
    """Let the venue take a part of an order, and end it."""
    number = str(trade_id)
    if executed:
        part = trade(trade_id, executed)
        story.hear(news(intent, "PARTIALLY_FILLED", executed, part, venue_id=number), at_ms)
    story.hear(news(intent, "EXPIRED", executed, venue_id=number), at_ms)


@pytest.mark.requirement("Sprint5-9")
@pytest.mark.sprint5
@pytest.mark.parametrize(("executed", "rest"), [(0, 10), (4, 6), (8, 2), (9, None)])
def test_what_is_left_of_less_than_nine_tenths_is_tried_again(executed: int, rest: int | None) -> None:
    story = Story()
    story.want(ioc())
    expires(story, ioc(), executed, 100)
    story.tick(100 + RULES.retry_ms[0])
    placed = [call.intent for _, call in story.sent(Place)]
    assert placed == ([ioc(client_id=name(0, 1), quantity=Decimal(rest))] if rest else [])


@pytest.mark.requirement("Sprint5-9")
@pytest.mark.sprint5
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_sum_of_all_tries_never_exceeds_the_wish_and_there_are_four_at_most(parts: list[int]) -> None:
    story, at_ms = Story(), 0
    story.take(story.gateway.want(ioc(), 0))
    for trade_id, part in enumerate(parts, 1):
        tracked = list(story.gateway.book.orders.values())[-1]
        if tracked.is_open:
            expires(story, tracked.intent, min(part, int(tracked.intent.quantity)), at_ms, trade_id)
        at_ms += 3_000
        story.tick(at_ms)
    orders = [tracked.order for tracked in story.gateway.book.orders.values()]
    assert sum(progress.executed for order in orders if (progress := progress_of(order))) <= 10
    assert len(orders) <= 4


@pytest.mark.parametrize("intent", [resting(time_in_force=t) for t in (TimeInForce.FOK, TimeInForce.GTX)])
def test_all_or_nothing_and_a_maker_are_not_tried_again(intent: Intent) -> None:
    story = Story()
    story.want(intent)
    expires(story, intent, 0, 100)
    story.sleep(10_000)
    assert len(story.all_sent(Place)) == 1


def test_what_somebody_cancelled_is_left_alone() -> None:
    story = Story()
    story.rest(resting())
    story.hear(news(resting(), "CANCELED", 2), 100)
    story.sleep(10_000)
    assert len(story.all_sent(Place)) == 1


def test_the_rest_waits_until_every_trade_is_known() -> None:
    story = Story()
    story.want(ioc())
    story.hear(news(ioc(), "EXPIRED", 4), 100)
    story.tick(100 + RULES.retry_ms[0])
    assert len(story.all_sent(Place)) == 1
    [call_id] = [e.call_id for e in story.effects if getattr(e, "call", None).__class__ is AskTrades]
    story.answer(call_id, Done(()), 900)
    story.hear(news(ioc(), "PARTIALLY_FILLED", 4, trade(1, 4)), 1_000)
    story.tick(1_000 + RULES.retry_ms[0])
    assert [call.intent.quantity for _, call in story.sent(Place)] == [6]


@pytest.mark.requirement("Sprint5-9")
@pytest.mark.sprint5
def test_a_fence_that_closed_meanwhile_stops_the_rest() -> None:
    story = Story()
    story.want(ioc())
    expires(story, ioc(), 4, 100)
    story.take(story.gateway.fenced(Fence(8, 10**9), 200))
    story.tick(100 + RULES.retry_ms[0])
    assert story.reasons == ["an entry is of the epoch in force, 8, was 7"]


def test_too_little_is_not_worth_an_order() -> None:
    story = Story(Rules(residual_min={"BTCUSDT": Decimal(7)}))
    story.want(ioc())
    expires(story, ioc(), 4, 100)
    story.sleep(10_000)
    assert len(story.all_sent(Place)) == 1


def test_a_refused_order_is_not_tried_again() -> None:
    story = Story()
    story.answer(story.want(entry()), Done(view(entry(), "REJECTED")), 10)
    assert isinstance(story.order(), Rejected)
    story.sleep(10_000)
    assert len(story.all_sent(Place)) == 1


def test_a_fill_that_the_venue_owned_up_to_late_ends_the_order_for_the_rest() -> None:
    story = Story()
    story.want(ioc())
    expires(story, ioc(), 0, 100)
    story.tick(100 + RULES.retry_ms[0])
    story.hear(news(ioc(), "PARTIALLY_FILLED", 1, trade(5, 1), venue_id="1"), 700)
    assert [call.client_id for _, call in story.sent(Cancel)] == [name(0, 1)]
