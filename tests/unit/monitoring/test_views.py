"""What a person sees is what the events say, bounded, and the same however often they are heard."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event, event
from qt_ray.core.notices import RiskModeChanged
from qt_ray.core.payloads import PolicyUpdated, RegimeChanged
from qt_ray.monitoring.cases import Cases
from qt_ray.monitoring.curve import Curve, Point
from qt_ray.monitoring.pages import (
    PAGE_MAX,
    decision_page,
    decisions_page,
    fills_page,
    orders_page,
    portfolio_page,
    timeline_page,
    trips_page,
)
from qt_ray.monitoring.views import Views
from tests.unit.monitoring import happenings as told

pytestmark = pytest.mark.unit

STORY = [
    told.decided(granted=1, wish=2),
    told.blocked(),
    told.submitted(),
    told.working(),
    told.partly(),
    told.executed(13, trade_id=1),
    told.executed(14, trade_id=2),
    told.filled(),
    told.worth(15, 10_000),
    told.closed(),
]


def seen(*events: Event) -> Views:
    views = Views()
    for happened in events:
        views.apply(happened)
    return views


def pages_of(views: Views) -> list[object]:
    return [decisions_page(views, 9), decision_page(views, "d1"), portfolio_page(views), orders_page(views, 9)]


def test_a_decision_is_shown_with_all_that_followed_from_it() -> None:
    page = decision_page(seen(*STORY), "d1")
    assert page is not None
    assert page["why"] == "BTCUSDT: enter, wished 2 at a confidence of 0.70, granted 1, held back by position_limit"
    assert [block["reason"] for block in page["blocks"]] == ["position_limit"]
    assert [order["status"] for order in page["orders"]] == ["filled"]
    assert [fill["trade_id"] for fill in page["fills"]] == [1, 2]
    assert decision_page(Views(), "d1") is None


@settings(max_examples=30)
@given(st.lists(st.sampled_from(STORY), max_size=30))
def test_hearing_it_again_changes_nothing(again: list[Event]) -> None:
    once, often = seen(*STORY), seen(*STORY, *again)
    assert pages_of(once) == pages_of(often)
    assert (once.counts, once.orders, once.realised) == (often.counts, often.orders, often.realised)


@settings(max_examples=30)
@given(st.permutations([told.decided(), told.blocked(), told.submitted()]))
def test_a_case_is_the_same_in_whatever_order_its_parts_are_heard(parts: list[Event]) -> None:
    page = decision_page(seen(*parts), "d1")
    assert page is not None
    assert page == decision_page(seen(told.decided(), told.blocked(), told.submitted()), "d1") | {
        "trace_id": page["trace_id"]
    }


def test_an_order_works_until_it_has_ended() -> None:
    views = seen(told.submitted(), told.working())
    assert [row["client_id"] for row in orders_page(views, 5)["working"]] == ["qt-a-0-0"]
    views.apply(told.cancelled())
    assert orders_page(views, 5)["working"] == []
    assert orders_page(views, 5)["ended"][0]["reason"] == "not wanted any more"
    assert views.orders == 1


def test_rows_come_newest_first_and_pages_are_bounded() -> None:
    views = seen(*STORY)
    assert [row["trade_id"] for row in fills_page(views, 9)] == [2, 1]
    assert [row["cause"] for row in trips_page(views, 9)] == ["stop"]
    for count in (0, PAGE_MAX + 1):
        with pytest.raises(Invalid, match="a page has 1 to"):
            fills_page(views, count)


def test_a_losing_streak_is_counted_from_the_last_trade_backwards() -> None:
    gain = told.closed(20)
    loss = [replace(gain.payload, trade=f"l{at}", realised=Decimal(-5)) for at in range(3)]
    views = seen(*(event("trade.closed", lost, "Desk", 21) for lost in loss[:2]), gain)
    assert views.losing_streak == 0
    views.apply(event("trade.closed", loss[2], "Desk", 22))
    assert views.losing_streak == 1


def test_a_page_of_decisions_goes_on_where_the_last_one_ended() -> None:
    views = seen(*(told.decided(at_ms, f"d{at_ms}") for at_ms in range(1, 8)))
    first = decisions_page(views, 3)
    rest = decisions_page(views, 9, first[-1]["id"])
    assert [row["id"] for row in first + rest] == [f"d{at_ms}" for at_ms in range(7, 0, -1)]


def test_the_time_line_holds_what_a_person_looks_for() -> None:
    updated = PolicyUpdated(3, 2, "d", "ann", "calmer", ())
    mode = RiskModeChanged("NORMAL", "SAFE", 55.0, "drawdown", 3_500, 3, True)
    views = seen(
        event("policy.updated", updated, "PolicyStore", 1),
        event("hfos.mode.changed", mode, "FundOS", 2),
        event("market.regime.changed", RegimeChanged("BTCUSDT", "normal", "high"), "Feed", 3),
        event("policy.updated", PolicyUpdated(2, 2, "d", "ann", "older", ()), "PolicyStore", 4),
        told.decided(),
    )
    assert [row["type"] for row in timeline_page(views, 9)] == ["policy.updated", "hfos.mode.changed", "policy.updated"]
    assert len(timeline_page(views, 9, "policy.")) == 2
    assert (views.policy, views.risk_mode, views.regimes) == (updated, mode, {"BTCUSDT": "high"})


@pytest.mark.requirement("L12")
def test_what_nobody_told_is_null_and_not_zero() -> None:
    page = portfolio_page(Views())
    assert (page["equity"], page["wallet"], page["as_of_ms"], page["curve"]) == (None, None, None, [])


def test_cases_are_bounded_and_the_oldest_are_forgotten() -> None:
    cases = Cases(3)
    for at_ms in range(1, 9):
        happened = told.decided(at_ms, f"d{at_ms}")
        cases.decided(happened, happened.payload)
    assert len(cases) == 3
    assert cases.one("d1") is None
    orphan = told.executed(client="qt-a-9-0")
    cases.filled(orphan, orphan.payload)
    assert len(cases) == 3


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 10**6)), min_size=1, max_size=300))
def test_a_curve_is_bounded_in_order_and_keeps_both_ends(steps: list[tuple[int, int]]) -> None:
    curve, at_ms, first = Curve(16), 0, None
    for step, equity in steps:
        at_ms += step
        curve.add(at_ms, Decimal(equity))
        first = first or Point(at_ms, Decimal(equity))
    points = curve.points
    assert len(points) <= 17
    assert points[0] == first
    assert points[-1] == Point(at_ms, Decimal(steps[-1][1])) == curve.newest
    assert [point.at_ms for point in points] == sorted(point.at_ms for point in points)
    curve.add(at_ms - 1, Decimal(7))
    assert curve.points == points


def test_a_curve_of_two_points_is_none() -> None:
    with pytest.raises(Invalid, match="4 points"):
        Curve(2)
