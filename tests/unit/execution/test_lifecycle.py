from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import (
    Cancelled,
    Execution,
    Expired,
    Filled,
    Intent,
    Order,
    OrderType,
    PartiallyFilled,
    Planned,
    Rejected,
    Side,
    Status,
    Submitted,
    Unknown,
    Working,
    in_flight,
    progress_of,
)
from qt_ray.execution.lifecycle import (
    ALGO_SIGNALS,
    TRANSITIONS,
    VENUE_SIGNALS,
    News,
    Signal,
    algo_signal,
    hear,
    venue_signal,
)

pytestmark = pytest.mark.unit

QUANTITY = Decimal("1.0")
INTENT = Intent("qt-a-0-0", "BTCUSDT", Side.BUY, OrderType.MARKET, QUANTITY, "d", 1, 1)
PLANNED = Planned(INTENT, 0)
ENDS = {Status.FILLED, Status.CANCELLED, Status.EXPIRED, Status.REJECTED}


def trade(trade_id: int, quantity: str) -> Execution:
    return Execution(trade_id, Decimal(quantity), Decimal(100), Decimal("0.04"), "USDT", False, trade_id)


def told(order: Order, *news: News) -> Order:
    for item in news:
        order = hear(order, item)
    return order


SENT = News(Signal.SENT, 1)
LOST = News(Signal.LOST, 2, reason="timeout")
ACCEPTED = News(Signal.ACCEPTED, 3, "77")
PART = News(Signal.TRADED, 4, "77", Decimal("0.4"), trade(1, "0.4"))
REST = News(Signal.FILLED, 5, "77", QUANTITY, trade(2, "0.6"))


@st.composite
def histories(draw: st.DrawFn) -> list[News]:
    """All that a venue may truthfully say about one order, in the order in which it happened."""
    news = [SENT] + ([LOST] if draw(st.booleans()) else [])
    end = draw(st.sampled_from(["filled", "cancelled", "expired", "rejected", "working"]))
    if end == "rejected":
        return [*news, News(Signal.REJECTED, 9, reason="-2019")]
    news.append(ACCEPTED)
    cuts = sorted(draw(st.sets(st.integers(1, 9), max_size=4)))
    done = Decimal(0)
    for at, cut in enumerate([*cuts, 10] if end == "filled" else cuts):
        quantity = Decimal(cut) / 10 - done
        done += quantity
        signal = Signal.FILLED if done == QUANTITY else Signal.TRADED
        news.append(News(signal, 10 + at, "77", done, trade(at, str(quantity))))
    if end in ("cancelled", "expired"):
        news.append(News(Signal[end.upper()], 30, "77", done, reason="ended"))
    return news


@given(histories(), st.randoms(use_true_random=False), st.integers(0, 4))
def test_any_order_and_repetition_of_the_news_leaves_the_same_order(
    news: list[News], dice: Random, repeats: int
) -> None:
    expected = told(PLANNED, *news)
    heard = news + [dice.choice(news) for _ in range(repeats)]
    dice.shuffle(heard)
    assert told(PLANNED, *heard) == expected


@given(histories())
def test_fills_never_exceed_the_order_and_leave_nothing_uncounted(news: list[News]) -> None:
    order = PLANNED
    for item in news:
        order = hear(order, item)
        progress = progress_of(order)
        executed = progress.executed if progress else Decimal(0)
        assert executed <= QUANTITY
        if order.kind not in ENDS:
            assert executed + in_flight(order) == QUANTITY


@given(histories(), st.lists(st.sampled_from([SENT, LOST, ACCEPTED, PART]), max_size=4))
def test_nothing_leaves_an_end(news: list[News], more: list[News]) -> None:
    order = told(PLANNED, *news)
    if order.kind in ENDS:
        for item in more:
            assert hear(order, replace(item, execution=None, reported=Decimal(0), signal=Signal.LOST)) == replace(
                order, at_ms=max(order.at_ms, item.at_ms)
            )


def test_the_table_has_exactly_four_ends_and_reaches_every_state() -> None:
    assert TRANSITIONS.terminal == ENDS
    assert TRANSITIONS.reachable == set(Status)
    assert all(TRANSITIONS.foresees(end, signal) for end in ENDS for signal in Signal)


@pytest.mark.requirement("L6")
def test_only_the_venues_word_leaves_unknown() -> None:
    ours = {Signal.SENT, Signal.LOST}
    for signal in Signal:
        after = TRANSITIONS.advance(Status.UNKNOWN, signal)
        assert (after is Status.UNKNOWN) is (signal in ours)


@pytest.mark.requirement("L6")
def test_a_timeout_is_not_a_rejection() -> None:
    unknown = told(PLANNED, SENT, LOST)
    assert unknown == Unknown(INTENT, 2)
    assert in_flight(unknown) == QUANTITY
    assert told(unknown, ACCEPTED) == Working(INTENT, 3, "77")
    assert isinstance(told(unknown, News(Signal.ABSENT, 9)), Rejected)


def test_a_query_that_comes_too_early_does_not_reject() -> None:
    assert told(PLANNED, SENT, News(Signal.ABSENT, 2)) == Unknown(INTENT, 2)


def test_a_crash_between_planning_and_sending_is_unknown() -> None:
    assert told(PLANNED, LOST) == Unknown(INTENT, 2)


def test_an_order_is_followed_from_plan_to_fill() -> None:
    order: Order = PLANNED
    seen = []
    for news in (SENT, ACCEPTED, PART, REST):
        order = hear(order, news)
        seen.append(type(order))
    assert seen == [Submitted, Working, PartiallyFilled, Filled]
    progress = progress_of(order)
    assert progress is not None
    assert (progress.executed, progress.missing, len(progress.executions)) == (QUANTITY, 0, 2)


def test_a_lost_partial_is_seen_as_missing_until_it_comes() -> None:
    order = told(PLANNED, ACCEPTED, REST)
    progress = progress_of(order)
    assert progress is not None
    assert progress.missing == Decimal("0.4")
    mended = progress_of(told(order, PART))
    assert mended is not None
    assert mended.missing == 0


def test_a_fill_that_arrives_after_the_cancel_is_kept() -> None:
    order = told(PLANNED, ACCEPTED, News(Signal.CANCELLED, 8, "77", Decimal("0.4"), reason="by hand"), PART)
    assert isinstance(order, Cancelled)
    assert (order.progress.executed, order.reason, in_flight(order)) == (Decimal("0.4"), "by hand", 0)


def test_executions_that_sum_to_the_whole_fill_the_order_whatever_the_status_says() -> None:
    order = told(PLANNED, ACCEPTED, PART, replace(REST, signal=Signal.TRADED, reported=Decimal(0)))
    assert isinstance(order, Filled)


@pytest.mark.parametrize(
    ("before", "news", "rule"),
    [
        ([ACCEPTED], News(Signal.TRADED, 4, "77", Decimal(2)), "never exceed"),
        ([ACCEPTED, PART], News(Signal.TRADED, 4, "77", Decimal(0), trade(9, "0.7")), "never exceed"),
        ([ACCEPTED, PART], News(Signal.TRADED, 4, "77", Decimal(0), trade(1, "0.3")), "names one execution"),
        ([ACCEPTED], News(Signal.ACCEPTED, 4, "78"), "one venue id"),
        ([], News(Signal.ACCEPTED, 4), "names the venue's id"),
        ([], News(Signal.FILLED, 4, None, QUANTITY), "names the venue's id"),
        ([ACCEPTED, PART], News(Signal.REJECTED, 5), "PARTIALLY_FILLED takes"),
        ([ACCEPTED], News(Signal.ABSENT, 5), "WORKING takes"),
        ([News(Signal.REJECTED, 5)], PART, "has not traded"),
    ],
)
def test_news_that_contradicts_what_is_known_is_refused(before: list[News], news: News, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        hear(told(PLANNED, *before), news)


@pytest.mark.parametrize("reported", ["-1", "NaN"])
def test_news_of_an_impossible_quantity_is_refused(reported: str) -> None:
    with pytest.raises(Invalid):
        News(Signal.ACCEPTED, 1, "77", Decimal(reported))
    with pytest.raises(Invalid, match="how much"):
        News(Signal.TRADED, 1, "77")


def test_every_status_of_the_venue_has_a_meaning_and_no_other() -> None:
    for status, signal in VENUE_SIGNALS.items():
        assert venue_signal(status) is signal
    assert venue_signal("EXPIRED_IN_MATCH") is Signal.EXPIRED
    for unknown in ("", "new", "PENDING_CANCEL", "FINISHED"):
        with pytest.raises(Invalid):
            venue_signal(unknown)


def test_a_finished_stop_has_traded_whole_or_its_rest_expired() -> None:
    assert {algo_signal(s, Decimal(0), QUANTITY) for s in ("NEW", "TRIGGERING", "TRIGGERED")} == {Signal.ACCEPTED}
    assert algo_signal("FINISHED", QUANTITY, QUANTITY) is Signal.FILLED
    assert algo_signal("FINISHED", Decimal("0.4"), QUANTITY) is Signal.EXPIRED
    assert set(ALGO_SIGNALS) == {"NEW", "TRIGGERING", "TRIGGERED", "CANCELED", "EXPIRED", "REJECTED"}
    with pytest.raises(Invalid):
        algo_signal("FILLED", QUANTITY, QUANTITY)


def test_every_permutation_of_a_cancelled_partial_ends_alike() -> None:
    end = News(Signal.EXPIRED, 9, "77", Decimal("0.4"), reason="gtx")
    orders = {told(PLANNED, *order) for order in permutations([SENT, LOST, ACCEPTED, PART, end])}
    assert len(orders) == 1
    assert isinstance(orders.pop(), Expired)


def test_the_diagram_is_drawn_from_the_table() -> None:
    diagram = TRANSITIONS.mermaid()
    assert diagram.startswith("stateDiagram-v2\n    [*] --> PLANNED\n")
    assert "    UNKNOWN --> REJECTED: absent, rejected\n" in diagram
    assert diagram.count("--> [*]") == 4
