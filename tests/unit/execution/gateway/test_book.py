from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import OrderType, PositionSide, Rejected, Side, Unknown
from qt_ray.core.restore import restore
from qt_ray.execution.gateway.book import Book, Pages, book_of, replay
from qt_ray.execution.gateway.records import (
    Ending,
    Heard,
    Record,
    Reshaped,
    Revived,
    Sent,
    Wanted,
    record_of,
)
from qt_ray.execution.lifecycle import News, Signal
from tests.unit.execution.gateway.stories import entry, exit_, name, resting, stop, trade

pytestmark = pytest.mark.unit


def life(number: int, *, ends: bool = True, closes: bool = False) -> list[Record]:
    """Return the records of one order's life; the venue calls it by a number of its own."""
    intent = (stop, exit_)[number % 2](number) if closes else entry(number)
    records: list[Record] = [Wanted(intent, f"p{number}", Decimal(10), number), Sent(name(number), number)]
    venue_id = str(77 + number)
    filled = News(Signal.FILLED, number, venue_id, Decimal(10), trade(number + 1, 10))
    return [*records, Heard(name(number), filled, venue_id)] if ends else records


def written(book: Book) -> Pages:
    """Return a book as it comes back from a snapshot."""
    return restore(Pages, decode(canonical(book.snapshot())))


RECORDS: list[Record] = [
    Wanted(resting(), "p", Decimal(10), 1),
    Sent(name(), 2),
    Heard(name(), News(Signal.ACCEPTED, 3, "77"), "77", Decimal("1.5")),
    Reshaped(name(), Decimal(8), Decimal(101), 4),
    Ending(name(), "stale", 5),
    Heard(name(), News(Signal.TRADED, 6, "77", Decimal(3), trade(1, 3)), "77"),
]


@pytest.mark.parametrize("record", [*RECORDS, Revived(name(), 9)], ids=lambda record: record.kind)
def test_every_record_survives_the_wire(record: Record) -> None:
    assert record_of(decode(canonical(record))) == record


@given(st.integers(0, len(RECORDS)))
def test_a_snapshot_and_the_records_after_it_are_the_whole_story(cut: int) -> None:
    half = book_of(written(replay(RECORDS[:cut])))
    assert replay(RECORDS[cut:], half).digest == replay(RECORDS).digest


@given(st.permutations(range(12)), st.integers(0, 12), st.sets(st.integers(0, 11)))
@settings(max_examples=40, deadline=None)
def test_a_book_from_a_snapshot_forgets_in_the_same_order(numbers: list[int], cut: int, alive: set[int]) -> None:
    lives = [life(number, ends=number not in alive) for number in numbers]
    whole, first = Book(ended_max=3, spent_max=4), Book(ended_max=3, spent_max=4)
    for records in lives:
        replay(records, whole)
    for records in lives[:cut]:
        replay(records, first)
    second = book_of(written(first), Book(ended_max=3, spent_max=4))
    for records in lives[cut:]:
        replay(records, second)
    assert second.digest == whole.digest
    assert [*second.orders] == [*whole.orders]
    assert [*second.spent] == [*whole.spent]


def test_an_intent_is_wanted_once() -> None:
    with pytest.raises(Invalid, match="an intent is wanted once"):
        replay([*RECORDS, RECORDS[0]])


def test_a_record_follows_its_intent() -> None:
    with pytest.raises(Invalid, match="a record follows its order's intent, was sent"):
        replay([Sent(name(), 2)])


def test_what_never_lived_lives_again_as_something_unknown() -> None:
    rejected = Heard(name(), News(Signal.REJECTED, 3))
    book = replay([*RECORDS[:2], rejected])
    assert isinstance(book.orders[name()].order, Rejected)
    assert not book.live
    book.apply(Revived(name(), 4))
    assert isinstance(book.orders[name()].order, Unknown)
    assert name() in book.live


@given(st.integers(1, 60), st.sets(st.integers(0, 59)))
@settings(max_examples=30, deadline=None)
def test_only_whole_families_that_have_ended_are_forgotten_and_their_names_are_not(many: int, alive: set[int]) -> None:
    book = Book(ended_max=5)
    for number in range(many):
        replay(life(number, ends=number not in alive), book)
    held = set(book.orders)
    assert {name(number) for number in alive if number < many} <= held
    assert held | set(book.spent) >= {name(number) for number in range(many)}
    assert len([n for n in held if not book.orders[n].is_open]) <= 2 * 5
    assert set(book.live) == {n for n in held if book.orders[n].is_open}
    assert all(set(parent.children) <= held for parent in book.parents.values())


@given(st.permutations(range(12)), st.integers(0, 12), st.sets(st.integers(0, 11)))
@settings(max_examples=40, deadline=None)
def test_the_index_says_what_the_orders_say_whatever_was_forgotten_or_read(
    numbers: list[int], cut: int, alive: set[int]
) -> None:
    lives = [life(number, ends=number not in alive, closes=number % 3 == 0) for number in numbers]
    first = Book(ended_max=3, spent_max=4)
    for records in lives[:cut]:
        replay(records, first)
    book = book_of(written(first), Book(ended_max=3, spent_max=4))
    for records in lives[cut:]:
        replay(records, book)
    held = [(n, t.order) for n, t in book.orders.items()]
    assert [*book.index.orders.items()] == held
    assert [*book.index.exits.items()] == [(n, order) for n, order in held if order.intent.reduce_only]
    openers = [n for n, order in held if not order.intent.reduce_only]
    assert [n for names in book.index.openers.values() for n in names] == openers
    assert book.index.opener("BTCUSDT", PositionSide.BOTH, Side.BUY) == (openers[-1] if openers else None)
    stops = [(n, t.order) for n, t in book.orders.items() if t.intent.type is OrderType.STOP_MARKET and t.is_open]
    assert [one for found in book.index.stops.values() for one in found.items()] == stops
    numbered = {t.plain_id: n for n, t in book.orders.items() if t.plain_id}
    assert book.index.names == numbered == book.by_plain_id("BTCUSDT")
    assert book.by_plain_id("ETHUSDT") == {}


def test_an_order_has_one_number_at_a_time() -> None:
    intent = stop()
    told = [Heard(intent.client_id, News(Signal.ACCEPTED, at, intent.client_id), str(at)) for at in (77, 78)]
    book = replay([Wanted(intent, "p", intent.quantity, 1), Sent(intent.client_id, 2), *told])
    assert book.index.names == book.by_plain_id(intent.symbol) == {"78": intent.client_id}


def test_every_change_of_the_book_is_counted() -> None:
    book = Book()
    seen = [book.index.changes]
    for record in RECORDS:
        book.apply(record)
        seen.append(book.index.changes)
    assert seen == sorted(set(seen))


def test_the_memory_of_names_is_bounded() -> None:
    book = Book(ended_max=1, spent_max=4)
    for number in range(50):
        replay(life(number), book)
    assert len(book.spent) <= 4
