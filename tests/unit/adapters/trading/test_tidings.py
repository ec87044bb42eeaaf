"""Whoever applies tidings once by their number holds what the books hold, whatever was cut off in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.trading.memory import Memory
from qt_ray.adapters.trading.tidings import TidingLog
from qt_ray.core.codec import canonical
from qt_ray.core.orders import Execution, PositionSide, Side
from qt_ray.engine.bulletin import PAGE_MAX, Bulletin
from qt_ray.engine.tidings import Ended, Filled, Paid, Stand, Tiding
from qt_ray.execution.books import Books
from qt_ray.execution.entries import Cause, Entry, Moved, Opening, Traded
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.records import Ending, Heard, Record, Sent, Wanted
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.standing import Proven
from tests.unit.execution.gateway.stories import entry, name

pytestmark = pytest.mark.unit

QUOTES = {"BTCUSDT": "USDT"}
OPENING = Opening(1, {"USDT": Decimal(10_000)})
TEN, FOUR, SIX = Decimal(10), Decimal(4), Decimal(6)
Lines = list[Record | Entry]


def done(trade_id: int, quantity: Decimal, asset: str = "USDT") -> Execution:
    return Execution(trade_id, quantity, Decimal(100), Decimal("0.04"), asset, False, trade_id)


def traded(number: int, execution: Execution, foreign: bool = False) -> Traded:
    return Traded("BTCUSDT", PositionSide.BOTH, Side.BUY, str(number), execution, Decimal(number % 3), foreign)


def heard(number: int, signal: Signal, executed: Decimal, execution: Execution | None) -> Heard:
    return Heard(name(number), News(signal, number, str(number), executed, execution), str(number))


def life(number: int, kind: int) -> list[Lines]:
    """Return the turns of one order's life, or of something else that happens to an account."""
    begun: Lines = [Wanted(entry(number), f"p{number}", TEN, number), Sent(name(number), number)]
    some, rest = done(2 * number, FOUR, "BNB"), done(2 * number + 1, SIX)
    if kind == 0:  # news of the end before that of the trades, all in one turn
        end = heard(number, Signal.FILLED, TEN, rest)
        return [begun, [end], [heard(number, Signal.TRADED, TEN, some), traded(number, rest), traded(number, some)]]
    if kind == 1:
        part: Lines = [heard(number, Signal.TRADED, FOUR, some), traded(number, some)]
        return [begun, [*part, Ending(name(number), "no", 1)], [heard(number, Signal.CANCELLED, FOUR, None)]]
    if kind == 2:
        return [[Moved(number, Cause.FUNDING, "FUNDING_FEE", "USDT", Decimal(-1), "BTCUSDT", 5 + number)]]
    if kind == 3:
        return [[traded(number, done(2 * number, FOUR), foreign=True)]]
    if kind == 4:  # taken for a stranger's until its order is known to be ours
        whole = done(2 * number, TEN)
        known = heard(number, Signal.FILLED, TEN, whole)
        return [begun, [traded(number, whole, foreign=True)], [known, traded(number, whole)]]
    return [begun, [heard(number, Signal.REJECTED, Decimal(0), None)]]


@dataclass
class Account:
    """A journal on disk, the life of a process on it, and what the process has in its books."""

    folder: Path

    def __post_init__(self) -> None:
        self.log = TidingLog("USDT")
        self.memory = Memory(self.folder, Book(ended_max=3, spent_max=5), follower=self.log)
        if self.memory.is_empty:
            self.memory.post([OPENING])
        self.books = self.memory.books(QUOTES)

    def turn(self, lines: Sequence[Record | Entry]) -> None:
        payloads = []
        for line in lines:
            if isinstance(line, Traded | Moved):
                payloads += self.memory.note([line])
                self.books.post(line)
            else:
                assert not isinstance(line, Opening)
                self.memory.book.apply(line)
                payloads.append(canonical(line))
        self.memory.append_many(payloads)

    def reborn(self) -> "Account":
        self.memory.close()
        return Account(self.folder)


@dataclass
class Reader:
    """Somebody who knows what he was told, and may lose an answer."""

    cursor: int = 0
    wallet: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    working: set[str] = field(default_factory=set)
    stands: int = 0

    def apply(self, tidings: Sequence[Tiding]) -> None:
        for tiding in tidings:
            if isinstance(tiding.what, Stand) or tiding.number > self.cursor:
                self._apply(tiding)
                self.cursor = tiding.number

    def _apply(self, tiding: Tiding) -> None:
        what = tiding.what
        if isinstance(what, Stand):
            self.wallet, self.stands = what.wallet, self.stands + 1
            self.held = what.holdings["BTCUSDT"].quantity if what.holdings else Decimal(0)
            self.working = set(what.working)
        elif isinstance(what, Filled):
            self.held += what.quantity
            self.wallet += what.realised - what.fee
        elif isinstance(what, Paid):
            self.wallet += what.amount
        else:
            self.working.discard(what.client_id)

    def holds(self, books: Books) -> bool:
        return (self.held, self.wallet) == (books.position("BTCUSDT").quantity, books.wallets["USDT"])


def turns(kinds: Sequence[int]) -> Iterator[Lines]:
    for number, kind in enumerate(kinds, 1):
        yield from life(number, kind)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.lists(st.sampled_from(["", "ask", "ask twice", "lose", "crash", "snapshot", "forget"]), max_size=40),
)
def test_whatever_is_cut_off_a_reader_holds_what_the_books_hold(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[int], deeds: list[str]
) -> None:
    account, reader = Account(tmp_path_factory.mktemp("account")), Reader()
    for lines, deed in zip(turns(kinds), [*deeds, *[""] * 60], strict=False):
        account.turn(lines)
        told = account.log.since(reader.cursor, account.books, 7)
        if deed in ("ask", "ask twice"):
            reader.apply(told)
            assert reader.holds(account.books)
        if deed == "ask twice":
            reader.apply(told)
            assert reader.holds(account.books)
        elif deed == "crash":
            account = account.reborn()
        elif deed == "snapshot":
            account.memory.keep(account.books, Proven())
            account = account.reborn()
        elif deed == "forget":
            reader = Reader()
    reader.apply(account.log.since(reader.cursor, account.books, 9))
    assert reader.holds(account.books)
    assert not account.log.has_since(reader.cursor)
    assert account.log.since(reader.cursor, account.books, 9) == ()
    assert not reader.working
    account.memory.close()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=10), st.data())
def test_a_tiding_has_the_same_number_in_every_life(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[int], data: st.DataObject
) -> None:
    account = Account(tmp_path_factory.mktemp("account"))
    at = account.log.read()
    every = list(turns(kinds))
    cut = data.draw(st.integers(0, len(every)))
    for lines in every[:cut]:
        account.turn(lines)
    account = account.reborn()
    for lines in every[cut:]:
        account.turn(lines)
    first = account.log.since(at, account.books, 0)
    second = account.reborn()
    assert second.log.since(at, second.books, 0) == first
    numbers = [tiding.number for tiding in first]
    assert numbers == sorted(set(numbers))
    second.memory.close()


def test_an_end_is_told_after_everything_that_the_order_traded(tmp_path: Path) -> None:
    account = Account(tmp_path)
    at = account.log.read()
    for lines in life(1, 0):
        account.turn(lines)
    told = [tiding.what for tiding in account.log.since(at, account.books, 0)]
    assert [type(what) for what in told] == [Filled, Filled, Ended]
    assert {what.client_id for what in told if isinstance(what, Filled | Ended)} == {name(1)}
    fees = [what.fee for what in told if isinstance(what, Filled)]
    assert fees == [Decimal("0.04"), Decimal(0)]  # the second was paid in another asset than the fund's
    account.memory.close()


def test_who_begins_or_was_away_for_too_long_hears_how_the_account_stands(tmp_path: Path) -> None:
    account = Account(tmp_path)
    (first,) = account.log.since(0, account.books, 7)
    assert first.what == Stand(Decimal(10_000), {}, (), 7)
    account.turn(life(1, 1)[0])
    (second,) = account.log.since(0, account.books, 8)
    assert isinstance(second.what, Stand)
    assert second.what.working == (name(1),)
    assert account.log.since(10**9, account.books, 8)[0].what == second.what
    account.memory.close()


def test_what_is_kept_has_a_named_maximum_and_an_answer_is_a_page() -> None:
    bulletin, books = Bulletin("USDT", kept_max=3), Books(OPENING, QUOTES)
    for number in range(1, 6):
        bulletin.take(number, Moved(number, Cause.FUNDING, "FUNDING_FEE", "USDT", Decimal(1), "", 5))
    assert [tiding.number for tiding in bulletin.since(4, books, 0)] == [6, 8, 10]
    assert isinstance(bulletin.since(3, books, 0)[0].what, Stand)
    long = Bulletin("USDT")
    for number in range(1, PAGE_MAX + 3):
        long.take(number, Moved(number, Cause.FUNDING, "FUNDING_FEE", "USDT", Decimal(1), "", 5))
    first = long.since(1, books, 0)
    assert len(first) == PAGE_MAX
    assert len(long.since(first[-1].number, books, 0)) == 2
