import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.effects import Lane
from qt_ray.execution.gateway.budget import BAN_MS, Budget, Share, orders_of, share_of, weight_of
from qt_ray.execution.gateway.rules import Allowance
from qt_ray.execution.venue.calls import (
    AskAccount,
    AskBook,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    AskTrades,
    Call,
    Cancel,
    CancelAll,
    Countdown,
    Place,
    PlaceMany,
    Throttled,
)
from qt_ray.execution.venue.views import UsageView
from tests.unit.execution.gateway.stories import entry

pytestmark = pytest.mark.unit

ASK, CANCEL = AskOpenOrders(), CancelAll("BTCUSDT")


def spent(weight: int) -> Budget:
    budget = Budget(Allowance())
    budget.observe(UsageView(weight, None, None, 0), (), 0)
    return budget


@pytest.mark.requirement("S4 RateLimit")
@given(st.integers(0, 2_400), st.sampled_from([ASK, CANCEL, Countdown("BTCUSDT", 10)]))
def test_what_a_query_may_do_an_entry_may_then_a_question_in_doubt_and_then_a_cancel(weight: int, call: Call) -> None:
    query, opens, doubts, reserved = (spent(weight).allows(share, call, 1) for share in Share)
    assert query <= opens <= doubts <= reserved


@pytest.mark.requirement("Sprint5-2")
@pytest.mark.sprint5
@given(st.lists(st.sampled_from([ASK, CANCEL, Countdown("BTCUSDT", 10), AskBook("BTCUSDT", 1_000)]), max_size=400))
def test_no_minute_ever_sees_more_than_the_cap(calls: list[Call]) -> None:
    budget, used = Budget(Allowance()), 0
    for call in calls:
        if budget.allows(Share.RESERVED, call, 5):
            budget.spend(call, 5)
            used += weight_of(call)
    assert used <= 1_920


def test_a_flood_by_somebody_else_leaves_cancels_their_part() -> None:
    assert not spent(1_700).allows(Share.QUERIES, ASK, 1)
    assert not spent(1_700).allows(Share.ENTRIES, Place(entry()), 1)
    assert not spent(1_700).allows(Share.DOUBTS, AskOrder("BTCUSDT", "x"), 1)
    assert spent(1_700).allows(Share.RESERVED, CANCEL, 1)
    assert not spent(1_920).allows(Share.RESERVED, CANCEL, 1)


@pytest.mark.requirement("Sprint5-2")
@pytest.mark.sprint5
def test_the_venues_own_count_wins_both_ways_and_what_is_in_flight_is_added() -> None:
    budget = spent(1_900)
    budget.observe(UsageView(100, None, None, 0), (ASK,), 10)
    assert budget.weight.at(10) == 140
    budget.observe(UsageView(None, None, None, 0), (), 10)
    assert budget.weight.at(10) == 140


def test_what_the_venue_answers_is_not_counted_twice_and_what_nobody_answers_for_stays() -> None:
    budget = Budget(Allowance())
    for _ in range(2):
        budget.spend(ASK, 0)
    budget.observe(UsageView(80, None, None, 0), (ASK, ASK), 10)
    assert budget.weight.at(10) == 160
    budget.landed(ASK, 20)
    assert budget.weight.at(20) == 120
    for _ in range(3):
        budget.landed(ASK, 30)
    assert budget.weight.at(30) == 80
    budget.landed(ASK, 60_000)
    assert budget.weight.at(60_000) == 0


@given(st.lists(st.sampled_from([ASK, CANCEL, AskPositions()]), max_size=9), st.integers(0, 400))
def test_answers_never_take_off_what_the_venue_itself_has_counted(in_flight: list[Call], counted: int) -> None:
    budget = Budget(Allowance())
    budget.observe(UsageView(counted, None, None, 0), tuple(in_flight), 10)
    for call in in_flight:
        budget.landed(call, 20)
        assert budget.weight.at(20) >= counted
    assert budget.weight.at(20) == counted


def test_a_new_minute_begins_at_nothing() -> None:
    assert spent(1_920).allows(Share.RESERVED, CANCEL, 60_000)


def test_entries_leave_a_part_of_the_orders_to_exits() -> None:
    budget = Budget(Allowance())
    budget.observe(UsageView(None, 168, None, 0), (), 0)
    assert not budget.allows(Share.ENTRIES, Place(entry()), 1)
    assert budget.allows(Share.RESERVED, Place(entry()), 1)


@pytest.mark.requirement("Sprint5-2")
@pytest.mark.sprint5
def test_too_many_requests_silences_the_share_and_a_ban_silences_all() -> None:
    budget = Budget(Allowance())
    budget.throttled(Share.QUERIES, Throttled(-1003, 5_000), 0)
    assert not budget.allows(Share.QUERIES, ASK, 4_999)
    assert budget.allows(Share.RESERVED, CANCEL, 0)
    assert budget.next_ms(Share.QUERIES, 10) == 5_000
    budget.throttled(Share.QUERIES, Throttled(-1003, 0, banned=True), 0)
    assert not any(budget.allows(share, CANCEL, BAN_MS - 1) for share in Share)
    assert all(budget.allows(share, CANCEL, BAN_MS) for share in Share)


@pytest.mark.requirement("S4 RateLimit")
@pytest.mark.parametrize(
    ("call", "weight", "orders"),
    [
        (Place(entry()), 0, 1),
        (PlaceMany((entry(), entry(1))), 5, 2),
        (Cancel("BTCUSDT", "x"), 1, 0),
        (Countdown("BTCUSDT", 1), 10, 0),
        (AskOpenOrders("BTCUSDT"), 1, 0),
        (AskOpenOrders(), 40, 0),
        (AskPositions(), 5, 0),
        (AskBook("BTCUSDT", 20), 2, 0),
        (AskBook("BTCUSDT", 500), 10, 0),
        (AskBook("BTCUSDT", 1_000), 20, 0),
    ],
)
def test_a_call_weighs_what_the_venue_says(call: Call, weight: int, orders: int) -> None:
    assert (weight_of(call), orders_of(call)) == (weight, orders)


@pytest.mark.parametrize(
    "call", [AskOrder("BTCUSDT", "x"), AskTrades("BTCUSDT"), AskOpenOrders("BTCUSDT"), AskOpenOrders("BTCUSDT", True)]
)
def test_what_ends_a_doubt_of_ours_goes_on_when_entries_must_wait(call: Call) -> None:
    assert share_of(Lane.QUERY, call, is_ours=True) is Share.DOUBTS
    assert share_of(Lane.QUERY, call, is_ours=False) is Share.ENTRIES
    assert not spent(1_344).allows(Share.ENTRIES, call, 1)
    assert spent(1_344).allows(Share.DOUBTS, call, 1)


def test_what_is_held_is_asked_for_although_dear_looks_have_used_up_their_part() -> None:
    assert share_of(Lane.QUERY, AskPositions(), is_ours=False) is Share.DOUBTS
    assert share_of(Lane.QUERY, AskAccount(), is_ours=False) is Share.ENTRIES


def test_a_look_at_the_whole_account_is_a_query_unless_an_emergency_asks() -> None:
    assert share_of(Lane.QUERY, ASK, is_ours=True) is Share.QUERIES
    assert share_of(Lane.KILL, ASK, is_ours=False) is Share.RESERVED
