"""What may go wrong between an intent and its truth, one story each."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qt_ray.core.effects import Alert, Lane
from qt_ray.core.events import order_event
from qt_ray.core.orders import (
    Cancelled,
    Filled,
    OrderType,
    PartiallyFilled,
    Planned,
    Rejected,
    Side,
    Status,
    Submitted,
    Unknown,
    Working,
    progress_of,
)
from qt_ray.execution.gateway.book import book_of, replay
from qt_ray.execution.gateway.door import Family
from qt_ray.execution.gateway.effects import Answered, Declined, Send, Tell, Write
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.records import Sent, Wanted
from qt_ray.execution.gateway.truth import STRANGERS_MAX
from qt_ray.execution.venue.calls import (
    Amend,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    AskTrades,
    Call,
    Cancel,
    CancelAll,
    CancelById,
    CancelMany,
    Done,
    Place,
    PlaceMany,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.news import StreamDown, StreamUp
from qt_ray.execution.venue.views import UsageView
from tests.unit.execution.gateway.stories import (
    OPEN,
    RULES,
    Story,
    algo_news,
    entry,
    exit_,
    ioc,
    name,
    news,
    resting,
    stop,
    trade,
    trade_view,
    view,
)

pytestmark = pytest.mark.unit

NONE = Refused(-2013, "Order does not exist.")


def test_an_intent_and_its_sending_are_written_before_the_bytes_leave() -> None:
    story = Story()
    effects = story.take(story.gateway.want(entry(), 5))
    kinds = [type(e.record) if isinstance(e, Write) else type(e) for e in effects if not isinstance(e, Tell)]
    assert kinds == [Wanted, Sent, Send]
    assert isinstance(story.order(), Submitted)


@pytest.mark.requirement("L6")
def test_the_same_intent_again_changes_nothing() -> None:
    story = Story()
    story.want(entry())
    assert story.take(story.gateway.want(entry(), 1)) == []


def test_hearing_the_same_twice_leaves_no_trace() -> None:
    story = Story()
    story.rest(resting())
    fill = news(resting(), "PARTIALLY_FILLED", 4, trade(1, 4))
    assert any(isinstance(e, Write) for e in story.hear(fill, 10))
    assert story.hear(fill, 20) == []


@pytest.mark.requirement("L6")
def test_an_answer_that_is_lost_is_asked_for_and_never_sent_again() -> None:
    story = Story()
    call_id = story.want(entry())
    story.answer(call_id, Unsure("time-out"), 100)
    assert isinstance(story.order(), Unknown)
    story.tick(300)
    [(ask_id, asked)] = story.sent(AskOrder)
    assert asked == AskOrder("BTCUSDT", name())
    story.answer(ask_id, Done(view(entry(), "FILLED", 10)), 350)
    assert isinstance(story.order(), Filled)
    assert len(story.all_sent(Place)) == 1


def test_no_word_at_all_is_unsure_after_a_while() -> None:
    story = Story()
    story.want(entry())
    story.tick(RULES.answer_ms)
    assert isinstance(story.order(), Unknown)


def test_news_settles_a_doubt_before_anybody_has_asked() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    story.hear(news(entry(), "FILLED", 10, trade(1, 10)), 120)
    assert story.order().kind is Status.FILLED
    assert story.gateway.is_settled


def test_not_found_means_nothing_while_the_request_may_still_arrive() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    for at_ms in range(100, RULES.deadline_ms, 50):
        story.tick(at_ms)
        for ask_id, _ in story.sent(AskOrder):
            story.answer(ask_id, NONE, at_ms)
    assert isinstance(story.order(), Unknown)
    assert len(story.all_sent(AskOrder)) == 4
    assert story.all_sent(AskTrades) == []


def lost_for_good(story: Story) -> None:
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    at_ms = RULES.deadline_ms
    story.tick(at_ms)
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, NONE, at_ms + 10)
    [(open_id, _)], [(trades_id, _)] = story.sent(AskOpenOrders), story.sent(AskTrades)
    story.answer(open_id, Done(()), at_ms + 20)
    assert isinstance(story.order(), Unknown)
    story.answer(trades_id, Done(()), at_ms + 30)


def test_absence_is_believed_after_the_window_with_open_orders_and_trades_as_proof() -> None:
    story = Story()
    lost_for_good(story)
    assert isinstance(story.order(), Rejected)


def test_a_list_that_could_not_be_read_whole_proves_nothing() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    story.tick(RULES.deadline_ms)
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, NONE, 2_300)
    for call_id, _ in story.sent(AskOpenOrders) + story.sent(AskTrades):
        story.answer(call_id, Done((), unread=("price: a number",)), 2_310)
    assert isinstance(story.order(), Unknown)


def test_a_trade_of_a_stranger_that_may_be_the_lost_order_keeps_the_doubt() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    story.tick(RULES.deadline_ms)
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, NONE, 2_300)
    [(open_id, _)], [(trades_id, _)] = story.sent(AskOpenOrders), story.sent(AskTrades)
    story.answer(open_id, Done(()), 2_310)
    story.answer(trades_id, Done((trade_view(entry(), trade(9, 3), "99"),)), 2_310)
    assert isinstance(story.order(), Unknown)


def denied(story: Story, at_ms: int) -> None:
    """Let the venue deny the order, and show a trade that might be its own."""
    story.fresh = []
    story.tick(at_ms)
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, NONE, at_ms + 10)
    [(trades_id, _)] = story.sent(AskTrades)
    for open_id, _ in story.sent(AskOpenOrders):  # what has shown that the order is not open is asked for once
        story.answer(open_id, Done(()), at_ms + 20)
    story.answer(trades_id, Done((trade_view(entry(), trade(9, 3), "99"),)), at_ms + 20)


def test_a_venue_that_goes_on_denying_an_order_is_believed_whatever_a_stranger_trades() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    denied(story, RULES.deadline_ms)
    assert isinstance(story.order(), Unknown)
    denied(story, RULES.deadline_ms + RULES.stranger_ms)
    assert isinstance(story.order(), Rejected)


def test_a_trade_of_an_order_known_to_be_of_somebody_else_keeps_nothing_in_doubt() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    story.hear(news(entry(client_id="web_1"), "FILLED", 3, trade(9, 3), venue_id="99"), 200)
    denied(story, RULES.deadline_ms)
    assert isinstance(story.order(), Rejected)


def test_an_entry_that_comes_after_it_was_given_up_is_adopted_and_cancelled() -> None:
    story = Story()
    lost_for_good(story)
    story.hear(news(entry(), "NEW"), 9_000)
    assert isinstance(story.order(), Working)
    assert [call for _, call in story.sent(Cancel)] == [Cancel("BTCUSDT", name())]
    assert any(isinstance(effect, Alert) for effect in story.fresh)


def test_an_order_that_was_given_up_is_looked_for_again() -> None:
    story = Story()
    lost_for_good(story)
    story.fresh = []
    story.tick(RULES.deadline_ms + 30 + RULES.watch_ms[0])
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, Done(view(entry(), "FILLED", 10)), 9_000)
    assert isinstance(story.order(), Filled)


def test_a_symbol_in_doubt_takes_no_entries_but_every_exit() -> None:
    story = Story()
    story.answer(story.want(entry()), Unsure("time-out"), 100)
    story.take(story.gateway.want(entry(1, quantity=Decimal(2)), 150))
    assert story.reasons == ["no entry while an order of BTCUSDT is in doubt"]
    story.want(exit_(2), 150)
    story.want(entry(3, symbol="ETHUSDT"), 150)


def test_a_taken_name_says_that_an_earlier_copy_may_live() -> None:
    story = Story()
    story.answer(story.want(entry()), Refused(-4116, "ClientOrderId is duplicated."), 100)
    assert isinstance(story.order(), Unknown)


def test_a_definite_no_ends_an_order() -> None:
    story = Story()
    story.answer(story.want(entry()), Refused(-2019, "Margin is insufficient."), 100)
    order = story.order()
    assert isinstance(order, Rejected)
    assert order.reason == "-2019 Margin is insufficient."


def test_a_throttled_order_was_not_looked_at_and_goes_again_under_its_name() -> None:
    story = Story()
    story.answer(story.want(exit_()), Throttled(-1003, 700), 100)
    assert story.gateway.next_ms == 800
    story.tick(800)
    assert [call for _, call in story.sent(Place)] == [Place(exit_())]


def test_a_fill_whose_event_was_lost_is_fetched_by_its_number() -> None:
    story = Story()
    story.rest(resting())
    story.hear(news(resting(), "PARTIALLY_FILLED", 7, trade(2, 3)), 1_000)
    assert story.tracked().missing == 4
    story.tick(1_000 + RULES.repair_ms)
    [(call_id, _)] = story.sent(AskTrades)
    both = tuple(trade_view(resting(), trade(number, size)) for number, size in ((1, 4), (2, 3)))
    story.answer(call_id, Done(both), 1_300)
    progress = progress_of(story.order())
    assert progress is not None
    assert [(e.trade_id, e.quantity) for e in progress.executions] == [(1, 4), (2, 3)]
    assert story.tracked().missing == 0


def test_a_full_page_of_trades_is_followed_by_the_next() -> None:
    story = Story()
    story.rest(resting())
    story.hear(news(resting(), "FILLED", 10), 1_000)
    story.tick(1_000 + RULES.repair_ms)
    [(call_id, asked)] = story.sent(AskTrades)
    page = tuple(trade_view(resting(), trade(n, 1), "other") for n in range(1, asked.limit + 1))
    story.answer(call_id, Done(page), 1_300)
    assert [call for _, call in story.sent(AskTrades)] == [AskTrades("BTCUSDT", from_id=asked.limit + 1)]


def test_an_order_that_is_open_to_us_and_not_to_the_venue_is_asked_for_by_name() -> None:
    story = Story()
    story.rest(resting())
    story.sleep(RULES.check_ms + 1)
    asked = [e for e in story.effects if isinstance(e, Send) and isinstance(e.call, AskOpenOrders)]
    story.answer(asked[-1].call_id, Done(()), RULES.check_ms + 50)
    assert [call for _, call in story.sent(AskOrder)] == [AskOrder("BTCUSDT", name())]


def test_a_stream_that_is_back_is_not_believed_to_have_said_all() -> None:
    story = Story()
    story.rest(resting())
    story.hear(StreamDown(100, "closed"), 100)
    story.hear(StreamUp(200), 200)
    story.tick(201)
    assert AskOpenOrders("BTCUSDT") in story.all_sent(AskOpenOrders)


def test_a_cancel_is_insisted_on_until_the_order_has_ended() -> None:
    story = Story()
    story.rest(resting())
    story.take(story.gateway.cancel(name(), "stale", 10))
    [(call_id, _)] = story.sent(Cancel)
    story.answer(call_id, Unsure("time-out"), 20)
    assert story.sent(AskOrder)
    story.tick(10 + RULES.ladder_ms[0])
    [(again, _)] = story.sent(Cancel)
    story.answer(again, Done(view(resting(), "CANCELED")), 300)
    assert isinstance(story.order(), Cancelled)
    story.sleep(20_000)
    assert len(story.all_sent(Cancel)) == 2


def test_a_cancel_overtaken_by_the_fill_finds_the_fill() -> None:
    story = Story()
    story.rest(resting())
    story.take(story.gateway.cancel(name(), "stale", 10))
    [(call_id, _)] = story.sent(Cancel)
    story.answer(call_id, Refused(-2011, "Unknown order sent."), 20)
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, Done(view(resting(), "FILLED", 10)), 30)
    assert isinstance(story.order(), Filled)
    assert story.tracked().missing == 10


def test_what_never_left_is_withdrawn_without_a_word() -> None:
    story = Story(fence=OPEN)
    for number in range(RULES.limits.orders_per_second_max):
        story.want(entry(number, quantity=Decimal(number + 1)))
    story.take(story.gateway.want(entry(9), 0))
    assert isinstance(story.order(9), Planned)
    story.take(story.gateway.cancel(name(9), "not wanted", 1))
    assert isinstance(story.order(9), Rejected)
    assert story.sent(Cancel) == []


def busy(story: Story, already: int = 0) -> None:
    """Let as many orders leave as may in a second, so that the next entries wait."""
    for number in range(20 + already, 20 + RULES.limits.orders_per_second_max):
        story.want(entry(number, quantity=Decimal(number), symbol="SOLUSDT"))


def test_of_a_batch_that_waited_only_what_is_still_wanted_leaves() -> None:
    story = Story()
    busy(story)
    story.take(story.gateway.want_all(tuple(entry(n, quantity=Decimal(n + 1)) for n in range(3)), 0))
    story.take(story.gateway.cancel(name(1), "not wanted", 10))
    story.tick(1_000)
    assert [call for _, call in story.sent(PlaceMany)] == [
        PlaceMany((entry(0, quantity=Decimal(1)), entry(2, quantity=Decimal(3))))
    ]


def test_an_amend_that_waited_meets_what_has_happened_since() -> None:
    story = Story()
    story.rest(resting())
    busy(story, already=1)
    story.take(story.gateway.amend(resting(limit_price=Decimal(101)), 10))
    assert story.sent(Amend) == []
    story.hear(news(resting(), "FILLED", 10, trade(1, 10)), 20)
    assert story.reasons == ["an order is sent while nothing is known of it, and amended while it is open, was filled"]


def test_a_parent_that_was_used_up_while_its_child_waited_stops_the_child() -> None:
    story = Story()
    busy(story)
    story.take(story.gateway.want(entry(1, quantity=Decimal(4)), 0, Family("p", Decimal(4))))
    story.gateway.book.parents["p"].quantity = Decimal(3)
    story.tick(1_000)
    order = story.order(1)
    assert isinstance(order, Rejected)
    assert order.reason == "orders of one parent never exceed its 3"


def test_the_venues_count_holds_back_what_may_wait() -> None:
    story = Story()
    story.take(story.gateway.metered(UsageView(2_000, None, None, 0), 0))
    story.take(story.gateway.ask(AskPositions(), Lane.QUERY, "books", 10))
    assert story.sent(AskPositions) == []
    story.sleep(60_000)
    assert story.all_sent(AskPositions) == [AskPositions()]


def test_what_was_wanted_once_is_not_wanted_again_even_when_it_is_long_forgotten() -> None:
    story = Story(replace(RULES, ended_max=1))
    for number in range(4):
        story.answer(story.want(entry(number, quantity=Decimal(number + 1)), number), Refused(-2019, "no"), number)
    assert name(0) not in story.gateway.book.orders
    story.take(story.gateway.want(entry(0, quantity=Decimal(1)), 9_000))
    assert story.reasons == ["what was wanted once is not wanted again"]


def test_an_amend_is_the_venues_word_and_not_ours() -> None:
    story = Story()
    story.rest(resting())
    wanted = replace(resting(), quantity=Decimal(8), limit_price=Decimal(101))
    story.take(story.gateway.amend(wanted, 10))
    [(call_id, call)] = story.sent(Amend)
    assert call.price == 101
    assert story.tracked().intent == resting()
    story.answer(call_id, Unsure("time-out"), 20)
    [(ask_id, _)] = story.sent(AskOrder)
    story.answer(ask_id, Done(view(wanted, updated_ms=15)), 30)
    assert story.tracked().intent == wanted
    story.hear(news(resting(), "NEW", time_ms=5), 40)
    assert story.tracked().intent == wanted


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": Decimal(11)}, "orders of one parent never exceed its 10"),
        ({"symbol": "ETHUSDT"}, "an amend changes quantity and price of a limit order and nothing else"),
        ({"reduce_only": True}, "an amend changes quantity and price of a limit order and nothing else"),
        ({"epoch": 6}, "an entry is of the epoch in force, 7, was 6"),
        ({"client_id": name(5)}, "only an order that rests and is wanted is amended"),
    ],
)
def test_an_amend_passes_the_same_door(change: dict[str, object], reason: str) -> None:
    story = Story()
    story.rest(resting())
    story.take(story.gateway.amend(resting(**change), 10))
    assert story.reasons == [reason]


def test_a_triggered_stop_and_the_order_it_became_are_one_order() -> None:
    story = Story()
    call_id = story.want(stop())
    story.answer(call_id, Done(view(stop())), 5)
    story.hear(algo_news(stop(), "TRIGGERED", "88"), 10)
    story.hear(news(stop(), "PARTIALLY_FILLED", 4, trade(1, 4), venue_id="88"), 11)
    story.hear(algo_news(stop(), "FINISHED", "88"), 12)
    assert isinstance(story.order(), PartiallyFilled)
    story.tick(12 + RULES.repair_ms)
    assert [call for _, call in story.sent(AskOrder)] == [AskOrder("BTCUSDT", name())]
    story.hear(news(stop(), "FILLED", 10, trade(2, 6), venue_id="88"), 300)
    assert isinstance(story.order(), Filled)


def test_a_reduce_only_order_that_the_venue_cut_to_the_position_is_whole_when_that_is_filled() -> None:
    story = Story()
    intent = exit_(type=OrderType.LIMIT, limit_price=Decimal(100))
    story.rest(intent)
    story.hear(news(intent, "NEW", quantity=Decimal(6), event="AMENDMENT", time_ms=9), 9)
    story.hear(news(intent, "FILLED", 6, trade(1, 6), quantity=Decimal(6), time_ms=10), 10)
    assert isinstance(story.order(), Filled)
    assert story.tracked().missing == 0


def test_the_elements_of_a_batch_are_answered_each_for_itself() -> None:
    story = Story()
    intents = (resting(0), resting(1, quantity=Decimal(2)))
    story.take(story.gateway.want_all(intents, 0))
    [(call_id, call)] = story.sent(PlaceMany)
    assert call.intents == intents
    story.answer(call_id, Done((Done(view(intents[0])), Refused(-2019, "Margin is insufficient."))), 10)
    assert isinstance(story.order(0), Working)
    assert isinstance(story.order(1), Rejected)


def test_a_batch_nobody_answered_puts_each_of_its_orders_in_doubt() -> None:
    story = Story()
    story.take(story.gateway.want_all((resting(0), resting(1, quantity=Decimal(2))), 0))
    [(call_id, _)] = story.sent(PlaceMany)
    story.answer(call_id, Unsure("time-out"), 10)
    story.tick(10 + RULES.ladder_ms[0])
    assert {call.client_id for _, call in story.sent(AskOrder)} == {name(0), name(1)}


def test_a_batch_answered_in_part_says_nothing_of_any_element() -> None:
    story = Story()
    story.take(story.gateway.want_all((resting(0), resting(1, quantity=Decimal(2))), 0))
    [(call_id, _)] = story.sent(PlaceMany)
    story.answer(call_id, Done((Done(view(resting(0))),)), 10)
    assert isinstance(story.order(0), Unknown)
    assert isinstance(story.order(1), Unknown)


def test_an_emergency_meets_the_entries_that_wait_and_lets_the_exits_go() -> None:
    story = Story()
    for number in range(RULES.limits.orders_per_second_max):
        story.want(entry(number, quantity=Decimal(number + 1)))
    story.take(story.gateway.want(entry(9), 0))
    story.take(story.gateway.fenced(Fence(epoch=8, lease_until_ms=10**9, emergency=True), 10))
    order = story.order(9)
    assert isinstance(order, Rejected)
    assert order.reason == "no entry in an emergency"
    assert len(story.all_sent(Place)) == RULES.limits.orders_per_second_max
    story.want(exit_(20), 20)


def test_looser_limits_let_go_at_once_what_waited_under_tighter_ones() -> None:
    story = Story(fence=OPEN)
    busy(story)
    story.take(story.gateway.want(entry(9), 0))
    assert isinstance(story.order(9), Planned)
    story.take(story.gateway.govern(replace(RULES.limits, orders_per_second_max=30), 1))
    assert isinstance(story.order(9), Submitted)


def test_tighter_limits_count_what_left_under_looser_ones() -> None:
    story = Story(fence=OPEN)
    story.want(entry(1, quantity=Decimal(1)))
    story.want(entry(2, quantity=Decimal(2)))
    story.take(story.gateway.govern(replace(RULES.limits, orders_per_second_max=2), 1))
    story.take(story.gateway.want(entry(3, quantity=Decimal(3)), 2))
    assert isinstance(story.order(3), Planned)
    story.tick(1_000)
    assert isinstance(story.order(3), Submitted)


@pytest.mark.parametrize("window_ms", [0, 5_000])
def test_the_window_for_doubles_is_the_one_in_force(window_ms: int) -> None:
    story = Story(fence=OPEN)
    story.want(entry(1))
    story.take(story.gateway.govern(replace(RULES.limits, duplicate_window_ms=window_ms), 1))
    story.take(story.gateway.want(entry(2), 1_000))
    assert (name(2) in story.gateway.book.orders) is (window_ms == 0)


def test_a_call_is_looked_at_once_more_before_its_bytes_leave() -> None:
    story = Story()
    entering, leaving = story.want(entry()), story.want(exit_(1))
    assert story.gateway.why_late(entering, OPEN.lease_until_ms - 1) is None
    assert "needs a living lease" in (story.gateway.why_late(entering, OPEN.lease_until_ms) or "")
    assert story.gateway.why_late(leaving, OPEN.lease_until_ms) is None
    assert story.gateway.why_late(99, OPEN.lease_until_ms) is None
    assert [story.gateway.opens(call_id) for call_id in (entering, leaving, 99)] == [True, False, False]


def test_an_entry_that_waited_too_long_is_not_sent() -> None:
    story = Story()
    story.answer(story.want(entry()), Throttled(-1003, 60_000), 10)
    story.sleep(60_000)
    order = story.order()
    assert isinstance(order, Rejected)
    assert "an entry waits at most 10000 ms" in order.reason
    assert len(story.all_sent(Place)) == 1


def test_a_banned_gateway_says_nothing_until_the_ban_is_over() -> None:
    story = Story()
    story.answer(story.want(exit_()), Throttled(-1003, 5_000, banned=True), 10)
    story.take(story.gateway.want(exit_(1), 100))
    story.sleep(5_009)
    assert len(story.all_sent(Place)) == 1
    story.sleep(5_010)
    assert len(story.all_sent(Place)) == 3


def test_a_call_of_somebody_else_comes_back_under_his_name() -> None:
    story = Story()
    story.rest(resting())
    story.take(story.gateway.ask(CancelAll("BTCUSDT"), Lane.KILL, "flatten", 10))
    [(call_id, call)] = story.sent(CancelAll)
    story.answer(call_id, Done(None), 20)
    assert Answered("flatten", call, Done(None)) in story.fresh
    assert story.sent(AskOrder)


@pytest.mark.parametrize(
    "call", [CancelMany("BTCUSDT", (name(),)), CancelById("BTCUSDT", "77"), CancelAll("BTCUSDT")], ids=repr
)
def test_whatever_a_cancel_of_somebody_else_was_about_is_read_anew(call: Call) -> None:
    story = Story()
    story.rest(resting())
    story.rest(resting(1, quantity=Decimal(2), symbol="ETHUSDT"))
    story.take(story.gateway.ask(call, Lane.CANCEL, "books", 10))
    story.answer(story.sent(type(call))[0][0], Unsure("time-out"), 20)
    assert [asked.client_id for _, asked in story.sent(AskOrder)] == [name()]


def test_an_amend_is_an_intent_or_nothing() -> None:
    story = Story()
    amend = Amend("BTCUSDT", name(), Side.BUY, Decimal(1), Decimal(1))
    assert [type(effect) for effect in story.take(story.gateway.ask(amend, Lane.ENTRY, "x", 0))] == [Alert]


def test_an_order_of_somebody_else_passes_the_same_door() -> None:
    story = Story(fence=Fence(8, 10**9, emergency=True))
    story.take(story.gateway.ask(Place(entry()), Lane.KILL, "flatten", 10))
    assert [type(effect) for effect in story.fresh] == [Declined, Answered]
    story.take(story.gateway.ask(Place(exit_(2)), Lane.QUERY, "flatten", 10))
    assert [effect.lane for effect in story.fresh if isinstance(effect, Send)] == [Lane.EXIT]
    story.take(story.gateway.ask(Place(exit_(1)), Lane.KILL, "flatten", 10))
    [send] = [effect for effect in story.fresh if isinstance(effect, Send)]
    assert send.lane is Lane.KILL


def test_an_order_with_our_name_that_is_not_in_the_journal_is_shown_to_a_person_once() -> None:
    story = Story()
    assert [type(effect) for effect in story.hear(news(entry(5), "NEW"), 10)] == [Alert]
    assert story.hear(news(entry(5), "NEW"), 20) == []
    assert story.hear(news(entry(client_id="web_abc"), "NEW"), 20) == []


def test_a_word_nobody_knows_is_shown_and_the_order_asked_for() -> None:
    story = Story()
    story.rest(resting())
    effects = story.hear(news(resting(), "PENDING_MOON"), 10)
    assert [type(effect) for effect in effects] == [Alert]
    story.tick(10 + RULES.ladder_ms[0])
    assert story.sent(AskOrder)


def restarted(story: Story, at_ms: int = 1_000) -> Story:
    """Return a story that goes on from the journal of another."""
    again = Story(book=replay(story.records))
    again.take(again.gateway.recovered(at_ms))
    return again


def test_after_a_restart_everything_open_is_asked_for_before_any_entry() -> None:
    story = Story()
    story.rest(resting())
    story.want(entry(1, symbol="ETHUSDT"))
    again = restarted(story)
    assert {call.client_id for _, call in again.sent(AskOrder)} == {name(0), name(1)}
    again_ids = again.sent(AskOrder)
    assert isinstance(again.order(1), Unknown)
    again.take(again.gateway.want(entry(2, symbol="SOLUSDT"), 1_001))
    assert again.reasons == ["no entry while an order of SOLUSDT is in doubt"]
    views = {name(0): view(resting()), name(1): view(entry(1, symbol="ETHUSDT"), "FILLED", 10, venue_id="78")}
    for call_id, call in again_ids:
        again.answer(call_id, Done(views[call.client_id]), 1_010)
    again.want(entry(2, symbol="SOLUSDT"), 1_020)
    assert all(call.intent.client_id == name(2) for call in again.all_sent(Place))


def test_after_a_restart_an_order_that_is_not_found_yet_keeps_only_its_own_symbol_shut() -> None:
    story = Story()
    story.want(entry(0, symbol="ETHUSDT"))
    again = restarted(story)
    assert again.gateway.is_starting
    ((call_id, _),) = again.sent(AskOrder)
    again.answer(call_id, Refused(-2013, "Order does not exist."), 1_010)
    assert not again.gateway.is_starting
    assert isinstance(again.order(0), Unknown)
    again.want(entry(1, symbol="SOLUSDT"), 1_020)
    again.take(again.gateway.want(entry(2, symbol="ETHUSDT"), 1_021))
    assert {call.intent.client_id for call in again.all_sent(Place)} == {name(1)}
    assert again.reasons == ["no entry while an order of ETHUSDT is in doubt"]


def test_after_a_restart_what_was_never_sent_goes_if_it_is_still_fresh() -> None:
    story = Story()
    for number in range(RULES.limits.orders_per_second_max):
        story.want(exit_(number, symbol="ETHUSDT"))
    story.take(story.gateway.want(entry(9), 0))
    young, old = restarted(story, 1_000), restarted(story, RULES.entry_age_max_ms + 1)
    for call_id, call in young.sent(AskOrder):
        young.answer(call_id, Done(view(exit_(int(call.client_id[9:29]), symbol="ETHUSDT"), "FILLED", 10)), 1_010)
    assert Place(entry(9)) in young.all_sent(Place)
    assert isinstance(old.order(9), Rejected)


def test_the_journal_is_the_state() -> None:
    story = Story()
    story.rest(resting())
    story.hear(news(resting(), "PARTIALLY_FILLED", 4, trade(1, 4)), 10)
    story.take(story.gateway.cancel(name(), "stale", 20))
    story.answer(story.want(ioc(1, symbol="ETHUSDT"), 30), Unsure("time-out"), 40)
    book = story.gateway.book
    assert replay(story.records).digest == book.digest
    assert book_of(book.snapshot()).digest == book.digest


def test_a_question_about_what_was_forgotten_is_dropped() -> None:
    story = Story(replace(RULES, ended_max=1))
    story.answer(story.want(entry()), Refused(-2019, "no"), 10)
    story.hear(news(entry(), "REJECTED", 3), 20)
    for number in range(1, 5):
        story.answer(story.want(entry(number, quantity=Decimal(number)), 20), Refused(-2019, "no"), 20)
    assert name(0) not in story.gateway.book.orders
    story.sleep(60_000)
    assert story.all_sent(AskOrder) == []
    assert story.gateway.is_settled


def test_orders_with_our_name_that_we_do_not_know_are_remembered_up_to_a_bound() -> None:
    story = Story()
    for number in range(STRANGERS_MAX + 1):
        story.hear(news(entry(number), "NEW"), number)
    assert [type(effect) for effect in story.hear(news(entry(0), "NEW"), 5_000)] == [Alert]


def test_what_is_told_is_one_event_whoever_asks_for_it() -> None:
    gateway = Gateway(RULES)
    gateway.fenced(OPEN, 0)
    told = [effect for effect in gateway.want(entry(), 1) if isinstance(effect, Tell)]
    assert [one.kind for one in told] == ["order.planned"]
    assert told[0].event == told[0].event == order_event(told[0].payload.order, "gateway")
