"""Anything may be said at any time, by a venue that is confused or by a network that is: the laws hold all the same."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import Intent
from qt_ray.execution.gateway.book import Book, replay
from qt_ray.execution.gateway.effects import Effect, Send, Write
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.gateway.records import Sent
from qt_ray.execution.venue.calls import (
    AskOpenOrders,
    AskTrades,
    Call,
    Done,
    Place,
    PlaceMany,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.news import StreamDown, StreamUp
from tests.unit.execution.gateway.stories import (
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

pytestmark = [pytest.mark.unit, pytest.mark.requirement("L6")]

INTENTS = (resting(0), ioc(1, symbol="ETHUSDT"), exit_(2), stop(3), entry(4, quantity=Decimal(3)))
STATUSES = ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED", "FINISHED", "NONSENSE")
ANSWERS = ("done", "done", "refused", "absent", "taken", "throttled", "unsure", "silence")

wants = st.tuples(st.just("want"), st.integers(0, 4))
cancels = st.tuples(st.just("cancel"), st.integers(0, 4))
answers = st.tuples(st.just("answer"), st.integers(0, 9), st.sampled_from(ANSWERS), st.sampled_from(STATUSES))
said = st.tuples(st.just("news"), st.integers(0, 4), st.sampled_from(STATUSES), st.integers(0, 12))
others = st.sampled_from([("up",), ("down",), ("fence",), ("open",)])
steps = st.lists(st.tuples(st.integers(0, 3_000), st.one_of(wants, answers, said, cancels, others)), max_size=40)


def answer_to(call: Call, kind: str, status: str) -> Any:
    """Return some answer to a call, of the right form if it is `Done`."""
    odd = {
        "refused": Refused(-2019, "no"),
        "absent": Refused(-2013, "Order does not exist."),
        "taken": Refused(-4116, "ClientOrderId is duplicated."),
        "throttled": Throttled(-1003, 500),
    }
    if kind != "done":
        return odd.get(kind, Unsure("nobody knows"))
    if isinstance(call, PlaceMany):
        return Done(tuple(Done(view(intent, status)) for intent in call.intents))
    if isinstance(call, AskOpenOrders):
        return Done((view(INTENTS[0]),))
    if isinstance(call, AskTrades):
        return Done((trade_view(INTENTS[0], trade(1, 2)), trade_view(INTENTS[1], trade(2, 1), "99")))
    intent = call.intent if isinstance(call, Place) else next((i for i in INTENTS if i.client_id == _about(call)), None)
    return Done(view(intent or INTENTS[0], status, 3 if status == "FILLED" else 0))


def _about(call: Call) -> str:
    return str(getattr(call, "client_id", ""))


def _placed(call: Call) -> list[str]:
    intents = call.intents if isinstance(call, PlaceMany) else (call.intent,) if isinstance(call, Place) else ()
    return [intent.client_id for intent in intents]


def step(story: Story, sends: list[Send], what: tuple[Any, ...], at_ms: int) -> list[Effect]:
    gateway = story.gateway
    match what:
        case ("want", number):
            return gateway.want(INTENTS[number], at_ms)
        case ("cancel", number):
            return gateway.cancel(name(number), "", at_ms)
        case ("answer", back, kind, status) if len(sends) > back and kind != "silence":
            send = sends[-1 - back]
            return gateway.answered(send.call_id, answer_to(send.call, kind, status), at_ms)
        case ("news", number, status, executed):
            return gateway.heard(_news(INTENTS[number], status, executed), at_ms)
        case ("up",):
            return gateway.heard(StreamUp(at_ms), at_ms)
        case ("down",):
            return gateway.heard(StreamDown(at_ms, ""), at_ms)
        case ("fence",):
            return gateway.fenced(Fence(8, 10**9, emergency=True), at_ms)
        case ("open",):
            return gateway.fenced(Fence(7, 10**9), at_ms)
    return gateway.ticked(at_ms)


def _news(intent: Intent, status: str, executed: int) -> Any:
    if intent.type.is_conditional and executed % 2:
        return algo_news(intent, status, "88" if executed > 6 else None)
    execution = trade(executed, 2) if status == "PARTIALLY_FILLED" else None
    return news(intent, status, executed, execution)


@given(steps, st.sampled_from([1, 2_000]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_said_no_order_is_sent_twice_none_unwritten_and_the_journal_is_the_state(
    history: list[tuple[int, tuple[Any, ...]]], ended_max: int
) -> None:
    rules = replace(RULES, ended_max=ended_max)
    story, at_ms, left, durable, answered = Story(rules), 0, Counter[str](), set[str](), set[int]()
    for gap_ms, what in history:
        at_ms += gap_ms
        sends = [effect for effect in story.effects if isinstance(effect, Send)]
        if what[0] == "answer" and len(sends) > what[1] and what[2] != "silence":
            send = sends[-1 - what[1]]
            if what[2] == "throttled" and send.call_id not in answered:
                left.subtract(_placed(send.call))
            answered.add(send.call_id)
        for effect in story.take(step(story, sends, what, at_ms)):
            if isinstance(effect, Write) and isinstance(effect.record, Sent):
                durable.add(effect.record.client_id)
            if isinstance(effect, Send):
                left.update(_placed(effect.call))
                assert set(_placed(effect.call)) <= durable
        assert all(count <= 1 for count in left.values())
        book = story.gateway.book
        greedy = {name for name, parent in book.parents.items() if book.claimed(name) > parent.quantity}
        assert all(tracked.ending for tracked in book.open() if tracked.parent in greedy)
    assert replay(story.records, Book(ended_max)).digest == story.gateway.book.digest
