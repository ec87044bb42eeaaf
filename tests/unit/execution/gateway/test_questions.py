import pytest

from qt_ray.core.orders import Rejected
from qt_ray.execution.gateway.doubt import Doubt
from qt_ray.execution.venue.calls import AskOpenOrders, AskOrder, AskTrades, Done, Place, Refused, Throttled, Unsure
from qt_ray.execution.venue.news import StreamUp
from tests.unit.execution.gateway.stories import RULES, Story, entry, name, news, trade, trade_view

pytestmark = pytest.mark.unit

NOT_THERE = Refused(-2013, "Order does not exist.")
WINDOW_MS = RULES.deadline_ms


def in_doubt() -> Story:
    """Return a gateway that has sent an order and got no answer."""
    story = Story()
    story.answer(story.want(entry()), Unsure("cut"), 0)
    return story


def given_up() -> Story:
    """Return a gateway that has proven that an order is none."""
    story = in_doubt()
    story.tick(WINDOW_MS)
    story.answer(story.sent(AskOrder)[-1][0], NOT_THERE, WINDOW_MS)
    proofs = [*story.sent(AskOpenOrders), *story.sent(AskTrades)]
    for call_id, _ in proofs:
        story.answer(call_id, Done(()), WINDOW_MS)
    assert isinstance(story.order(), Rejected)
    return story


def test_a_question_that_was_struck_is_put_again_with_growing_patience() -> None:
    story = in_doubt()
    at_ms, asked = WINDOW_MS + 6_000, []
    story.tick(at_ms)
    while len(asked) < 4:
        [(call_id, _)] = story.sent(AskOrder)
        asked.append(at_ms)
        story.answer(call_id, Unsure("cut"), at_ms)
        while not story.sent(AskOrder):
            at_ms = story.gateway.next_ms or 0
            story.tick(at_ms)
    first = asked[0]
    assert asked == [first, first + 200, first + 700, first + 1_700]


def test_a_question_nobody_answers_is_put_again_after_a_second() -> None:
    story = Story()
    intent = entry()
    story.want(intent)
    story.hear(news(intent, "FILLED", 10), 5)
    story.tick(5 + RULES.repair_ms)
    assert len(story.all_sent(AskTrades)) == 1
    story.sleep(5 + RULES.repair_ms + RULES.question_ms + RULES.ladder_ms[0])
    assert len(story.all_sent(AskTrades)) >= 2


def test_a_proof_that_was_given_is_not_asked_for_again() -> None:
    story = in_doubt()
    story.tick(WINDOW_MS)
    story.answer(story.sent(AskOrder)[-1][0], NOT_THERE, WINDOW_MS)
    [(listed, _)], [(traded, _)] = story.sent(AskOpenOrders), story.sent(AskTrades)
    story.answer(listed, Done(()), WINDOW_MS + 10)
    story.answer(traded, Unsure("cut"), WINDOW_MS + 10)
    story.tick(WINDOW_MS + 10 + RULES.ladder_ms[0])
    assert len(story.all_sent(AskOpenOrders)) == 1
    story.answer(story.sent(AskTrades)[0][0], Done(()), WINDOW_MS + 250)
    assert isinstance(story.order(), Rejected)


def test_what_proved_the_absence_of_one_request_proves_nothing_of_the_next() -> None:
    doubt = Doubt(RULES)
    proofs = (AskOpenOrders("BTCUSDT"), AskTrades("BTCUSDT"))
    doubt.open(name(), 0, 0, 0)
    doubt.prove(name(), proofs)
    assert doubt.proven(proofs[0], WINDOW_MS) == []
    doubt.open(name(), 3_000, 0, 3_000)
    assert doubt.proven(proofs[1], 3_000 + WINDOW_MS) == []
    assert doubt.prove(name(), proofs) == proofs


def test_a_stream_that_is_back_or_a_strangers_trade_makes_us_look_for_what_was_given_up() -> None:
    story = given_up()
    story.hear(StreamUp(3_000), 3_000)
    assert story.sent(AskOrder) == [(story.sent(AskOrder)[0][0], AskOrder("BTCUSDT", name()))]
    story.answer(story.sent(AskOrder)[0][0], NOT_THERE, 3_010)
    other = entry(1, quantity=entry().quantity * 2)
    story.want(other, 3_100)
    story.hear(news(other, "FILLED", 20, venue_id="78"), 3_110)
    story.tick(3_110 + RULES.repair_ms)
    [(call_id, _)] = story.sent(AskTrades)
    strangers = (trade_view(other, trade(1, 20), "78"), trade_view(entry(), trade(2, 10), "99"))
    story.answer(call_id, Done(strangers), 3_400)
    assert [call.client_id for _, call in story.sent(AskOrder)] == [name()]


def test_a_look_for_what_was_given_up_is_not_lost_with_its_answer() -> None:
    story = given_up()
    due_ms = WINDOW_MS + RULES.watch_ms[0]
    story.tick(due_ms)
    story.answer(story.sent(AskOrder)[0][0], Unsure("cut"), due_ms)
    story.tick(due_ms + RULES.ladder_ms[0])
    assert story.sent(AskOrder)
    assert len(story.all_sent(Place)) == 1


def test_a_question_that_nobody_has_any_more_is_not_put_again() -> None:
    story = in_doubt()
    story.tick(RULES.ladder_ms[0])
    [(call_id, _)] = story.sent(AskOrder)
    story.answer(call_id, Throttled(-1003, 100), 210)
    story.hear(news(entry(), "FILLED", 10, trade(1, 10)), 220)
    asked = len(story.all_sent(AskOrder))
    story.sleep(5_000)
    assert len(story.all_sent(AskOrder)) == asked
