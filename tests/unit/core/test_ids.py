import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.ids import (
    ATTEMPTS_MAX,
    VENUE_ID,
    ClientOrderId,
    decision_id,
    event_id,
    intent_id,
    is_ours,
    token,
    trace_id,
)

pytestmark = pytest.mark.unit

parts = st.lists(st.text("ab1-/", max_size=6) | st.integers(0, 99), max_size=4).map(tuple)
strategies = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
attempts = st.integers(0, ATTEMPTS_MAX)


@given(parts, parts)
def test_ids_are_equal_exactly_when_their_parts_are(left: tuple[str | int, ...], right: tuple[str | int, ...]) -> None:
    assert (token("x", *left) == token("x", *right)) is (left == right)


def test_parts_do_not_run_together() -> None:
    assert token("x", "ab", "c") != token("x", "a", "bc") != token("x", "abc")
    assert token("x", "1") != token("x", 1)
    assert token("x", "a") != token("y", "a")


def test_a_hundred_thousand_decisions_have_a_hundred_thousand_names() -> None:
    names = {
        decision_id("main", 1_700_000_000_000 + 60_000 * cycle, f"S{symbol}USDT", version)
        for cycle in range(500)
        for symbol in range(20)
        for version in range(1, 11)
    }
    assert len(names) == 100_000


def test_names_are_the_same_in_every_release() -> None:
    assert decision_id("main", 1_700_000_000_000, "BTCUSDT", 1) == DECISION
    assert intent_id(DECISION, "entry") == INTENT
    assert trace_id("x") == "6567b59129af424b7a3e24652fa50140"


@given(strategies, words, words, attempts)
def test_client_order_ids_fit_the_venue_and_come_back(strategy: str, decision: str, purpose: str, attempt: int) -> None:
    name = ClientOrderId(strategy, intent_id(decision, purpose), attempt)
    assert len(str(name)) <= 36
    assert VENUE_ID.fullmatch(str(name))
    assert re.fullmatch(r"^[\.A-Z\:/a-z0-9_-]{1,36}$", str(name))
    assert ClientOrderId.parse(str(name)) == name
    assert is_ours(str(name))


def test_the_longest_name_just_fits() -> None:
    assert len(str(ClientOrderId("eightchr", token("x"), ATTEMPTS_MAX))) == 36


@pytest.mark.requirement("L6")
def test_a_child_is_another_attempt_at_the_same_intent() -> None:
    first = ClientOrderId("trend", token("x"))
    second = first.child()
    assert (second.strategy, second.intent, second.attempt) == (first.strategy, first.intent, 1)
    assert str(second) != str(first)
    with pytest.raises(Invalid, match="999"):
        ClientOrderId("trend", token("x"), ATTEMPTS_MAX).child()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web_123",
        "qt-trend-short-0",
        f"qt-trend-{'0' * 20}-01",
        f"qt-TREND-{'0' * 20}-1",
        f"qt--{'0' * 20}-1",
        f"qt-trend-{'0' * 20}-1\n",
        f"qt-trend-{'0' * 20}-１",
        f"qt-trend-{'u' * 20}-1",
    ],
)
def test_other_peoples_orders_are_not_ours(text: str) -> None:
    assert not is_ours(text)
    with pytest.raises(Invalid):
        ClientOrderId.parse(text)


def test_ids_are_made_of_words_and_whole_numbers_only() -> None:
    wrong: list[Any] = [1.5]
    with pytest.raises(Invalid):
        token("x", *wrong)
    with pytest.raises(Invalid):
        token("x", True)


def test_trace_ids_are_what_w3c_asks_for() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", trace_id("a", 1))
    assert trace_id("a") != trace_id("b")


def test_events_of_two_sources_differ() -> None:
    assert event_id("desk", "order.filled", 1) != event_id("gateway", "order.filled", 1)


DECISION = "5gznzps9n07mn321vdg4"
INTENT = "rnd0gjpsjpaszr9bghcc"
