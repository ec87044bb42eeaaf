from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.limits import Limits
from qt_ray.execution.freshness import Freshness, Part
from qt_ray.market.ticks import BestPrice, BookLost, BookTick, Gap, MarkTick, Tick

pytestmark = pytest.mark.unit

LIMITS = Limits()
BTC = "BTCUSDT"
ONE = Decimal(1)
times = st.integers(0, 100_000)


def best(time_ms: int, bid: int = 99, ask: int = 101, symbol: str = BTC) -> BestPrice:
    return BestPrice(symbol, 1, Decimal(bid), ONE, Decimal(ask), ONE, time_ms)


def book(time_ms: int) -> BookTick:
    return BookTick(BTC, 1, ((ONE, ONE),), ((ONE + 1, ONE),), time_ms)


def mark(time_ms: int) -> MarkTick:
    return MarkTick(BTC, ONE, ONE, ONE, 0, time_ms)


def watched(*parts: Part) -> Freshness:
    return Freshness((BTC,), parts or tuple(Part), LIMITS, 0)


def told(freshness: Freshness, at_ms: int, *ticks: Tick) -> Freshness:
    for tick in ticks:
        freshness.heard(tick, at_ms)
    return freshness


@settings(max_examples=60, deadline=None)
@given(times, times, times, st.integers(0, 10_000))
def test_entries_pass_exactly_while_every_part_is_young(b: int, k: int, m: int, later: int) -> None:
    at_ms = max(b, k, m) + later
    found = told(watched(), at_ms, best(b), book(k), mark(m)).why_not(BTC, at_ms)
    is_young = at_ms - min(b, k) <= LIMITS.book_age_max_ms and at_ms - m <= LIMITS.mark_age_max_ms
    assert (found is None) is is_young


@settings(max_examples=60, deadline=None)
@given(times, times, st.integers(0, 10_000), st.integers(500, 5_000), st.integers(500, 5_000))
def test_limits_that_change_count_for_what_was_heard_before(
    b: int, m: int, later: int, book_ms: int, mark_ms: int
) -> None:
    limits = replace(LIMITS, book_age_max_ms=book_ms, mark_age_max_ms=mark_ms, entry_cancel_age_ms=book_ms + mark_ms)
    at_ms, ticks = max(b, m) + later, (best(b), mark(m))
    changed, born = watched(Part.BEST, Part.MARK), Freshness((BTC,), (Part.BEST, Part.MARK), limits, 0)
    told(changed, max(b, m), *ticks).govern(limits)
    told(born, max(b, m), *ticks)
    assert changed.why_not(BTC, at_ms) == born.why_not(BTC, at_ms)
    assert changed.is_blind(BTC, at_ms) is born.is_blind(BTC, at_ms)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(times, times), min_size=1, max_size=6), times)
def test_no_word_makes_a_price_younger_than_its_venue_said_or_than_we_heard_it(
    heard: list[tuple[int, int]], later: int
) -> None:
    freshness = watched(Part.MARK)
    for at_ms, time_ms in sorted(heard):
        told(freshness, at_ms, mark(time_ms))
    at_ms = max(at for at, _ in heard) + later
    newest = max(min(at, time) for at, time in heard)
    assert (freshness.why_not(BTC, at_ms) is None) is (at_ms - newest <= LIMITS.mark_age_max_ms)
    assert freshness.is_blind(BTC, at_ms) is (at_ms - newest > LIMITS.entry_cancel_age_ms)


def test_what_was_never_heard_shuts_entries_out_and_in_time_ends_them() -> None:
    freshness = told(watched(Part.BEST, Part.MARK), 10, best(10))
    assert freshness.why_not(BTC, 10) == "no entry in BTCUSDT before its mark price is heard"
    assert not freshness.is_blind(BTC, LIMITS.entry_cancel_age_ms)
    assert freshness.is_blind(BTC, LIMITS.entry_cancel_age_ms + 1)


def test_what_comes_in_old_is_old_however_lately_it_came() -> None:
    freshness = told(watched(Part.BEST), 9_000, best(5_000))
    assert freshness.why_not(BTC, 9_000) == "no entry in BTCUSDT on a best price older than 2000 ms, was 4000"


def test_a_lost_book_shuts_entries_out_at_once_and_its_time_is_counted() -> None:
    freshness = told(watched(Part.BOOK), 10, book(10))
    assert freshness.why_not(BTC, 10) is None
    told(freshness, 20, BookLost(BTC, "a change was missed", 20), BookLost(BTC, "again", 25))
    assert freshness.why_not(BTC, 20) == "no entry in BTCUSDT without its book: a change was missed"
    told(freshness, 50, book(50))
    assert freshness.why_not(BTC, 50) is None
    told(freshness, 60, BookLost(BTC, "crossed", 60), book(61))
    assert freshness.bad_ms == {(BTC, Part.BOOK): 30}


@pytest.mark.parametrize("ask", [99, 98])
def test_a_bid_that_reaches_the_ask_is_no_best_price(ask: int) -> None:
    freshness = told(watched(Part.BEST), 10, best(10), best(11, 99, ask))
    assert "a bid reached an ask" in (freshness.why_not(BTC, 11) or "")


def test_what_nobody_watches_is_not_traded_and_other_news_changes_nothing() -> None:
    freshness = told(watched(Part.BEST), 10, best(10), best(10, symbol="ETHUSDT"), mark(10), Gap(BTC, "trades", 1, 2))
    assert freshness.why_not(BTC, 10) is None
    assert freshness.why_not("ETHUSDT", 10) == "no entry in ETHUSDT, whose prices nobody watches"
    assert not freshness.is_blind("ETHUSDT", 10**9)
    assert list(freshness.symbols) == [BTC]
