import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.market.bars import Bars
from qt_ray.market.listing import contract, listed
from qt_ray.market.plant import Plant, hits
from qt_ray.market.stress import flash_crash, gap, melt_up
from qt_ray.market.synthetic import Climate, SyntheticMarket, synthetic

pytestmark = pytest.mark.unit

MINUTE = 60_000
HOUR = 3_600_000
NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT")
COLUMNS = ("ts", "open", "high", "low", "close", "volume", "funding", "mark")


def market(strength: float = 0.2, seed: int = 5, **changes: Any) -> SyntheticMarket:
    return replace(synthetic(NAMES, MINUTE, seed, strength), **changes)


def same(left: Bars, right: Bars) -> bool:
    pairs = ((getattr(left, name), getattr(right, name)) for name in COLUMNS)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def returns(bars: Bars) -> np.ndarray:
    return np.diff(np.log(bars.close), axis=0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(1, 97))
def test_the_stream_equals_the_block_whatever_the_size_of_its_pieces(seed: int, count: int, piece: int) -> None:
    world = market(seed=seed)
    block = world.bars(count)
    pieces = list(itertools.islice(world.stream(piece), -(-count // piece)))
    for name in COLUMNS:
        joined = np.concatenate([getattr(part, name) for part in pieces])[:count]
        assert np.array_equal(joined, getattr(block, name), equal_nan=True)


def test_every_column_of_the_stream_equals_the_block() -> None:
    world = market(stresses=(flash_crash(70), gap(120), melt_up(200)))
    block = world.bars(300)
    for start, row in zip(range(300), world.stream(), strict=False):
        assert same(row, block.window(start, start + 1))


def test_the_same_seed_gives_the_same_bars_and_another_seed_others() -> None:
    assert market().bars(500).digest() == market().bars(500).digest()
    assert market().bars(500).digest() != market(seed=6).bars(500).digest()


def test_a_seed_means_the_same_prices_in_every_release() -> None:
    bars = synthetic(("AAAUSDT",), MINUTE, 1).bars(200)
    assert bars.close[[0, 1, 2, 50, 100, 199], 0].tolist() == [
        1855.78,
        1856.43,
        1855.38,
        1851.91,
        1845.55,
        1870.9,
    ]
    assert bars.volume[[0, 199], 0].tolist() == [13.69, 12.959]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([MINUTE, 5 * MINUTE, HOUR]), st.floats(0, 1))
def test_bars_are_consistent_and_on_the_grid(seed: int, interval_ms: int, strength: float) -> None:
    world = synthetic(NAMES, interval_ms, seed, strength)
    bars = world.bars(300)
    assert np.array_equal(bars.open[1:], bars.close[:-1])
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume > 0).all()
    assert (np.diff(bars.close, axis=0) != 0).all()
    for column, instrument in enumerate(world.instruments):
        for prices in (bars.open, bars.high, bars.low, bars.close, bars.mark):
            assert prices is not None
            assert all(on_grid(price, instrument) for price in prices[::37, column].tolist())


def on_grid(price: float, instrument: Instrument) -> bool:
    return Decimal(repr(price)) % instrument.tick == 0


@pytest.mark.parametrize("strength", [0.05, 0.2, 0.6])
def test_the_oracle_is_right_exactly_as_often_as_promised(strength: float) -> None:
    world = market(strength)
    right, calls = hits(world.oracle(bars := world.bars(50_000)), bars)
    assert calls > 0.98 * (50_000 - world.plant.warm_up) * len(NAMES)
    error = sqrt(0.25 / calls)
    assert abs(right / calls - world.best_accuracy()) < 4 * error
    assert right / calls > 0.5 + 4 * error


def test_nothing_planted_means_the_planted_rule_is_a_coin() -> None:
    world = market(0.0)
    bars = world.bars(50_000)
    assert world.best_accuracy() == 0.5
    assert hits(world.oracle(bars), bars)[1] == 0
    right, calls = hits(np.asarray(world.plant.direction(bars) + 0.5, dtype=np.float64), bars)
    assert abs(right / calls - 0.5) < 4 * sqrt(0.25 / calls)


def test_the_plant_survives_ticks_so_coarse_that_most_moves_are_one_tick() -> None:
    coarse = tuple(replace(contract(name, 100.0), tick=Decimal("0.25")) for name in NAMES)
    world = market(0.3, instruments=coarse, prices=(100.0,) * len(NAMES))
    bars = world.bars(30_000)
    assert np.median(np.abs(np.diff(bars.close, axis=0))) == 0.25
    right, calls = hits(world.oracle(bars), bars)
    assert abs(right / calls - 0.65) < 4 * sqrt(0.25 / calls)


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 399), st.integers(0, 2**32))
def test_the_oracle_reads_no_bar_that_is_not_finished(row: int, seed: int) -> None:
    world = market(seed=seed)
    bars = world.bars(400)
    other = replace(bars, close=bars.close.copy(), volume=bars.volume.copy())
    other.close[row + 1 :] *= 0.5
    other.volume[row + 1 :] *= 3.0
    assert np.array_equal(world.oracle(bars)[: row + 1], world.oracle(other)[: row + 1])


def test_a_missing_bar_silences_the_oracle_while_it_is_in_a_window() -> None:
    world = market()
    bars = world.bars(400)
    for column in (bars.close, bars.volume):
        column[200, 0] = np.nan
    said = world.plant.direction(bars)[:, 0]
    assert (said[200 : 200 + world.plant.usual_bars] == 0).all()
    assert (said[200 + world.plant.usual_bars :] != 0).any()


def test_a_symbol_has_the_same_path_whoever_else_is_listed() -> None:
    alone, crowd = synthetic(("BBBUSDT",), MINUTE, 5), synthetic(NAMES, MINUTE, 5)
    assert np.array_equal(alone.bars(500).close[:, 0], crowd.bars(500).close[:, 1])


def test_returns_have_fat_tails_clusters_company_and_no_memory_of_sign() -> None:
    bars = market(0.0).bars(60_000)
    moves = returns(bars)
    loud = np.abs(moves)
    for column in range(len(NAMES)):
        centred = moves[:, column] - moves[:, column].mean()
        assert (centred**4).mean() / (centred**2).mean() ** 2 > 6
        assert np.corrcoef(loud[:-10, column], loud[10:, column])[0, 1] > 0.05
        assert abs(np.corrcoef(np.sign(moves[:-1, column]), np.sign(moves[1:, column]))[0, 1]) < 0.02
        assert np.corrcoef(np.log(bars.volume[1:, column]), np.log(loud[:, column]))[0, 1] > 0.3
    assert np.corrcoef(moves.T)[np.triu_indices(len(NAMES), 1)].min() > 0.25


def test_stressed_regimes_move_symbols_together_more_than_calm_ones() -> None:
    def together(togetherness: float) -> float:
        regimes = ((1.0, togetherness, 24.0), (1.0, togetherness, 24.0))
        moves = returns(market(0.0, climate=Climate(regimes=regimes)).bars(10_000))
        return float(np.corrcoef(moves.T)[np.triu_indices(len(NAMES), 1)].mean())

    assert together(0.8) > together(0.0) + 0.15


def test_weekends_and_nights_are_quieter() -> None:
    bars = synthetic(NAMES, HOUR, 3, 0.0).bars(20_000)
    loud, hours = np.abs(returns(bars)).mean(axis=1), bars.ts[1:] // HOUR
    weekend = (hours // 24 + 4) % 7 % 6 == 0
    assert loud[weekend].mean() < 0.9 * loud[~weekend].mean()
    assert loud[hours % 24 == 4].mean() < loud[hours % 24 == 15].mean()


def test_funding_settles_every_eight_hours_and_follows_the_premium() -> None:
    bars = market(climate=Climate(premium_push=0.1)).bars(3_000)
    assert bars.funding is not None
    settles = bars.ts % (8 * HOUR) == 0
    assert np.isfinite(bars.funding[settles]).all()
    assert np.isnan(bars.funding[~settles]).all()
    assert (bars.funding[0] == 0.0001).all()
    assert len(np.unique(bars.funding[settles])) > 3
    assert (np.abs(bars.funding[settles]) <= 0.02).all()


def test_the_mark_stays_near_the_close_and_lags_it() -> None:
    bars = market().bars(20_000)
    assert bars.mark is not None
    distance = bars.mark / bars.close - 1
    assert np.percentile(np.abs(distance), 99) < 0.002
    assert np.corrcoef(distance[1:, 0], returns(bars)[:, 0])[0, 1] < -0.3


def test_a_flash_crash_falls_and_comes_most_of_the_way_back() -> None:
    calm = market(0.0).bars(200)
    struck = market(0.0, stresses=(flash_crash(100, 0.2, 5, 40, 0.8, ("BBBUSDT",)),)).bars(200)
    path = struck.close[:, 1] / calm.close[:, 1]
    assert path[99] == 1.0
    assert path[104] == pytest.approx(0.8, abs=0.005)
    assert path[144] == pytest.approx(0.8**0.2, abs=0.005)
    assert struck.volume[104, 1] > 3 * calm.volume[104, 1]
    assert np.array_equal(struck.close[:, 0], calm.close[:, 0])


def test_a_gap_moves_the_open_and_nothing_trades_between() -> None:
    bars = market(stresses=(gap(150, -0.1),)).bars(200)
    broken = bars.open[1:] != bars.close[:-1]
    assert broken[149].all()
    assert broken.sum() == len(NAMES)
    assert np.allclose(bars.open[150] / bars.close[149], 0.9, atol=1e-3)
    assert (bars.high[150] < bars.close[149]).all()


def test_a_melt_up_rises_faster_and_faster() -> None:
    calm, risen = market(0.0).bars(200), market(0.0, stresses=(melt_up(100, 0.5, 50),)).bars(200)
    path = risen.close[:, 0] / calm.close[:, 0]
    assert path[149] == pytest.approx(1.5, rel=0.01)
    assert path[124] < 1.25


def test_a_price_at_its_floor_bounces_instead_of_leaving_the_grid() -> None:
    floor = tuple(replace(contract(name, 100.0), price_min=Decimal(90)) for name in NAMES)
    world = market(instruments=floor, prices=(90.5,) * len(NAMES), climate=Climate(volatility_daily=0.5))
    bars = world.bars(2_000)
    assert (bars.close >= 90).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 1e6), st.text("ABC", min_size=1, max_size=4))
def test_a_contract_suits_the_price_it_was_made_for(price: float, name: str) -> None:
    made = contract(name, price)
    assert 90_000 <= Decimal(repr(price)) / made.tick <= 1_100_000
    assert made.price_min < Decimal(repr(price)) < made.price_max
    assert made.step == made.quantity_min <= made.market_quantity_max <= made.quantity_max
    assert made.market_quantity_max % made.step == 0


def test_listed_contracts_come_in_order_and_from_the_seed() -> None:
    assert tuple(i.symbol for i in listed(NAMES, 1)) == NAMES
    assert listed(NAMES, 1) == listed(NAMES, 1) != listed(NAMES, 2)


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda: synthetic((), MINUTE, 1), "symbols are distinct and at least one"),
        (lambda: synthetic(("A", "A"), MINUTE, 1), "symbols are distinct"),
        (lambda: synthetic(NAMES, 7_000, 1), "interval_ms divides eight hours, was 7000"),
        (lambda: synthetic(NAMES, MINUTE, -1), "seed is not negative, was -1"),
        (lambda: synthetic(NAMES, MINUTE, 1, 1.5), "strength is from 0 to 1, was 1.5"),
        (lambda: market(start_ms=1), "start_ms lies on the interval's grid, was 1"),
        (lambda: market(prices=(1.0,)), "prices are positive, one per symbol"),
        (lambda: market(instruments=listed(NAMES[::-1], 1)), "instruments come in the order of symbols"),
        (lambda: market(stresses=(gap(1, symbols=("XXX",)),)), "symbols are of this market, was XXX"),
        (lambda: market().bars(-1), "count is not negative, was -1"),
        (lambda: next(market().stream(0)), "a block has one row or more, was 0"),
        (lambda: Plant(momentum_bars=0), "momentum_bars is from 1 to 1000, was 0"),
        (lambda: Plant(busy_bars=60), "0 <= busy_bars < usual_bars <= 1000, was 60 and 60"),
        (lambda: Plant(busy_ratio=-0.1), "busy_ratio is not negative, was -0.1"),
        (lambda: Climate(dof=2.0), "dof is above 2"),
        (lambda: Climate(shock_share=0.5, memory_share=0.6), "shock_share + memory_share stay below 1"),
        (lambda: flash_crash(1, depth=1.5), "depth is between 0 and 1, was 1.5"),
        (lambda: gap(-1), "starts at bar 0 or later, was -1"),
    ],
)
def test_an_impossible_world_is_refused_by_its_rule(build: Callable[[], object], rule: str) -> None:
    with pytest.raises(Invalid, match=rule.replace("+", r"\+")):
        build()
