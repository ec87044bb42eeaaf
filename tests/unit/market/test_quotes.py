"""Each symbol's newest price is told once, with the mark that is known by then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.market.quotes import Quotes
from tests.unit.market.candles import candle, mark, opened

pytestmark = pytest.mark.unit

SYMBOLS = ("AUSDT", "BUSDT")


@given(told=st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(1, 1_000)), max_size=20))
def test_of_many_prices_the_last_is_told_and_none_of_them_again(told: list[tuple[str, int]]) -> None:
    quotes = Quotes()
    for number, (symbol, close) in enumerate(told):
        quotes.take(candle(symbol, number, float(close)))
    last = dict(told)
    assert {price.symbol: float(price.price) for price in quotes.due()} == last
    assert list(quotes.due()) == []


def test_a_mark_is_told_beside_a_price_and_is_no_price_itself() -> None:
    quotes = Quotes()
    quotes.take(mark("AUSDT", 101.0, "0", opened(10), 1))
    assert list(quotes.due()) == []
    quotes.take(candle("AUSDT", 0, 100.0))
    quotes.take(candle("BUSDT", 0, 7.0))
    assert {price.symbol: price.mark for price in quotes.due()} == {"AUSDT": quotes.marks["AUSDT"].mark, "BUSDT": None}
