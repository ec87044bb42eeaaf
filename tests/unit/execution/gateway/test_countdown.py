import pytest

from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Countdown, Done, Unsure
from tests.unit.execution.gateway.stories import RULES, Story, entry, ioc, news, resting, stop, view

pytestmark = pytest.mark.unit

PAPER = Rules(countdown_ms=10_000)
WOUND, STOPPED = Countdown("BTCUSDT", 10_000), Countdown("BTCUSDT", 0)


def test_a_resting_order_winds_the_timer_and_a_quarter_winds_it_again() -> None:
    story = Story(PAPER)
    story.rest(resting())
    assert story.all_sent(Countdown) == [WOUND]
    story.sleep(5_000)
    assert story.all_sent(Countdown) == [WOUND] * 3


def test_an_order_leaves_with_its_timer_so_that_no_sickness_comes_between() -> None:
    story = Story(PAPER)
    story.want(resting())
    assert [call for _, call in story.sent(Countdown)] == [WOUND]
    story.take(story.gateway.felt(False, 1))
    assert story.all_sent(Countdown) == [WOUND]


def test_a_sick_program_does_not_wind_it() -> None:
    story = Story(PAPER)
    story.rest(resting())
    story.take(story.gateway.felt(False, 100))
    story.sleep(30_000)
    assert story.all_sent(Countdown) == [WOUND]
    story.take(story.gateway.felt(True, 30_000))
    assert [call for _, call in story.sent(Countdown)] == [WOUND]


def test_it_is_stopped_when_nothing_has_rested_for_a_while() -> None:
    story = Story(PAPER)
    story.rest(resting())
    story.hear(news(resting(), "CANCELED"), 100)
    story.sleep(30_000)
    assert story.all_sent(Countdown) == [WOUND, STOPPED]


@pytest.mark.parametrize("intent", [entry(), ioc(), stop()])
def test_what_does_not_rest_in_the_book_needs_no_timer(intent: object) -> None:
    story = Story(PAPER)
    story.want(intent)  # type: ignore[arg-type]
    story.sleep(2_000)
    assert story.all_sent(Countdown) == []


def test_a_winding_that_may_not_have_arrived_is_done_again_soon() -> None:
    story = Story(PAPER)
    story.want(resting())
    [(call_id, _)] = story.sent(Countdown)
    story.answer(call_id, Unsure("time-out"), 50)
    story.tick(1_050)
    assert [call for _, call in story.sent(Countdown)] == [WOUND]
    [(again, _)] = story.sent(Countdown)
    story.answer(again, Done(None), 1_100)


def test_live_it_is_a_minute() -> None:
    story = Story(RULES)
    story.answer(story.want(resting()), Done(view(resting())), 10)
    assert story.all_sent(Countdown) == [Countdown("BTCUSDT", 60_000)]
