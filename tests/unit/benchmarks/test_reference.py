from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.market import minute_bars, quantities
from benchmarks.reference import Book, Outcome, crossed, ema_cross, exact, sides
from qt_ray.core.instruments import Instrument
from qt_ray.market.bars import Bars
from qt_ray.market.listing import contract

pytestmark = pytest.mark.unit

ONE = (contract("AAAUSDT", 100.0),)
whole = st.integers(-50, 50).filter(bool).map(Decimal)
prices = st.integers(1, 10_000).map(lambda ticks: Decimal(ticks) / 8)


def bars_of(*closes: list[float]) -> Bars:
    close = np.array(closes, dtype=np.float64).T
    opened = np.vstack([close[:1], close[:-1]])
    ts = np.arange(len(close), dtype=np.int64) * 60_000
    names = tuple(f"S{column}" for column in range(close.shape[1]))
    return Bars(names, 60_000, ts, opened, np.maximum(opened, close), np.minimum(opened, close), close, close)


def run(*closes: list[float], instruments: tuple[Instrument, ...] = ONE) -> Outcome:
    return ema_cross(bars_of(*closes), instruments, tuple(Decimal(2) for _ in closes))


@given(st.lists(st.tuples(whole, prices), min_size=1, max_size=30))
def test_realised_and_open_value_are_the_cash_that_moved(fills: list[tuple[Decimal, Decimal]]) -> None:
    book, realised, cash = Book(), Decimal(0), Decimal(0)
    for quantity, price in fills:
        realised += book.take(quantity, price)
        cash -= quantity * price
    assert abs(cash + book.held * book.entry - realised) < Decimal("1e-15")


@settings(max_examples=10, deadline=None)
@given(st.integers(40, 400), st.integers(0, 1_000))
def test_the_future_changes_no_earlier_fill(count: int, seed: int) -> None:
    bars, instruments = minute_bars(2, 400, seed)
    sizes = quantities(bars, instruments)
    whole_run = ema_cross(bars, instruments, sizes).trades
    cut = ema_cross(bars.window(0, count), instruments, sizes).trades
    assert cut == tuple(trade for trade in whole_run if trade.bar < count)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000))
def test_every_fill_after_the_first_flips_the_whole_position(seed: int) -> None:
    bars, instruments = minute_bars(1, 600, seed)
    size = quantities(bars, instruments)
    trades = ema_cross(bars, instruments, size).trades
    assert abs(trades[0].quantity) == size[0]
    for before, after in pairwise(trades):
        assert abs(after.quantity) == 2 * size[0]
        assert before.quantity * after.quantity < 0


def test_symbols_do_not_influence_each_other() -> None:
    bars, instruments = minute_bars(3, 800)
    sizes = quantities(bars, instruments)
    together = ema_cross(bars, instruments, sizes)
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    alone = Bars(bars.symbols[1:2], bars.interval_ms, bars.ts, *(column[:, 1:2] for column in columns))
    one = ema_cross(alone, instruments[1:2], sizes[1:2])
    assert [replace(t, symbol=1) for t in one.trades] == [t for t in together.trades if t.symbol == 1]
    assert together.trades == tuple(sorted(together.trades, key=lambda t: (t.bar, t.symbol)))


def test_a_rise_is_bought_once_at_the_open_after_the_thirtieth_close() -> None:
    closes = [100.0 + bar for bar in range(60)]
    (trade,) = run(closes).trades
    assert (trade.bar, trade.quantity, trade.price) == (30, Decimal(2), Decimal("129"))
    assert trade.fee == Decimal("0.1032")
    assert trade.realised == 0


def test_a_turn_flips_in_one_order_and_realises_the_first_leg() -> None:
    closes = [100.0 + bar for bar in range(40)] + [140.0 - 3 * bar for bar in range(40)]
    first, second = run(closes).trades
    assert second.quantity == -4
    assert second.realised == 2 * (second.price - first.price)
    assert run(closes).pnl == second.realised - first.fee - second.fee


def test_equal_averages_keep_the_side_and_a_flat_tape_never_trades() -> None:
    assert run([100.0] * 80).trades == ()
    assert set(sides([100.0] * 80)) == {0}


def test_an_order_of_the_last_close_has_no_bar_to_fill_in() -> None:
    closes = [100.0] * 30 + [101.0]
    assert list(crossed(closes)) == []
    assert list(crossed([*closes, 102.0])) == [(31, 0, 1)]


def test_a_fee_rounds_half_to_even_at_the_eighth_place() -> None:
    fine = (replace(contract("AAAUSDT", 100.0), tick=Decimal("0.0001"), step=Decimal("0.0001")),)
    closes = [100.0] * 30 + [100.1234, 100.1235, 100.1236]
    (trade,) = ema_cross(bars_of(closes), fine, (Decimal("0.0625"),)).trades
    assert trade.fee == (trade.price * Decimal("0.0625") * Decimal("0.0004")).quantize(Decimal("1e-8"))


def test_a_float_price_becomes_the_price_on_the_grid() -> None:
    assert exact(0.1 + 0.2, replace(ONE[0], tick=Decimal("0.1"))) == Decimal("0.3")


def test_the_digest_names_every_fill_and_not_their_order_in_memory() -> None:
    bars, instruments = minute_bars(2, 300)
    outcome = ema_cross(bars, instruments, quantities(bars, instruments))
    assert replace(outcome, trades=outcome.trades[::-1]).digest() == outcome.digest()
    assert replace(outcome, trades=outcome.trades[1:]).digest() != outcome.digest()
