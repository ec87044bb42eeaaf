from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Invariant
from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.core.positions import Position
from qt_ray.core.restore import restore
from qt_ray.execution.books import Books
from qt_ray.execution.entries import (
    Carried,
    Cause,
    Moved,
    Opening,
    Traded,
    moved_of,
    traded_in,
    traded_of,
)
from qt_ray.execution.venue.news import OrderNews
from qt_ray.execution.venue.views import IncomeView, PositionSide, TradeView

pytestmark = pytest.mark.unit

BOTH = PositionSide.BOTH
QUOTES = {"BTCUSDT": "USDT", "ETHUSDT": "USDT", "BTCUSDC": "USDC"}
OPENING = Opening(0, {"USDT": Decimal(1000), "BNB": Decimal(2)})
quick = settings(max_examples=60, deadline=None)
money = st.decimals(-100, 100, places=8)


@st.composite
def histories(draw: st.DrawFn) -> list[Traded | Moved]:
    """What a venue may tell: trades it numbered and valued itself, funding, transfers, fees in two assets."""
    story: list[Traded | Moved] = []
    held: dict[tuple[str, PositionSide], Position] = {}
    for number in range(1, draw(st.integers(0, 14)) + 1):
        if draw(st.integers(0, 3)) == 0:
            cause, word = draw(st.sampled_from([(Cause.FUNDING, "FUNDING_FEE"), (Cause.TRANSFERS, "TRANSFER")]))
            story.append(Moved(number, cause, word, "USDT", draw(money), "", number))
            continue
        symbol, position_side = draw(st.sampled_from(sorted(QUOTES))), draw(st.sampled_from(PositionSide))
        side = draw(st.sampled_from(Side))
        quantity, price = draw(st.integers(1, 9)), draw(st.integers(1, 400))
        fee, asset = draw(st.sampled_from([("0.00040001", "USDT"), ("0.001", "BNB"), ("-0.0002", "USDT")]))
        execution = Execution(number, Decimal(quantity) / 1000, Decimal(price), Decimal(fee), asset, False, number)
        before = held.get((symbol, position_side), Position(symbol))
        after = before.apply_fill(side, execution)
        held[symbol, position_side] = after
        realised = (after.realised - before.realised).quantize(Decimal("1e-8"))
        story.append(Traded(symbol, position_side, side, f"o{number}", execution, realised, draw(st.booleans())))
    return story


@pytest.mark.requirement("S4 PositionsAndPnL")
@quick
@given(histories())
def test_a_wallet_is_what_it_began_with_and_what_moved_it_to_the_last_digit(story: list[Traded | Moved]) -> None:
    books = Books.of(OPENING, QUOTES, story)
    books.check()
    for asset, wallet in books.wallets.items():
        fees = sum(
            (e.execution.fee for e in story if isinstance(e, Traded) and e.execution.fee_asset == asset), Decimal(0)
        )
        profit = sum((e.realised for e in story if isinstance(e, Traded) and QUOTES[e.symbol] == asset), Decimal(0))
        moved = sum((e.amount for e in story if isinstance(e, Moved) and e.asset == asset), Decimal(0))
        assert wallet == OPENING.wallets.get(asset, Decimal(0)) + profit - fees + moved
        assert books.total(Cause.FEES, asset) == -fees


@quick
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_and_the_number_of_times_of_hearing_cannot_matter(story: list[Traded | Moved], dice: Random) -> None:
    heard = [*story, *dice.sample(story, len(story) // 2)]
    dice.shuffle(heard)
    assert Books.of(OPENING, QUOTES, heard).digest() == Books.of(OPENING, QUOTES, story).digest()


@quick
@given(histories())
def test_the_same_entry_twice_changes_nothing(story: list[Traded | Moved]) -> None:
    books = Books(OPENING, QUOTES)
    for entry in story:
        assert not books.knows(entry)
        assert books.post(entry)
        before = books.digest()
        assert not books.post(entry)
        assert books.knows(entry)
        assert books.digest() == before


@quick
@given(histories())
def test_entries_survive_their_own_spelling(story: list[Traded | Moved]) -> None:
    for entry in story:
        assert restore(type(entry), decode(canonical(entry))) == entry
    assert restore(Opening, decode(canonical(OPENING))) == OPENING


def fill(number: int, side: Side, quantity: str, price: str, realised: str = "0", **fields: object) -> Traded:
    execution = Execution(number, Decimal(quantity), Decimal(price), Decimal("0.01"), "USDT", True, number)
    entry = Traded("BTCUSDT", BOTH, side, "7", execution, Decimal(realised))
    return replace(entry, **fields)  # type: ignore[arg-type]


def test_one_name_for_two_trades_is_a_breach_and_changes_nothing() -> None:
    books = Books.of(OPENING, QUOTES, [fill(1, Side.BUY, "1", "100")])
    before = books.digest()
    other = fill(1, Side.BUY, "2", "100")
    assert "BTCUSDT:1:BUY: a name in the books means one thing" in (books.contradiction(other) or "")
    with pytest.raises(Invariant, match="means one thing"):
        books.post(other)
    assert books.digest() == before


def test_an_account_that_trades_with_itself_has_one_number_twice() -> None:
    books = Books.of(OPENING, QUOTES, [fill(1, Side.BUY, "1", "100"), fill(1, Side.SELL, "1", "100", order_id="8")])
    assert books.positions == {}
    assert len(books.entries) == 2


def test_a_foreign_trade_is_adopted_and_flagged_until_its_order_is_known_as_ours() -> None:
    trade = fill(1, Side.BUY, "1", "100", foreign=True)
    books = Books.of(OPENING, QUOTES, [trade])
    assert books.foreign == (trade,)
    assert books.position("BTCUSDT").quantity == 1
    assert books.post(fill(1, Side.BUY, "1", "100"))
    assert books.foreign == ()
    assert books.position("BTCUSDT").quantity == 1
    assert not books.post(trade)
    assert books.foreign == ()


def test_what_lies_before_the_opening_is_in_it_already() -> None:
    carried = Carried("BTCUSDT", BOTH, Decimal(-2), Decimal(100))
    books = Books(Opening(50, {"USDT": Decimal(10)}, (carried,), {"BTCUSDT": 9}), QUOTES)
    assert not books.post(fill(9, Side.SELL, "1", "100"))
    assert not books.post(Moved(1, Cause.FUNDING, "FUNDING_FEE", "USDT", Decimal(1), "", 50))
    assert books.wallets == {"USDT": Decimal(10)}
    assert books.post(fill(10, Side.BUY, "2", "90", "20"))
    assert books.positions == {}
    assert books.wallets == {"USDT": Decimal("29.99")}
    books.check()


def test_a_profit_that_no_cash_explains_is_a_breach() -> None:
    story = [fill(1, Side.BUY, "1", "100"), fill(2, Side.SELL, "1", "110", "11")]
    with pytest.raises(Invariant, match="realised what it paid and received, 10, was 11"):
        Books.of(OPENING, QUOTES, story).check()


def test_the_sides_of_hedge_mode_are_positions_of_their_own() -> None:
    story = [
        fill(1, Side.BUY, "2", "100", position_side=PositionSide.LONG),
        fill(2, Side.SELL, "3", "100", position_side=PositionSide.SHORT),
    ]
    books = Books.of(OPENING, QUOTES, story)
    assert books.position("BTCUSDT", PositionSide.LONG).quantity == 2
    assert books.position("BTCUSDT", PositionSide.SHORT).quantity == -3
    assert books.position("BTCUSDT").is_flat


def test_a_symbol_without_a_known_quote_is_refused() -> None:
    with pytest.raises(Invalid, match="known quote asset"):
        Books(OPENING, {}).post(fill(1, Side.BUY, "1", "100"))


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("FUNDING_FEE", Cause.FUNDING),
        ("TRANSFER", Cause.TRANSFERS),
        ("INSURANCE_CLEAR", Cause.INSURANCE),
        ("CONTEST_REWARD", Cause.OTHER),
        ("COMMISSION", None),
        ("REALIZED_PNL", None),
    ],
)
def test_a_movement_has_a_cause_unless_its_trade_says_it_already(word: str, cause: Cause | None) -> None:
    found = moved_of(IncomeView(5, word, "USDT", Decimal(-1), "BTCUSDT", 3))
    assert (found.cause if found else None) is cause


def test_a_trade_reads_the_same_from_the_stream_and_from_the_list() -> None:
    trade = fill(1, Side.BUY, "1", "100")
    view = TradeView("7", "BTCUSDT", Side.BUY, BOTH, trade.execution, Decimal(0))
    news = OrderNews(
        "BTCUSDT", "x", "7", Side.BUY, BOTH, OrderType.MARKET, "TRADE", "FILLED", Decimal(1), Decimal(1), None,
        Decimal(100), False, trade.execution, Decimal(0), 5,
    )  # fmt: skip
    assert traded_of(view, foreign=False) == traded_in(news, foreign=False) == trade


def test_news_that_is_no_trade_is_no_entry() -> None:
    news = OrderNews(
        "BTCUSDT", "x", "7", Side.BUY, BOTH, OrderType.LIMIT, "NEW", "NEW", Decimal(1), Decimal(0), Decimal(9), None,
        False, None, Decimal(0), 5,
    )  # fmt: skip
    assert traded_in(news, foreign=False) is None


def test_a_wallet_that_something_else_touched_is_found() -> None:
    books = Books.of(OPENING, QUOTES, [fill(1, Side.BUY, "1", "100")])
    books._wallets["USDT"] += 1
    with pytest.raises(Invariant, match=r"USDT: a wallet is what it began with and what moved it, 999.99, was 1000.99"):
        books.check()


def test_without_a_last_trade_it_is_the_hour_that_says_what_lies_before() -> None:
    books = Books(Opening(5, {}), QUOTES)
    assert not books.post(fill(4, Side.BUY, "1", "100"))
    assert books.post(fill(5, Side.BUY, "1", "100"))
