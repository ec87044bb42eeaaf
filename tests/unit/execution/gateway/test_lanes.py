from dataclasses import replace

import pytest

from qt_ray.core.effects import Lane
from qt_ray.execution.gateway.effects import Answered, Send
from qt_ray.execution.gateway.lanes import Lanes, Waiting
from qt_ray.execution.gateway.rules import Allowance, Rules
from qt_ray.execution.venue.calls import AskMarks, AskOpenOrders, AskOrder, AskPositions, Cancel, Done, Place, Unsure
from qt_ray.execution.venue.views import UsageView
from tests.unit.execution.gateway.stories import Story, entry, exit_, stop

pytestmark = pytest.mark.unit


def waiting(lane: Lane, symbol: str = "A") -> Waiting:
    return Waiting(Cancel(symbol, "x") if lane is not Lane.QUERY else AskOrder(symbol, "x"), lane, 0)


@pytest.mark.requirement("S4 RateLimit")
def test_the_more_urgent_leaves_first_and_in_a_lane_nothing_overtakes() -> None:
    lanes = Lanes(20)
    for lane in reversed(Lane):
        lanes.put(waiting(lane, "first"))
        lanes.put(waiting(lane, "second"))
    assert list(lanes) == [waiting(lane, symbol) for lane in Lane for symbol in ("first", "second")]


def test_queries_are_shed_the_youngest_first_and_orders_never() -> None:
    lanes = Lanes(2)
    assert lanes.put(waiting(Lane.QUERY, "old")) == []
    assert lanes.put(waiting(Lane.QUERY, "young")) == []
    assert lanes.put(waiting(Lane.CANCEL)) == [waiting(Lane.QUERY, "young")]
    assert lanes.put(waiting(Lane.ENTRY)) == [waiting(Lane.QUERY, "old")]
    assert lanes.put(waiting(Lane.EXIT)) == []
    assert len(lanes) == 3


def test_a_query_waits_once_for_each_who_asked_however_often_he_did() -> None:
    lanes = Lanes(10)
    for _ in range(40):
        lanes.put(waiting(Lane.QUERY))
        lanes.put(replace(waiting(Lane.QUERY), tag="books"))
    assert len(lanes) == 2


def test_a_stop_leaves_before_an_exit_before_an_entry() -> None:
    story = Story()
    story.take(story.gateway.want_all((entry(0), exit_(1), stop(2)), 0))
    sent = [effect for effect in story.fresh if isinstance(effect, Send)]
    assert [send.lane for send in sent] == [Lane.STOP, Lane.EXIT, Lane.ENTRY]


def test_calls_in_flight_are_bounded_and_leave_room_for_what_lessens_risk() -> None:
    story = Story()
    for number in range(30):
        story.take(story.gateway.ask(AskMarks(), Lane.QUERY, f"q{number}", 0))
    assert len(story.all_sent(AskMarks)) == Rules().in_flight_max - 4
    for number in range(30):
        story.take(story.gateway.want(exit_(number), 0))
    assert len(story.all_sent(Place)) == 4


def test_whoever_asked_is_told_that_his_query_was_shed() -> None:
    story = Story(Rules(waiting_max=12))
    for number in range(30):
        story.take(story.gateway.ask(AskPositions(), Lane.QUERY, f"q{number}", 0))
    assert story.fresh == [Answered("q29", AskPositions(), None)]


def test_a_look_that_waits_for_weight_holds_no_question_after_an_order_up() -> None:
    story = Story(Rules(allowance=Allowance(weight_minute=200, queries_bps=4_000)))
    call_id = story.want(entry(0))
    for number in range(3):
        story.take(story.gateway.ask(AskOpenOrders(), Lane.QUERY, f"books{number}", 0))
    assert len(story.all_sent(AskOpenOrders)) == 1
    story.answer(call_id, Unsure("cut"), 0)
    story.tick(200)
    assert len(story.all_sent(AskOrder)) == 1
    assert len(story.all_sent(AskOpenOrders)) == 1


def test_an_order_in_doubt_is_asked_after_although_entries_have_no_weight_left() -> None:
    story = Story()
    call_id = story.want(entry(0))
    story.take(story.gateway.metered(UsageView(1_400, None, None, 0), 0))
    story.take(story.gateway.want(entry(1), 0))
    story.answer(call_id, Unsure("cut"), 0)
    story.tick(200)
    assert len(story.all_sent(AskOrder)) == 1
    assert len(story.all_sent(Place)) == 1


def test_an_answer_frees_the_weight_that_was_counted_twice() -> None:
    story = Story(Rules(allowance=Allowance(weight_minute=200, queries_bps=4_000)))
    story.take(story.gateway.ask(AskOpenOrders(), Lane.QUERY, "books", 0))
    call_id, _ = story.sent(AskOpenOrders)[0]
    story.take(story.gateway.metered(UsageView(40, None, None, 0), 10))
    story.answer(call_id, Done(()), 10)
    story.take(story.gateway.ask(AskPositions(), Lane.QUERY, "books", 20))
    assert len(story.all_sent(AskPositions)) == 1
