"""What a listener is sent: few at a time, the newest of what it can miss, and all of what it cannot."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.events import Event, event
from qt_ray.core.payloads import EmergencyTriggered, HealthChanged, ModeChanged, Tick
from qt_ray.monitoring.outbox import (
    COALESCED_MAX,
    CRITICAL_MAX,
    FRAME_MAX,
    FRAME_MS,
    PER_SECOND_MAX,
    SECOND_MS,
    Outbox,
)

pytestmark = pytest.mark.unit


def tick(symbol: str, price: int = 1) -> Event:
    return event("market.tick", Tick(symbol, Decimal(price), Decimal(1)), "feed", price)


def policy(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number, "ann"), "store", number)


def emergency() -> Event:
    return event("system.emergency.triggered", EmergencyTriggered("high", "fire", None, 0, 0, {}, 1), "ess", 1)


def drained(outbox: Outbox, at_ms: int) -> tuple[list[Event], int]:
    """Send all there is, as time allows; return it and when it was done."""
    sent: list[Event] = []
    while (wait_ms := outbox.wait_ms(at_ms)) is not None:
        at_ms += wait_ms
        frame = outbox.due(at_ms)
        assert frame is not None
        assert len(frame.events) <= FRAME_MAX
        sent += frame.events
    return sent, at_ms


@pytest.mark.requirement("Sprint5-6")
@pytest.mark.sprint5
def test_a_frame_goes_when_it_is_full_or_a_tenth_of_a_second_old() -> None:
    outbox = Outbox()
    assert outbox.due(0) is None
    outbox.offer(tick("A"), 0)
    assert (outbox.wait_ms(0), outbox.due(FRAME_MS - 1)) == (FRAME_MS, None)
    frame = outbox.due(FRAME_MS)
    assert frame is not None
    assert len(frame.events) == 1
    for number in range(FRAME_MAX):
        outbox.offer(tick(f"S{number}"), 200)
    assert outbox.wait_ms(200) == 0


@pytest.mark.requirement("Sprint5-6")
@pytest.mark.sprint5
def test_of_what_can_be_missed_the_newest_is_sent_and_the_rest_counted() -> None:
    outbox = Outbox()
    for price in range(1, 6):
        outbox.offer(tick("A", price), 0)
    outbox.offer(event("health.changed", HealthChanged("Feed", "HEALTHY", "CRITICAL", ""), "monitor", 1), 0)
    frame = outbox.due(FRAME_MS)
    assert frame is not None
    assert ([one.type for one in frame.events], frame.replaced) == (["market.tick", "health.changed"], 4)
    assert frame.events[0].payload.price == 5


def test_what_stops_the_fund_goes_at_once_and_first() -> None:
    outbox = Outbox()
    outbox.offer(tick("A"), 0)
    outbox.offer(policy(1), 0)
    outbox.offer(emergency(), 0)
    frame = outbox.due(0)
    assert frame is not None
    assert [one.type for one in frame.events] == ["system.emergency.triggered", "policy.mode.changed", "market.tick"]


def test_a_listener_that_is_too_far_behind_is_cut_off_rather_than_told_half() -> None:
    outbox = Outbox()
    for number in range(CRITICAL_MAX):
        outbox.offer(policy(number), 0)
    assert outbox.is_overrun is False
    outbox.offer(emergency(), 0)
    assert outbox.is_overrun is True


def test_what_can_be_missed_never_fills_the_memory() -> None:
    outbox = Outbox()
    for number in range(COALESCED_MAX + 50):
        outbox.offer(tick(f"S{number}"), 0)
    sent, _ = drained(outbox, 0)
    assert (len(sent), sent[0].payload.symbol) == (COALESCED_MAX, "S50")


@pytest.mark.requirement("Sprint5-6")
@pytest.mark.sprint5
@given(offers=st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from("ABCpe")), max_size=250))
@settings(max_examples=60, deadline=None)
def test_nothing_critical_is_lost_or_out_of_order_and_no_second_holds_too_much(offers: list[tuple[int, str]]) -> None:
    outbox, sent, told = Outbox(), list[tuple[int, Event]](), list[Event]()
    now_ms = 0
    for number, (at_ms, kind) in enumerate(sorted(offers)):
        while (wait_ms := outbox.wait_ms(now_ms)) is not None and now_ms + wait_ms <= at_ms:
            now_ms += wait_ms
            frame = outbox.due(now_ms)
            assert frame is not None
            sent += [(now_ms, one) for one in frame.events]
        now_ms = max(now_ms, at_ms)
        what = {"p": policy(number), "e": emergency()}.get(kind) or tick(kind, number + 1)
        told.append(what)
        outbox.offer(what, now_ms)
    while (wait_ms := outbox.wait_ms(now_ms)) is not None:
        now_ms += wait_ms
        frame = outbox.due(now_ms)
        assert frame is not None
        sent += [(now_ms, one) for one in frame.events]
    events = [one for _, one in sent]
    for kind in ("policy.mode.changed", "system.emergency.triggered"):
        assert [one for one in events if one.type == kind] == [one for one in told if one.type == kind]
    for symbol in "ABC":
        last = next((one for one in reversed(told) if getattr(one.payload, "symbol", "") == symbol), None)
        assert last is None or last in events
    for at_ms, _ in sent:
        assert sum(at_ms <= other < at_ms + SECOND_MS for other, _ in sent) <= PER_SECOND_MAX
