from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import Intent, Rejected, Status
from qt_ray.execution.gateway.door import Family
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import Done, Place, Refused
from tests.unit.execution.filters import RULES as RULES_OF_BTC
from tests.unit.execution.gateway.stories import RULES, Story, entry, exit_, name, resting, view

pytestmark = pytest.mark.unit

FAMILY = Family("plan", Decimal(10))
ON_GRID = "on BTCUSDT's grid and within its limits"


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_orders_of_one_parent_never_exceed_it(parts: list[tuple[int, bool]]) -> None:
    """Whatever is refused at the door or by the venue, the living and the filled stay within the parent."""
    story = Story()
    for number, (size, filled) in enumerate(parts):
        at_ms = number * 2_000
        story.take(story.gateway.want(exit_(number, quantity=Decimal(size)), at_ms, FAMILY))
        for call_id, call in story.sent(object):
            fill = Done(view(exit_(number, quantity=Decimal(size)), "FILLED", size, venue_id=str(number)))
            if type(call).__name__ == "Place":
                story.answer(call_id, fill if filled else Refused(-2022, "ReduceOnly Order is rejected."), at_ms)
    done = [t for t in story.gateway.book.orders.values() if t.order.kind is Status.FILLED]
    assert sum(t.intent.quantity for t in done) <= 10
    assert story.gateway.book.claimed("plan") <= 10


def test_a_child_that_would_exceed_its_parent_is_declined() -> None:
    story = Story()
    story.take(story.gateway.want(entry(0, quantity=Decimal(6)), 0, FAMILY))
    story.take(story.gateway.want(entry(1, quantity=Decimal(5)), 0, FAMILY))
    assert story.reasons == ["orders of one parent never exceed its 10, were 6 and 5 more"]


def test_a_parent_cannot_be_made_greater_by_saying_so() -> None:
    story = Story()
    story.take(story.gateway.want(entry(0, quantity=Decimal(6)), 0, FAMILY))
    story.take(story.gateway.want(entry(1, quantity=Decimal(5)), 0, Family("plan", Decimal(100))))
    assert story.reasons


@pytest.mark.parametrize(
    ("intent", "rule"),
    [
        (
            entry(quantity=Decimal("0.015")),
            f"quantity: {ON_GRID}, 0.01 would be, was 0.015",
        ),
        (entry(quantity=Decimal(121)), f"quantity: {ON_GRID}, 120.00 would be, was 121"),
        (
            resting(limit_price=Decimal("600.05")),
            f"limit_price: {ON_GRID}, 600.0 would be",
        ),
        (resting(quantity=Decimal("0.002"), limit_price=Decimal(600)), "notional: at least 50, was 1.200"),
    ],
)
def test_an_entry_that_the_venue_would_refuse_is_declined_in_one_line_before_the_journal(
    intent: Intent, rule: str
) -> None:
    story = Story(listed=RULES_OF_BTC)
    story.take(story.gateway.want(intent, 0))
    (reason,) = story.reasons
    assert reason.startswith(rule)
    assert story.records == []


def test_an_exit_is_never_held_to_rules_that_may_be_old() -> None:
    story = Story(listed=replace(RULES_OF_BTC, status="SETTLING"))
    story.want(exit_(quantity=Decimal("0.015")))
    assert story.sent(Place)


def test_a_resting_entry_is_amended_to_what_the_venue_takes_or_not_at_all() -> None:
    story = Story(listed=RULES_OF_BTC)
    story.rest(resting(limit_price=Decimal(600)))
    story.take(story.gateway.amend(resting(limit_price=Decimal("600.05")), 1))
    assert story.reasons == [f"limit_price: {ON_GRID}, 600.0 would be, was 600.05"]


def test_one_name_is_one_intent() -> None:
    story = Story()
    story.want(entry())
    story.take(story.gateway.want(entry(quantity=Decimal(9)), 1))
    assert story.reasons == ["one name is one intent"]


def test_the_next_attempt_waits_for_the_end_of_the_last_and_shares_its_parent() -> None:
    story = Story()
    call_id = story.want(entry())
    again = entry(client_id=name(0, 1))
    story.take(story.gateway.want(again, 2_000))
    assert story.reasons == ["an intent is tried again after the last attempt has ended"]
    story.answer(call_id, Refused(-2019, "Margin is insufficient."), 2_010)
    story.want(again, 2_020)
    assert story.gateway.book.claimed("qt-trend-" + "0" * 20) == 10


@pytest.mark.parametrize("bad", ["web_1", "qt-trend-0-0", "qt-trend-00000000000000000000-0x"])
def test_only_our_own_names_come_in(bad: str) -> None:
    story = Story()
    story.take(story.gateway.want(entry(client_id=bad), 0))
    assert "a client order id of ours is" in story.reasons[0]


@pytest.mark.parametrize(
    ("second", "at_ms", "is_double"),
    [
        (resting(1), 999, True),
        (resting(1), 1_000, False),
        (resting(1, limit_price=Decimal(101)), 1, False),
        (resting(1, quantity=Decimal(9)), 1, False),
        (resting(1, symbol="ETHUSDT"), 1, False),
    ],
)
def test_an_entry_like_another_within_a_second_is_a_double(second: Intent, at_ms: int, is_double: bool) -> None:
    story = Story()
    story.want(resting(0))
    story.take(story.gateway.want(second, at_ms))
    assert story.reasons == (["no second entry like another within 1000 ms"] if is_double else [])


def test_parts_of_one_plan_are_no_doubles_of_each_other() -> None:
    story = Story()
    for number in range(2):
        story.take(story.gateway.want(entry(number, quantity=Decimal(5)), 0, FAMILY))
        assert story.reasons == []


def test_a_full_queue_declines_entries_and_takes_exits() -> None:
    story = Story(Rules(waiting_max=RULES.in_flight_max))
    for number in range(40):
        story.take(story.gateway.want(entry(number, quantity=Decimal(number + 1), symbol=f"S{number}"), 0))
    assert story.reasons == [f"no entry while {RULES.in_flight_max} calls wait"]
    story.take(story.gateway.want(exit_(99), 0))
    assert story.reasons == []
    assert name(99) in story.gateway.book.orders


def test_what_was_refused_is_an_order_that_ended_and_is_no_double_of_the_next() -> None:
    story = Story()
    story.take(story.gateway.refuse(resting(0), "an entry is of the epoch in force", 0))
    assert isinstance(story.order(0), Rejected)
    assert story.all_sent(Place) == []
    written = len(story.records)
    story.take(story.gateway.refuse(resting(0), "again", 1))
    assert len(story.records) == written
    story.take(story.gateway.want(resting(0), 2))
    assert story.all_sent(Place) == []
    story.want(resting(1), 3)
    assert [call.intent.client_id for call in story.all_sent(Place)] == [name(1)]
