from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.core.restore import restore
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Cause, Moved, Traded
from qt_ray.execution.standing import Proven, Shelf, Standing, posted_of
from tests.unit.execution.test_books import BOTH, OPENING, QUOTES, fill, histories, quick

pytestmark = pytest.mark.unit

Story = list[Traded | Moved]


def resumed(first: Story) -> Books:
    """Return books that begin with what earlier ones left, as it comes back from a disk."""
    earlier = Books(OPENING, QUOTES)
    written = [(entry.key, canonical(entry)) for entry in first if earlier.post(entry)]
    standing = restore(Standing, decode(canonical(earlier.standing(Proven()))))
    return Books.resumed(standing, QUOTES, Shelf(written))


def answers(books: Books, asked: Story) -> list[object]:
    """Return what books say to everything that anybody can ask them."""
    said: list[object] = [books.wallets, books.positions, books.foreign, books.entries, books.digest()]
    said += [books.total(cause, asset) for cause in Cause for asset in ("USDT", "USDC", "BNB")]
    said += [(books.knows(entry), books.contradiction(entry)) for entry in asked]
    trades = [entry for entry in asked if isinstance(entry, Traded)]
    names = [(trade.symbol, trade.execution.trade_id, trade.side) for trade in trades]
    said += [(books.has_trade(*name), books.trade(*name)) for name in names]
    return said + [books.position(trade.symbol, trade.position_side) for trade in trades]


@quick
@given(histories(), st.integers(0, 20), st.randoms(use_true_random=False))
def test_books_from_a_standing_and_the_rest_are_the_books_of_all(story: Story, cut: int, dice: Random) -> None:
    story = [posted_of(canonical(entry)) for entry in story]
    heard = [*story, *dice.sample(story, len(story) // 2)]
    dice.shuffle(heard)
    books, whole = resumed(heard[:cut]), Books.of(OPENING, QUOTES, heard)
    for entry in heard[cut:]:
        books.post(entry)
    other = [replace(entry, realised=Decimal(7)) for entry in story if isinstance(entry, Traded)]
    strange = [replace(entry, foreign=True) for entry in story if isinstance(entry, Traded)]
    assert answers(books, [*story, *other, *strange]) == answers(whole, [*story, *other, *strange])
    books.check()


@quick
@given(histories(), st.integers(0, 20), st.integers(0, 20))
def test_a_standing_can_follow_a_standing(story: Story, first: int, second: int) -> None:
    early, late = sorted((first, second))
    books = resumed(story[:early])
    written = [(entry.key, canonical(entry)) for entry in story[:late]]
    for entry in story[early:late]:
        books.post(entry)
    again = Books.resumed(books.standing(Proven()), QUOTES, Shelf(written))
    for entry in story[late:]:
        again.post(entry)
    assert again.digest() == Books.of(OPENING, QUOTES, story).digest()
    assert again.standing(Proven()) == Books.of(OPENING, QUOTES, story).standing(Proven())


def test_what_was_written_is_not_read_until_somebody_asks_for_it() -> None:
    standing = Books.of(OPENING, QUOTES, [fill(1, Side.BUY, "1", "100")]).standing(Proven())
    books = Books.resumed(standing, QUOTES, Shelf([("BTCUSDT:1:BUY", b"not to be read")]))
    assert books.has_trade("BTCUSDT", 1, Side.BUY)
    assert books.post(fill(2, Side.SELL, "1", "110"))
    assert books.position("BTCUSDT", BOTH).is_flat
    with pytest.raises(Invalid):
        books.trade("BTCUSDT", 1, Side.BUY)


def test_a_trade_that_is_told_again_after_any_time_is_not_posted_twice() -> None:
    books = resumed([fill(1, Side.BUY, "1", "100"), fill(2, Side.SELL, "1", "110")])
    assert not books.post(fill(1, Side.BUY, "1", "100"))
    assert "means one thing" in (books.contradiction(fill(1, Side.BUY, "3", "100")) or "")


def test_a_trade_that_comes_before_what_is_on_the_shelf_takes_its_place_there() -> None:
    story: Story = [fill(1, Side.BUY, "1", "100"), fill(2, Side.BUY, "1", "200"), fill(3, Side.SELL, "1", "210")]
    books = resumed([story[0], story[2]])
    assert books.post(story[1])
    assert books.position("BTCUSDT") == Books.of(OPENING, QUOTES, story).position("BTCUSDT")
