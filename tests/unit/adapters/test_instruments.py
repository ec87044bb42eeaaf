from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.instruments import (
    DEFAULT_FILE,
    fit_to_data,
    infer_instrument,
    lie_on,
    load_instruments,
    pick,
)
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.instruments import instrument_rows
from qt_ray.market.bars import Bars

pytestmark = pytest.mark.unit

BTC = load_instruments()["BTCUSDT"]
SYMBOLS = "BTC ETH SOL BNB XRP DOGE ADA TRX SUI 1000PEPE"


def test_the_instruments_that_come_with_the_program_are_whole() -> None:
    instruments = load_instruments()
    assert set(instruments) == {f"{base}USDT" for base in SYMBOLS.split()}
    rows, brackets = instrument_rows(tuple(instruments.values()))
    assert len(rows) == 10
    assert (brackets["leverage_max"] >= 1).all()
    assert instruments["BTCUSDT"].tick == Decimal("0.1")
    assert instruments["BTCUSDT"].notional_min == 50


def test_brackets_are_continuous_in_margin() -> None:
    for instrument in load_instruments().values():
        for low, high in pairwise(instrument.brackets):
            at = high.floor
            below = at * low.maintenance_rate - low.deduction
            assert at * high.maintenance_rate - high.deduction == below, (instrument.symbol, at)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('tick: "0.1"', "tick: 0.1", "BTCUSDT: tick: an amount is quoted"),
        ('tick: "0.1"', 'tick: "0"', "BTCUSDT: tick: .*greater than 0"),
        ('tick: "0.1"', 'tick: "cheap"', "BTCUSDT: tick: "),
        ('tick: "0.1"', 'tick: "1e-9"', "BTCUSDT: tick times step is a multiple of 1e-8"),
        ('tick: "0.1"', 'tickk: "0.1"', "BTCUSDT: tick: present, was missing"),
        (
            'step: "0.001"',
            'step: "0.001"\n    colour: red',
            "BTCUSDT: colour: a known field, this one is not",
        ),
        ('["0", 125, "0.004", "0"]', '["5", 125, "0.004", "0"]', "BTCUSDT: brackets: brackets rise from 0"),
        ('["0", 125, "0.004", "0"]', '["0", 3, "0.004", "0"]', "a higher bracket allows no more leverage"),
        ('"480000000", 4', '"600000000", 4', "BTCUSDT: an amount is finite and at most"),
        ("schema: qt.instruments/1", "schema: qt.instruments/9", "schema: "),
    ],
)
def test_a_bad_file_is_refused_by_symbol_and_field(tmp_path: Path, old: str, new: str, line: str) -> None:
    text = DEFAULT_FILE.read_text()
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InvalidConfig, match=line) as caught:
        load_instruments(path)
    assert str(caught.value).startswith("mine.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_symbol_without_filters_is_refused_with_a_hint() -> None:
    instruments = load_instruments()
    assert [i.symbol for i in pick(instruments, ["ETHUSDT", "BTCUSDT"], "")] == ["ETHUSDT", "BTCUSDT"]
    with pytest.raises(Invalid, match=r"^NEWUSDT: a symbol has filters, this one has none; look there$"):
        pick(instruments, ["NEWUSDT"], "look there")


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=50), st.integers(0, 5))
def test_after_fitting_every_price_lies_on_the_tick(units: list[int], decimals: int) -> None:
    instrument = BTC
    prices = np.array(units) / 10**decimals
    fitted = fit_to_data(instrument, np.append(prices, np.nan))
    assert lie_on(prices, fitted.tick)
    assert fitted.tick <= instrument.tick
    if lie_on(prices, instrument.tick):
        assert fitted == instrument


def test_a_tick_that_is_no_power_of_ten_is_kept_if_prices_lie_on_it() -> None:
    instrument = replace(load_instruments()["ETHUSDT"], tick=Decimal("0.05"))
    assert fit_to_data(instrument, np.array([1.05, 2.1])) == instrument
    assert fit_to_data(instrument, np.array([1.05, 2.12])).tick == Decimal("0.01")
    with pytest.raises(Invalid, match="at most 8 decimals"):
        fit_to_data(instrument, np.array([1 / 3]))


def bars(prices: list[float], volumes: list[float]) -> Bars:
    column = np.array(prices)[:, None]
    ts = 60_000 * np.arange(len(prices))
    return Bars(("NEWUSDT",), 60_000, ts, column, column, column, column, np.array(volumes)[:, None])


def test_filters_are_inferred_from_decimals_and_stay_cautious() -> None:
    instrument = infer_instrument("NEWUSDT", bars([1.25, 1.3, np.nan], [10.0, 0.5, np.nan]))
    assert (instrument.tick, instrument.step) == (Decimal("0.01"), Decimal("0.1"))
    assert max(bracket.leverage_max for bracket in instrument.brackets) == 20
    with pytest.raises(Invalid, match="at least one bar"):
        infer_instrument("NEWUSDT", bars([np.nan], [np.nan]))
