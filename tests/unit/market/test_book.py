from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.market.book import WAITING_MAX, Heard, OrderBook
from qt_ray.market.ticks import BookChange, Levels

pytestmark = pytest.mark.unit


def levels(*pairs: tuple[int, int]) -> Levels:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def change(previous: int, last: int, bids: Levels = (), asks: Levels = ()) -> BookChange:
    return BookChange("X", previous + 1, last, previous, bids, asks, last)


def book(update_id: int = 10) -> OrderBook:
    found = OrderBook("X")
    assert found.start(update_id, levels((99, 1), (98, 2)), levels((101, 3)))
    return found


def test_changes_set_and_take_away_levels() -> None:
    whole = book()
    assert whole.hear(change(9, 12, levels((98, 0), (97, 5), (1, 0)), levels((100, 1)))) is Heard.APPLIED
    assert whole.top(5) == (levels((99, 1), (97, 5)), levels((100, 1), (101, 3)))
    assert whole.top(1) == (levels((99, 1)), levels((100, 1)))
    assert whole.update_id == 12


def test_a_change_that_is_contained_changes_nothing() -> None:
    whole = book()
    assert whole.hear(change(5, 10, levels((99, 9)))) is Heard.OLD
    assert whole.hear(change(10, 12)) is Heard.APPLIED
    assert whole.hear(change(10, 12, levels((99, 9)))) is Heard.OLD
    assert whole.top(1)[0] == levels((99, 1))


@pytest.mark.parametrize("wrong", [change(13, 15), change(11, 15), change(9, 15)])
def test_a_missed_change_loses_the_book(wrong: BookChange) -> None:
    whole = book()
    whole.hear(change(10, 12))
    assert whole.hear(wrong) is Heard.GAP
    assert not whole.is_whole
    assert whole.top(5) == ((), ())


def test_a_crossed_book_is_no_book() -> None:
    whole = book()
    assert whole.hear(change(10, 12, levels((101, 1)))) is Heard.CROSSED
    assert not whole.is_whole
    assert not OrderBook("X").start(1, levels((5, 1)), levels((5, 1)))


def test_a_snapshot_must_reach_what_was_heard() -> None:
    late = OrderBook("X")
    assert late.hear(change(20, 22, levels((97, 1)))) is Heard.WAITING
    assert late.hear(change(22, 25, levels((96, 1)))) is Heard.WAITING
    assert not late.start(19, levels((99, 1)), levels((101, 1)))
    assert not late.is_whole
    assert late.start(21, levels((99, 1)), levels((101, 1)))
    assert late.top(5)[0] == levels((99, 1), (97, 1), (96, 1))
    assert late.update_id == 25


def test_what_waits_is_bounded_and_then_a_newer_snapshot_is_needed() -> None:
    late = OrderBook("X")
    for number in range(WAITING_MAX + 5):
        late.hear(change(number, number + 1))
    assert not late.start(3, (), ())
    assert late.start(5, (), ())
    assert late.update_id == WAITING_MAX + 5


sides = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3)), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=12), st.integers(0, 12))
def test_snapshot_and_changes_give_the_same_book_wherever_the_snapshot_falls(
    story: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]], at: int
) -> None:
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    changes, books = [], [((), ())]
    for number, (lower, upper) in enumerate(story):
        upper = [(price + 60, quantity) for price, quantity in upper]
        changes.append(change(number, number + 1, levels(*lower), levels(*upper)))
        for side, moved in ((bids, lower), (asks, upper)):
            side.update(moved)
        whole = levels(*((p, q) for p, q in bids.items() if q)), levels(*((p, q) for p, q in asks.items() if q))
        books.append(whole)
    taken = min(at, len(story))
    late = OrderBook("X")
    for one in changes[:taken]:
        assert late.hear(one) is Heard.WAITING
    assert late.start(taken, *books[taken])
    for one in changes:
        assert late.hear(one) in (Heard.OLD, Heard.APPLIED)
    assert late.top(100) == (tuple(sorted(books[-1][0], reverse=True)), tuple(sorted(books[-1][1])))
