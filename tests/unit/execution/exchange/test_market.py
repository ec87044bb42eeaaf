from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Quote, listing_of
from qt_ray.execution.exchange.market import TURN_SYMBOLS, Outside
from qt_ray.market.bars import Bars
from qt_ray.market.listing import listed
from qt_ray.market.synthetic import synthetic
from tests.unit.execution.exchange.floor import BTC, ETH, START, D, listing

pytestmark = pytest.mark.unit

MINUTE_MS = 60_000
ROWS = 5
moments = st.integers(0, 4 * ROWS * MINUTE_MS).map(lambda ms: START + ms)


def bars(symbols: tuple[str, ...] = (BTC, ETH), hole: int | None = None) -> Bars:
    """Five bars that rise, fall, and rise; a hole is a bar that is missing."""
    opened = np.array([100.0, 102.0, 101.0, 99.0, 103.0])
    closed = np.array([102.0, 101.0, 99.0, 103.0, 104.0])
    table = [opened, np.maximum(opened, closed) + 1.0, np.minimum(opened, closed) - 1.0, closed]
    columns = [np.repeat(column[:, None], len(symbols), axis=1) for column in table]
    if hole is not None:
        for column in columns:
            column[hole] = np.nan
    ts = np.arange(ROWS, dtype=np.int64) * MINUTE_MS
    funding = np.full((ROWS, len(symbols)), np.nan)
    funding[3] = -0.0002
    return Bars(symbols, MINUTE_MS, ts, *columns, np.ones((ROWS, len(symbols))), funding)


def outside(seed: int = 1, hole: int | None = None) -> Outside:
    return Outside([listing(), listing(ETH)], bars(hole=hole), seed, START)


@settings(max_examples=40, deadline=None)
@given(st.lists(moments, min_size=1, max_size=8), st.integers(0, 99))
def test_a_moment_is_the_same_whoever_asked_before(asked: list[int], seed: int) -> None:
    used = outside(seed)
    first = {at: used.quotes(at) for at in asked}
    fresh = outside(seed)
    assert {at: fresh.quotes(at) for at in reversed(asked)} == first


@settings(max_examples=80, deadline=None)
@given(moments)
def test_every_quote_is_a_market(at: int) -> None:
    quote = outside().quote(BTC, at)
    assert quote.time_ms <= at < quote.time_ms + 100
    bids, asks = [level.price for level in quote.bids], [level.price for level in quote.asks]
    assert len(bids) == len(asks) == 10
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
    assert quote.last in (bids[0], asks[0])
    assert all(price % D("0.1") == 0 for price in (*bids, *asks, quote.mark, quote.index))
    assert all(level.quantity > 0 and level.quantity % D("0.001") == 0 for level in (*quote.bids, *quote.asks))
    assert abs(quote.mark / quote.last - 1) < D("0.005")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, ROWS * MINUTE_MS - 1))
def test_a_price_stays_in_the_range_of_its_bar(elapsed_ms: int) -> None:
    recorded, row = bars(), elapsed_ms // MINUTE_MS
    quote = outside().quote(BTC, START + elapsed_ms)
    assert float(recorded.low[row, 0]) - 0.2 <= float(quote.last) <= float(recorded.high[row, 0]) + 0.2


def test_a_bar_is_walked_from_open_over_its_extremes_to_close() -> None:
    def middle(share: float) -> float:
        quote = outside().quote(BTC, START + int(share * MINUTE_MS))
        return float(quote.bids[0].price + quote.asks[0].price) / 2

    assert middle(0.0) == pytest.approx(100.0, abs=0.15)
    assert middle(0.3) == pytest.approx(99.0, abs=0.3)
    assert middle(0.7) == pytest.approx(103.0, abs=0.3)
    assert middle(0.999) == pytest.approx(102.0, abs=0.15)
    assert middle(1.3) == pytest.approx(103.0, abs=0.3)


def test_after_the_last_bar_the_path_goes_on_without_a_gap() -> None:
    x, end = outside(), START + ROWS * MINUTE_MS
    prices = [float(x.quote(BTC, end + at * 100).last) for at in range(-20, 20)]
    assert max(abs(a - b) for a, b in pairwise(prices)) < 0.3


def test_symbols_and_seeds_differ() -> None:
    first, other = outside(1).quotes(START), outside(2).quotes(START)
    assert [quote.symbol for quote in first] == [BTC, ETH]
    assert first[0].bids != other[0].bids
    assert [level.quantity for level in first[0].bids] != [level.quantity for level in first[1].bids]


def test_a_jump_stays_and_a_split_parts_the_mark_for_a_while() -> None:
    x = outside()
    before = x.quote(BTC, START)
    x.jump(BTC, 0.7, START + 1_000, over_ms=2_000)
    x.split_mark(BTC, 1.1, START + 10_000, START + 20_000)
    assert x.quote(BTC, START) == before

    def ratio(at: int) -> float:
        return float(x.quote(BTC, at).last / outside().quote(BTC, at).last)

    assert ratio(START + 2_000) == pytest.approx(0.85, abs=0.01)
    assert ratio(START + 60_000) == pytest.approx(0.7, abs=0.01)
    split, whole = x.quote(BTC, START + 15_000), x.quote(BTC, START + 20_000)
    assert float(split.mark / split.last) == pytest.approx(1.1, abs=0.01)
    assert float(whole.mark / whole.last) == pytest.approx(1.0, abs=0.01)
    assert x.quote(ETH, START + 60_000) == outside().quote(ETH, START + 60_000)


def test_a_missing_bar_stands_at_the_close_before_it() -> None:
    for hole, price in ((1, 102.0), (0, 102.0)):
        quote = outside(hole=hole).quote(BTC, START + hole * MINUTE_MS + 30_000)
        assert float(quote.last) == pytest.approx(price, abs=0.2)


def test_the_funding_rate_is_that_of_the_next_settlement() -> None:
    x = outside()
    assert x.quote(BTC, START).funding_rate == D("-0.0002")
    assert x.quote(BTC, START + 4 * MINUTE_MS).funding_rate == D("0.0001")


def test_made_up_contracts_trade_at_the_exchange() -> None:
    symbols = ("AAAUSDT", "BBBUSDC")
    world = synthetic(symbols, MINUTE_MS, seed=3)
    listings = [listing_of(instrument) for instrument in listed(symbols, 3)]
    assert [(one.base, one.quote) for one in listings] == [("AAA", "USDT"), ("BBB", "USDC")]
    assert [tier.cap for tier in listings[0].brackets[:2]] == [D(50_000), D(250_000)]
    market, x = Outside(listings, world.bars(30), 3, START), Exchange(listings, START)
    heard: list[Quote] = []
    for at in range(START, START + 5_000, 100):
        for quote in market.quotes(at):
            x.quote(quote, at)
            heard.append(quote)
    assert len({quote.last for quote in heard}) > 10


def test_many_symbols_move_in_turns_and_each_always_in_its_own() -> None:
    symbols = tuple(f"S{number}USDT" for number in range(2 * TURN_SYMBOLS + 1))
    market = Outside([listing(symbol) for symbol in symbols], bars(symbols), 1, START)
    assert [turn.phase_ms for turn in market.turns] == [0, 33, 66]
    assert tuple(symbol for turn in market.turns for symbol in turn.symbols) == symbols
    for turn in market.turns:
        begun = START + 100 + turn.phase_ms
        for at, told in ((begun - 1, begun - 100), (begun, begun), (begun + 99, begun)):
            assert {market.quote(symbol, at).time_ms for symbol in turn.symbols} == {told}


def test_a_few_symbols_move_at_once() -> None:
    assert [turn.phase_ms for turn in outside().turns] == [0]


def test_what_makes_no_market_is_refused() -> None:
    nothing = bars((BTC,))
    nothing.close[:] = np.nan
    for given_bars, step_ms in ((bars((ETH,)), 100), (bars(), 0), (nothing, 100)):
        with pytest.raises(Invalid):
            Outside([listing()], given_bars, 1, START, step_ms)
    with pytest.raises(Invalid):
        outside().jump(BTC, 0.0, START)


def test_a_price_of_few_ticks_has_few_levels() -> None:
    quote = Outside([listing(tick=D(20))], bars((BTC,)), 1, START).quote(BTC, START)
    assert 0 < len(quote.bids) < len(quote.asks) == 10
    assert quote.bids[-1].price == D(20)
